-- One row per commit, the latest first: which run wrote which asset.
SELECT snapshot_id, snapshot_time, commit_message, commit_extra_info->>'run_id' AS run_id
FROM lake.snapshots()
ORDER BY snapshot_id DESC
LIMIT 20
