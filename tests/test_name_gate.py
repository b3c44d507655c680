import pytest

from wsss.config.dataset import Dataset
from wsss.io.names import name_problem
from wsss.names import class_problem, cleaned, folded, is_background, suggestion, warnings

LOOK_ALIKES = [
    "traffic\u00a0light",
    "traffic  light",
    "traffic\u200b light",
    "traffic\u2009light",
    "Traffic Light",
    "\uff54raffic light",
    "\ufefftraffic light",
    "traffic lig\u00adht",
    "tr\u0430ffic light",
    "\u0422raffic light",
]
BACKGROUNDS = [
    "background",
    "Background",
    "BACKGROUND",
    "_background_",
    "__background__",
    " background ",
    "back\u200bground",
    "\uff42ackground",
    "Back Ground",
    "back-ground",
]


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_look_alikes_are_folded_to_one(name):
    assert folded(name) == "traffic light"


@pytest.mark.parametrize("name", [" cat", "cat ", "\u00a0cat\t", "\u200bcat\ufeff", "cat"])
def test_names_are_stripped(name):
    assert cleaned(name) == "cat"
    assert Dataset(source="csv", root="x", classes=[name]).classes == ["cat"]


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_background_is_no_class_in_any_spelling(name):
    assert is_background(name) and "write background" in class_problem(name)
    assert suggestion(name, ["cat"]) == "write background"


@pytest.mark.parametrize("name", ["backgrounds", "cat", "background noise"])
def test_other_names_are_classes(name):
    assert class_problem(name) == ""


UNNAMED = ("None", "none", "void", "_ignore_", "Unlabeled", "BG", "N/A", "null", "no class")


@pytest.mark.parametrize("name", UNNAMED)
def test_words_for_no_class_are_warned_about(name):
    assert "write background" in next(warnings([name]))


@pytest.mark.parametrize("name", ["traffic_light", "Traffic-Light", "trafficlight"])
def test_names_without_blanks_are_warned_about(name):
    (line,) = warnings(["cat", "traffic light", name])
    assert "taken for two classes" in line


@pytest.mark.parametrize("sign", "\u200b\u200d\u200e\u200f\u202e\u2066\ufeff\u00ad")
def test_image_ids_have_no_invisible_signs(sign):
    assert "zero-width or right-to-left" in name_problem(f"a{sign}b")
