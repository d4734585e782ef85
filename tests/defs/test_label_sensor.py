"""The sensor of label files: the same import as the command's, reported to Dagster."""

from pathlib import Path

import dagster as dg

from imgassets.cli.common import open_warehouse
from imgassets.defs.feeds.labels import new_label_files
from imgassets.settings import Settings
from imgassets.warehouse.contracts import FlagLabels, ImageLabels


def test_new_files_are_imported_and_reported_once(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    settings = Settings(home=tmp_path / "home", labels=str(folder))
    warehouse = open_warehouse(settings)
    with dg.instance_for_test() as instance:

        def tick(of: Settings = settings) -> dg.SensorResult | dg.SkipReason:
            found = new_label_files(
                dg.build_sensor_context(
                    instance=instance, resources={"settings": of, "warehouse": warehouse}
                )
            )
            assert isinstance(found, dg.SensorResult | dg.SkipReason)
            return found

        silent = tick(Settings(home=tmp_path / "home"))
        assert isinstance(silent, dg.SkipReason)
        assert "IMGASSETS_LABELS is not set" in str(silent.skip_message)

        (folder / "types.csv").write_text("product_id,image_url,view\np,a,front\np,b,\n")
        (folder / "flags.csv").write_text("product_id,image_url,flag\np,a,weapon\n")
        (folder / "broken.csv").write_text("product_id\np\n")
        found = tick()
        assert isinstance(found, dg.SensorResult)
        events = {event.asset_key.path[-1]: event for event in found.asset_events}
        assert set(events) == {"flag_labels", "image_labels"}
        assert events["image_labels"].metadata["rows_refused"].value == 2
        assert warehouse.read(ImageLabels).height == warehouse.read(FlagLabels).height == 1

        again = tick()
        assert isinstance(again, dg.SkipReason)
        assert "3 files of labels, none of them new" in str(again.skip_message)
