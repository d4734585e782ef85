#!/bin/sh
# Secrets that libpq and S3 clients look for in the environment, from the files that Docker mounts.
# Those of imgassets itself it reads from there (IMGASSETS_SECRETS).
set -eu
for name in PGPASSWORD AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; do
    if [ -r "/run/secrets/$name" ]; then
        export "$name=$(cat "/run/secrets/$name")"
    fi
done
exec "$@"
