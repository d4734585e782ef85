"""The README's commands and queries, run as they stand on a small sample catalog.

Every shell command is either run here or listed in `ELSEWHERE` with what covers it instead.
"""

import ast
import datetime as dt
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import polars as pl
import pytest
import typer
from PIL import Image
from pydantic import BaseModel

from imgassets.cli import app
from imgassets.cli.search import QUERY, QueryOrCommand
from imgassets.learning import heads
from imgassets.learning.categories import read_categories
from imgassets.sample import write_sample_catalog, write_sample_reviews
from imgassets.selection.policies import read_policies
from imgassets.selection.quality import DEFECTS
from imgassets.settings import Settings
from imgassets.warehouse.contracts import BY_NAME
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.views import sql_folder, views
from tests.command import other_variables, run_command
from tests.servers import code_server

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent

RUN = re.compile(
    r"imgassets (ingest|categories|labels import|train|types|backfill|gallery|sql|defects|models"
    r"|compare-pairs|pairs tune|matches|dictionary|search|mock-run|impact|reviews|forget"
    r"|doctor|maintain|migrate"
    r"|review (?!serve))(?!.*--launch)"
    r'|eval "\$\(imgassets env\)" && dagster '
)
"""Commands that are run."""

FILLS = re.compile(
    r"imgassets (ingest|categories|labels|train|types|backfill|models promote|reviews?|impact)\b"
)
"""Commands that fill the warehouse or need the one before: they run in the README's order."""

NEEDS_SHELL = re.compile(r"[|>]|imgassets (sql$|env)")
"""Lines that a shell must run: each command of theirs is a process. The others are quicker in this
one, see `run_command`."""

DAGSTER = re.compile(r"&& dagster (sensor|schedule) start ")
"""Lines whose processes would each load all definitions: those of one server serve them all."""

ELSEWHERE = {
    "make demo": "Makefile",
    "make test": "Makefile",
    "make dev": "Makefile",
    "make check": "Makefile",
    "make install": "Makefile",
    "source .venv/bin/activate": "Makefile",
    ".venv/bin/python -m pip install -c constraints.txt -e '.[postgres,s3]'": "pyproject.toml",
    ".venv/bin/python -m pip install -c constraints.txt -e '.[ray]'": "pyproject.toml",
    "export IMGASSETS_ENGINE=ray IMGASSETS_RAY__ACTORS=4 IMGASSETS_RAY__GPUS_PER_ACTOR=1": (
        "tests/vision/test_ray_engine.py"
    ),
    "export IMGASSETS_BACKBONE=facebook/dinov2-small": "tests/vision/test_backbones.py",
    "imgassets train && imgassets backfill": "tests/vision/test_backbones.py",
    "imgassets review serve": "tests/service",
    "imgassets pairs train photos --out comparator.txt": "tests/learning/test_pair_training.py",
    'export IMGASSETS_DEDUP__COMPARATOR="$PWD/comparator.txt"': "tests/operations",
    'export IMGASSETS_DEDUP__THRESHOLDS="$PWD/thresholds.toml"': "tests/operations",
    'export IMGASSETS_ORDERING__POLICIES="$PWD/policies.toml"': "tests/operations",
    "imgassets train search": "tests/learning/search",
    "imgassets search index": "tests/cli/test_search_command.py",
    "imgassets labels attributes attributes.csv": "tests/operations",
    "imgassets search evaluate --products products.csv --queries queries.csv --qrels qrels.csv "
    "--group style": "tests/cli/test_search_evaluate_command.py",
    "imgassets clicks import clicks.csv": "tests/operations/test_clicks_import.py",
    "imgassets serve --host 127.0.0.1 --port 8000": "tests/service",
    "curl -H 'Content-Type: application/json' -d @product.json "
    "http://127.0.0.1:8000/v1/image-sets": "tests/service/v1",
    """export IMGASSETS_SERVICE__API_KEYS='["shop:0123456789abcdef"]'""": "tests/service/v1",
    "curl -H 'X-API-Key: 0123456789abcdef' "
    "'http://127.0.0.1:8000/v1/search?q=blue+mug'": "tests/service/v1",
    'export IMGASSETS_FEEDS="$PWD/feeds" IMGASSETS_IMAGE_BASE="$PWD"': "imgassets/settings",
    "imgassets backfill --launch --wait --timeout 3600": "tests/integration",
    'duckdb -cmd "$(imgassets sql --attach)"': "tests/test_readme.py",
}
"""Commands that are long, interactive or install something: what covers each of them."""

NOT_SETTINGS = {
    "IMGASSETS_CONFIG",
    "IMGASSETS_DAGSTER_STORAGE",
    "IMGASSETS_SECRETS",
    "IMGASSETS_TRACEBACK",
}
"""Variables that are read beside the settings."""


def blocks(language, text=README):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(text=README):
    lines = "\n".join(blocks("(?:bash|console)", text)).splitlines()
    return [line for line in lines if line.strip()]


def write_pairs(photos, folder):
    """Write labelled pairs as the README says: of each photo a copy, and the next photo."""
    (folder / "images").mkdir(parents=True)
    lines = ["left,right,label,split"]
    for number, photo in enumerate(photos):
        with Image.open(photo) as picture:
            picture.save(folder / "images" / f"{number}.jpg")
            picture.reduce(2).save(folder / "images" / f"{number}-copy.jpg", quality=70)
        split = "test" if number % 2 else "tune"
        lines.append(f"{number}.jpg,{number}-copy.jpg,1,{split}")
        lines.append(f"{number}.jpg,{(number + 1) % len(photos)}.jpg,0,{split}")
    (folder / "pairs.csv").write_text("\n".join(lines))


def write_sales(folder):
    """Write a series with a control that doubles in its last month, as the README has one."""
    random = np.random.default_rng(0)
    days = pl.date_range(dt.date(2026, 1, 1), dt.date(2026, 4, 30), eager=True)
    control = 100 + random.normal(0, 5, len(days)).cumsum()
    lift = np.where(days >= dt.date(2026, 4, 1), 2.0, 1.0)
    sales = lift * control + random.normal(0, 3, len(days))
    frame = pl.DataFrame({"day": days, "sales": sales, "elsewhere": control})
    frame.write_csv(folder / "sales.csv")


def filled(word, folder):
    """Return a word of a command; one that is `$(cat FILE)` is the file's text, as in a shell."""
    named = re.fullmatch(r"\$\(cat (\S+)\)", word)
    return (folder / named[1]).read_text(encoding="utf-8").rstrip("\n") if named else word


RUN_HERE = [line for line in commands() if line not in ELSEWHERE and RUN.match(line)]
SQL = blocks("sql")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run the README's commands in a folder laid out as it says; stop at a failure.

    What fills the warehouse runs in the README's order, before what only looks.
    """
    folder = tmp_path_factory.mktemp("readme")
    catalog = write_sample_catalog(folder, styles=2)
    write_sample_reviews(folder, styles=2)
    shutil.copy(sorted((folder / "images").rglob("*.jpg"))[0], folder / "images" / "mug.jpg")
    for day in catalog.days[1:]:  # one day of feeds is quick and fills every table
        shutil.rmtree(catalog.feeds / day)
    write_sales(folder)
    write_pairs(sorted((folder / "images").rglob("*.jpg"))[1:9], folder / "pairs")
    shutil.copy(ROOT / "workspace.yaml", folder)
    (folder / "sql").symlink_to(ROOT / "sql")
    home = folder / "state"
    variables = {
        "IMGASSETS_HOME": str(home),
        "IMGASSETS_LEARNING__MAX_SOURCES": "4",  # quick: the commands are the point
        "IMGASSETS_LEARNING__MAX_AUGMENTATIONS": "1",
        "IMGASSETS_RANKING__MAX_SOURCES": "10",
        "IMGASSETS_RANKING__EPOCHS": "2",
        "IMGASSETS_RANKING__PAIRS": "200",
        "IMGASSETS_RANKING__APPROACH": "measured",
    }
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"

    def in_shell(command):
        return subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env={**other_variables(), **variables, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
        )

    def run(command):
        printed = ""
        for line in [command] if NEEDS_SHELL.search(command) else command.split(" && "):
            if NEEDS_SHELL.search(line):
                result = in_shell(line)
            else:
                words = [filled(word, folder) for word in shlex.split(line)[1:]]
                result = run_command(*words, environment=variables, folder=folder)
            assert result.returncode == 0, f"{line}\n{result.stdout}\n{result.stderr}"
            printed += result.stdout
        return printed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heads, "TREES", 20)  # quick: the commands are the point
        done = {command: run(command) for command in RUN_HERE if FILLS.match(command)}
    starts = [command for command in RUN_HERE if DAGSTER.search(command)]
    done |= {command: run(command) for command in RUN_HERE if command not in [*done, *starts]}
    with code_server(folder, {**other_variables(), **variables, "PATH": path}) as port:
        workspace = f"load_from: [grpc_server: {{host: localhost, port: {port}}}]"
        (folder / "workspace.yaml").write_text(workspace)
        done |= {command: run(command) for command in starts}
    lake = home / "warehouse"
    warehouse = Warehouse(f"ducklake:sqlite:{lake}/catalog.sqlite", f"{lake}/data/")
    return SimpleNamespace(folder=folder, home=home, out=done, warehouse=warehouse)


# --- every command is accounted for ---------------------------------------------------------------


def test_every_command_is_run_here_or_covered_elsewhere():
    assert [c for c in commands() if c not in RUN_HERE and c not in ELSEWHERE] == []
    assert [c for c in ELSEWHERE if c not in commands()] == []


def test_what_covers_the_others_is_there():
    assert [path for path in ELSEWHERE.values() if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_every_make_target_exists(text):
    targets = sorted(set(re.findall(r"\bmake ([a-z-]+)[`\n]", text)))
    assert targets
    for target in targets:
        result = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr


def test_every_extra_exists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {e for found in re.findall(r"'\.\[([a-z0-9,]+)\]'", README) for e in found.split(",")}
    assert named == {"postgres", "s3", "ray"}
    assert named <= set(project["optional-dependencies"])


def test_every_imgassets_command_has_these_options():
    """Covers the cron line and the Airflow task, too, which are not run."""
    code = "\n".join(blocks("(?:bash|console|cron|python)"))
    calls = re.findall(r"(?:^|[\s(\"'/])imgassets (?!folder)([a-z][^\n&|>)\"']*)", code)
    assert len(calls) > 15
    for call in calls:
        words = shlex.split(call)
        command = typer.main.get_command(app)
        while hasattr(command, "commands"):
            if isinstance(command, QueryOrCommand) and not {*words[:1]} & {*command.commands}:
                words.insert(0, QUERY)
            assert words[0] in command.commands, call
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {w for w in words if w.startswith("--") and w != "--"} <= known, call


def test_the_airflow_task_is_python():
    (task,) = [block for block in blocks("python") if "airflow" in block]
    ast.parse(task)


def test_the_example_of_a_single_series_runs(tmp_path, monkeypatch, capsys):
    (example,) = [block for block in blocks("python") if "CausalImpact" in block]
    write_sales(tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "Posterior inference" in printed
    assert "excludes zero" in printed
    assert (tmp_path / "panels.png").stat().st_size > 10_000


# --- what the commands did ------------------------------------------------------------------------


def test_the_commands_run_in_order(ran):
    assert set(ran.out) == set(RUN_HERE)
    out = {
        command.removeprefix("imgassets "): " ".join(s.split()) for command, s in ran.out.items()
    }
    assert "3 feed files accepted" in out["ingest feeds --image-base ."]
    assert "4 categories in 2 verticals imported" in out["categories import categories.toml"]
    assert "orders of views of 4 categories" in out["categories import categories.csv"]
    assert "30 are needed" in out["train --category laptop"]
    assert (
        "of 16 pairs are the same: answers.csv"
        in out["compare-pairs pairs/pairs.csv --images pairs/images --out answers.csv"]
    )
    assert "images compared" in out["matches"]
    assert "4 categories estimated as of 2026-02-17" in out["impact run"]
    assert "shallow_net" in out["types compare --backbone embedded"]
    assert "image_type version 1" in out["train"]
    assert "partitions done" in out["backfill"]
    assert all(f"{flag} version 1" in out["train quality"] for flag in DEFECTS)
    assert "partitions done" in out["train promo_badge && imgassets backfill"]
    assert "new questions" in out["review round promo_badge"]
    assert "0 answers imported" in out["review import tasks.csv --reviewer ann"]
    limited = "backfill --from 2026-01-05 --to 2026-01-06 --category laptop"
    assert out[limited] == "nothing to do: 1 partitions are up to date"


def test_the_files_they_write(ran):
    scorecard = pl.read_csv(ran.folder / "scorecard.csv")
    assert {"acme", "borealis", "cobalt"} == set(scorecard["supplier_id"])
    assert pl.read_ndjson(ran.folder / "heroes.jsonl")["is_hero"].all()
    assert (ran.folder / "panels.png").stat().st_size > 10_000
    for page in ("gallery.html", "dictionary.html"):
        assert "<html" in (ran.folder / page).read_text(encoding="utf-8")


def test_state_lies_where_the_readme_says(ran):
    section = README.split("### Where state lives")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)
    made_on_demand = {"galleries", "search_index"}
    assert {name.split("/")[0] for name in listed} - made_on_demand == {
        path.name for path in ran.home.iterdir()
    } - made_on_demand
    assert [
        name
        for name in listed
        if name.split("/")[0] not in made_on_demand and not (ran.home / name).exists()
    ] == []


def test_the_attach_line_works_in_duckdb(ran):
    line = ran.out["imgassets sql --attach"]
    with duckdb.connect() as connection:
        for name in ("ducklake", "sqlite_scanner"):
            connection.execute(f"LOAD '{extension(name)}'")
        connection.execute(line)
        assert connection.execute("SELECT count(*) FROM image_decisions").fetchone()[0] > 0


def extension(name):
    """Return the extension file of the installed wheel."""
    module = __import__(f"duckdb_extension_{name}")
    return next(Path(module.__file__).parent.rglob(f"{name}.duckdb_extension"))


@pytest.mark.parametrize("query", SQL, ids=range(len(SQL)))
def test_every_query_finds_rows(ran, query):
    assert ran.warehouse.sql(query).height > 0


def test_every_view_and_query_of_the_analysts_answers(ran):
    answers = {view.name: ran.warehouse.sql(f"FROM {view.name}") for view in views()}
    for path in (sql_folder() / "queries").glob("*.sql"):
        answers[path.stem] = ran.warehouse.sql(path.read_text(encoding="utf-8"))
    # One day of feeds of a few products that agree, no answers of people, no clicks, and cohorts
    # with data enough.
    nothing_to_tell = {
        "category_conflicts", "current_answers", "label_conflicts", "review_agreement",
        "hero_changes", "look_alikes", "where_clicks_and_policy_disagree", "impact_not_told",
        "products_without_a_good_review_photo", "search_report", "image_colours",
        "product_attributes", "what_each_part_of_search_gives",
        "which_queries_search_answers_badly",
    }  # fmt: skip
    empty = {name for name, rows in answers.items() if rows.is_empty()}
    assert empty - nothing_to_tell == set()


def test_every_table_and_view_is_listed_with_what_one_row_is(ran):
    listed = set()
    for table in re.findall(
        r"^\| (?:table|view) \| one row is \|\n\|.*\n((?:\|.*\n)+)", README, re.M
    ):
        listed |= set(re.findall(r"^\| `([a-z_]+)`", table, re.MULTILINE))
    assert listed == {*BY_NAME, *(view.name for view in views())}
    assert listed == set(ran.warehouse.sql("SHOW TABLES")["name"])


# --- settings and text ----------------------------------------------------------------------------


def setting_names(model=Settings, prefix="IMGASSETS_"):
    for name, field in model.model_fields.items():
        yield prefix + name.upper(), field
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from setting_names(kind, f"{prefix}{name.upper()}__")


def test_every_setting_exists_with_its_default():
    known = dict(setting_names())
    assert set(re.findall(r"\bIMGASSETS_[A-Z_]*[A-Z]", README)) <= {*known, *NOT_SETTINGS}
    rows = re.findall(r"^\| `(IMGASSETS_\w+)` \| `?([^|`]+)`? +\|", README, re.MULTILINE)
    assert len(rows) > 10
    defaults = {
        name: "none" if field.default in (None, "") else str(field.default)
        for name, field in known.items()
    }
    defaults["IMGASSETS_BACKBONE"] = defaults["IMGASSETS_VISION__BACKBONE"]  # shorthand
    assert [
        (n, d.strip(), defaults[n]) for n, d in rows if float_or(d) != float_or(defaults[n])
    ] == []


def float_or(text):
    try:
        return float(text)
    except ValueError:
        return text.strip()


def test_the_example_of_categories_is_read(tmp_path):
    (example,) = [block for block in blocks("toml") if "[verticals." in block]
    (tmp_path / "categories.toml").write_text(example, encoding="utf-8")
    lists = read_categories(tmp_path / "categories.toml")
    assert lists.categories["vertical"].to_list() == ["apparel"]


def test_the_example_of_policies_is_read(tmp_path):
    (example,) = [block for block in blocks("toml") if "push_down" in block]
    (tmp_path / "policies.toml").write_text(example, encoding="utf-8")
    mugs = read_policies(tmp_path / "policies.toml").of("mugs")
    assert (mugs.min_images, mugs.max_images, mugs.clicks.learned) == (3, 8, True)


@pytest.mark.parametrize("example", [b for b in blocks("toml") if "[categories." not in b])
def test_every_toml_example_is_read(example, tmp_path, monkeypatch):
    (tmp_path / "imgassets.toml").write_text(example, encoding="utf-8")
    for name in [n for n in os.environ if n.startswith("IMGASSETS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("IMGASSETS_HOME", str(tmp_path))
    settings = Settings()
    for key, value in tomllib.loads(example).items():
        found = getattr(settings, key)
        assert (found.model_dump() | value if isinstance(value, dict) else value) == (
            found.model_dump() if isinstance(value, dict) else found
        )


def test_every_rule_of_the_quarantine_exists():
    stages = "feed|fetch|signals|labels|engagement|interventions|reviews"
    rows = re.findall(rf"^\| `(?:{stages})` \| (`[^|]+) \|", README, re.MULTILINE)
    assert len(rows) == 7
    code = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "imgassets").rglob("*.py"))
    rules = {rule for row in rows for rule in re.findall(r"`([a-z_]+)`", row)}
    assert [rule for rule in sorted(rules) if f'"{rule}"' not in code] == []


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_links_lead_somewhere(text):
    """The two pictures are made by the browser tests from the running system."""
    targets = re.findall(r"\]\(([^)]+)\)", text)
    local = [t for t in targets if "://" not in t and not t.startswith(("#", "docs/"))]
    assert [target for target in local if not (ROOT / target).exists()] == []
    headings = {h.lower().replace(" ", "-") for h in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert {t[1:] for t in targets if t.startswith("#")} <= headings


def test_no_path_of_one_machine():
    assert re.findall(r"(?<![\w.~:/$}\"])/(?:home|root|work|tmp|usr|srv|opt|mnt)\b", README) == []
    assert "../" not in README
