import pytest

from wsss.config.text import BACKGROUND
from wsss.data.prompts import background_words, is_mute, problems, prompts, warnings

VOC = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
RENAMED = {
    "bird": "bird avian",
    "chair": "chair seat",
    "person": "person with clothes,people,human",
    "tvmonitor": "tvmonitor screen",
}


def test_classes_of_voc_have_the_published_texts():
    assert prompts(VOC, {}) == tuple(RENAMED.get(name, name) for name in VOC)
    assert background_words(BACKGROUND, VOC) == tuple(BACKGROUND)


def test_words_that_are_classes_are_no_background():
    # those of COCO lack two of VOC's (docs/methods/clip_es.md 2)
    left = background_words(BACKGROUND, ("stop sign", "Keyboard", "hair drier"))
    assert set(BACKGROUND) - set(left) == {"sign", "keyboard"}
    assert background_words(["rock", "sky"], ("rock_face",)) == ("sky",)


def test_own_texts_come_first():
    own = {"mug": 'red "coffee" mug, with a handle', "bird": "sparrow"}
    assert prompts(("mug", "bird", "traffic_light"), own) == (*own.values(), "traffic light")


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"brid": "sparrow"}, "'brid' is no class; did you mean bird?"),
        ({"zebra": "zebra"}, "'zebra' is no class; the classes are 'bird', 'cup'"),
        ({"cup": " "}, "'cup': ' ' is no text"),
        ({"cup": "a\nb"}, "'cup': 'a\\nb' is no text"),
    ],
)
def test_wrong_texts_are_named(own, message):
    (line,) = problems(("bird", "cup"), own)
    assert line.startswith(message)


def test_any_sign_of_a_text_is_taken():
    assert not [*problems(("cup",), {"cup": "a \"cup\"; 'mug', {} \\ カップ"})]


@pytest.mark.parametrize(
    "name", ["cls_3", "class7", "12", "Class 01", "label-2", "x", "3.5", "c1", "_1_"]
)
def test_numbers_say_nothing(name):
    assert is_mute(name)
    (line,) = warnings((name, "dog"), {})
    assert repr(name) in line and "prompts:" in line
    assert not [*warnings((name,), {name: "dog"})]


@pytest.mark.parametrize("name", ["dog", "747 aeroplane", "type 2 diabetes", "犬", "ox", "7up can"])
def test_words_say_something(name):
    assert not is_mute(name)
