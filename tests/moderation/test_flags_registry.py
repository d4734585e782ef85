from __future__ import annotations

from pathlib import Path

import pytest

from imgassets.learning.synthetic import DEFECTS
from imgassets.moderation.flags import Flag, all_flags, builtin_flags, read_flags, require_known
from imgassets.selection.quality import DEFECTS as JUDGED_BY_QUALITY

OWN = 'group = "compliance"\nquestion = "Is it a pet?"\ntitle = "pet"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "flags.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_built_in_flags_ask_and_say_what_they_are() -> None:
    flags = builtin_flags()
    assert {"weapon", "adult", "violence", "hateful_symbol", "watermark", "promo_badge"} <= {*flags}
    for name, flag in flags.items():
        assert flag.id == name
        assert flag.question.endswith("?")
        assert flag.title


def test_the_quality_flags_are_those_that_quality_scores_decides() -> None:
    quality = [flag.id for flag in builtin_flags().values() if flag.group == "quality"]
    assert quality == list(JUDGED_BY_QUALITY)


def test_types_that_all_categories_share_are_flags_of_a_group_of_their_own(tmp_path: Path) -> None:
    types = [flag.id for flag in builtin_flags().values() if flag.group == "type"]
    assert types == ["lifestyle", "multi_view", "size_chart"]
    assert builtin_flags()["multi_view"].deserved_by("collage") is True
    assert builtin_flags()["collage"].deserved_by("multi_view") is None, "most shops allow it"
    own = OWN.replace("compliance", "type")
    assert all_flags(written(tmp_path, f"[packaging]\n{own}"))["packaging"].group == "type"


def test_kinds_of_synthetic_defects_exist_and_each_is_used() -> None:
    flags = builtin_flags().values()
    named = {kind for flag in flags for kind in (*flag.defects, *flag.unclear)}
    made = {defect.flag for defect in DEFECTS.values()} - {""}
    assert named <= made
    assert made <= {kind for flag in flags for kind in flag.defects}


def test_a_kind_deserves_a_flag_or_does_not_or_is_unclear() -> None:
    badge = builtin_flags()["promo_badge"]
    assert badge.deserved_by("text_overlay") is True
    assert badge.deserved_by("watermark") is None
    assert badge.deserved_by("blurry") is False
    assert badge.deserved_by("") is False, "a harmless variation"


def test_a_file_of_ones_own_adds_flags_and_overrides(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f'[pet]\n{OWN}defects = ["collage"]\n'
        '[weapon]\ngroup = "compliance"\nquestion = "Is it a knife?"\ntitle = "knife"\n',
    )
    flags = all_flags(path)
    assert flags["pet"] == Flag("pet", "compliance", "Is it a pet?", "pet", ("collage",))
    assert flags["weapon"].title == "knife"
    assert {*flags} == {*builtin_flags(), "pet"}
    assert builtin_flags()["weapon"].title == "weapon", "the built-in ones stay as they were"
    assert all_flags() == builtin_flags()


BAD_FILES = {
    "no TOML": ("[pet\n", "no readable TOML file of flags"),
    "no table": ('pet = "yes"\n', "'pet' is no flag: use a table"),
    "a bad id": (f'["Pet 1"]\n{OWN}', "'Pet 1' is no flag"),
    "a taken id": (f"[image_type]\n{OWN}", "'image_type' is no flag, but what asks for types"),
    "another taken id": (f"[same_picture]\n{OWN}", "no flag, but what asks for pairs of images"),
    "no question": ('[pet]\ngroup = "compliance"\ntitle = "pet"\n', "needs group, question and"),
    "a number": ('[pet]\ngroup = "compliance"\nquestion = 3\ntitle = "pet"\n', "are sentences"),
    "something more": (f"[pet]\n{OWN}limit = 3\n", "flag 'pet': needs group.*limit"),
    "its id again": (f'[pet]\n{OWN}id = "cat"\n', "flag 'pet': needs group"),
    "another group": (f"[pet]\n{OWN}".replace("compliance", "taste"), "is 'quality', 'comp.*type'"),
    "kinds as a word": (f'[pet]\n{OWN}defects = "collage"\n', "lists of names, not 'collage'"),
    "kinds as numbers": (f"[pet]\n{OWN}unclear = [1]\n", "lists of names"),
    "a kind that is not made": (f'[pet]\n{OWN}defects = ["fur"]\n', "no kind of defect: fur;.*col"),
    "quality": (f"[pet]\n{OWN}".replace("compliance", "quality"), "has to be 'compliance'"),
    "a flag that moves": (f"[blurry]\n{OWN}", "flag 'blurry': its group has to be 'quality'"),
}  # fmt: skip


@pytest.mark.parametrize("why", BAD_FILES)
def test_a_bad_file_is_refused_by_its_name_and_what_is_wrong(tmp_path: Path, why: str) -> None:
    text, message = BAD_FILES[why]
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=message) as raised:
        all_flags(path)
    assert str(raised.value).startswith(f"{path}: ")


def test_a_missing_file_and_one_that_is_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no readable TOML file"):
        read_flags(tmp_path / "absent.toml")
    path = tmp_path / "flags.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="no readable TOML file"):
        read_flags(path)


def test_unknown_flags_are_named_with_the_known_ones() -> None:
    require_known(["weapon"], builtin_flags())
    with pytest.raises(ValueError, match=r"unknown flag gnu, wepon; known are adult, .*FLAGS"):
        require_known(["wepon", "weapon", "gnu"], builtin_flags())
