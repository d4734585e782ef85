"""`imgassets sql` prints what a query finds, whatever its columns hold."""

import csv
import io
import json
from pathlib import Path

from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse
from tests.command import run_command


def test_lists_structs_and_maps_are_json_in_csv(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    Warehouse(settings.warehouse, settings.warehouse_data).initialise()
    query = (
        "SELECT * FROM (VALUES (['a', 'b\"'], MAP {'x': 1}, {'y': 'é'}, 3),"
        " (NULL, NULL, NULL, NULL)) AS t(l, m, s, n)"
    )
    done = run_command(
        "sql", query, "--format", "csv", environment={"IMGASSETS_HOME": str(tmp_path)}
    )
    assert done.returncode == 0, done.stderr
    first, empty = csv.DictReader(io.StringIO(done.stdout))
    found = [json.loads(first[name]) for name in "lmsn"]
    assert found == [["a", 'b"'], {"x": 1}, {"y": "é"}, 3]
    assert set(empty.values()) == {""}
