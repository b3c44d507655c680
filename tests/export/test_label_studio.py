import json
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tests.export.conftest import MASKS
from tests.export.tool import ask, needs_tools
from wsss.errors import UserError
from wsss.export import label_studio
from wsss.io import brush

READ = """
import json, sys
import numpy as np
from label_studio_sdk.converter.brush import decode_rle
from label_studio_sdk.label_interface import LabelInterface
tasks, config = (open(name, encoding="utf-8").read() for name in sys.argv[1:])
interface, found = LabelInterface(config), []
for task in json.loads(tasks):
    assert all(interface.validate_prediction(p) for p in task["predictions"])
    regions = {}
    for result in task["predictions"][0]["result"]:
        size = result["original_height"], result["original_width"], 4
        opacity = decode_rle(result["value"]["rle"]).reshape(size)[..., 3]
        regions[result["value"]["brushlabels"][0]] = opacity.tolist()
    found.append([task["data"]["image"], regions])
print(json.dumps(found))
"""


def decode(code):
    """The inverse of `brush.encode`, written down from the description of the code."""
    bits = "".join(f"{byte:08b}" for byte in code)
    place = 0

    def take(width):
        nonlocal place
        place += width
        return int(bits[place - width : place], 2)

    count, width, values = take(32), take(5) + 1, []
    widths = [take(4) + 1 for _ in range(4)]
    while len(values) < count:
        assert take(1) == 1
        values += (take(widths[take(2)]) + 1) * [take(width)]
    return np.array(values, np.uint8)


@settings(max_examples=50)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.booleans()))
def test_the_brush_code_can_be_decoded(mask):
    assert (
        decode(brush.encode(mask)).reshape(*mask.shape, 4).tolist()
        == np.repeat(255 * mask[..., None].astype(int), 4, axis=2).tolist()
    )


@pytest.mark.parametrize("pixels", [1, 2, 4, 5, 64, 65, 16384, 16385, 50000])
def test_runs_around_the_limits_of_the_code(pixels):
    values = decode(brush.encode(np.append(np.ones(pixels, bool), False)[None]))
    assert values.tolist() == [255] * 4 * pixels + [0] * 4


def test_the_code_of_two_pixels_by_hand():
    bits = "".join(f"{byte:08b}" for byte in brush.encode(np.array([[True, False]])))
    head = f"{8:032b}" + "00111" + "0010" + "0011" + "0111" + "1111"
    assert bits.startswith(head + "1" + "00" + "011" + "1" * 8 + "1" + "00" + "011" + "0" * 8)


def test_tasks_and_configuration_belong_together(label_maps, tmp_path):
    options = {"from_name": "mask", "to_name": "photo", "model_version": "m1", "score": 0.5}
    label_studio.write(label_maps, tmp_path / "out.json", url="s3://box/", **options)
    first, *_ = json.loads((tmp_path / "out.json").read_text())
    assert first["data"] == {"photo": "s3://box/a.jpg"}
    prediction = first["predictions"][0]
    assert (prediction["model_version"], prediction["score"]) == ("m1", 0.5)
    image, labels = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (image.get("name"), image.get("value")) == ("photo", "$photo")
    assert (labels.get("name"), labels.get("toName")) == ("mask", "photo")
    assert [label.get("value") for label in labels] == ["cat", "dog"]
    for result in prediction["result"]:
        assert (result["from_name"], result["to_name"]) == ("mask", "photo")


def test_odd_names_are_escaped(make, tmp_path):
    names = ('a & "b" <c>', "é")
    label_studio.write(make({"x y#é": MASKS["a"]}, names), tmp_path / "out.json")
    assert [
        label.get("value") for label in ElementTree.parse(tmp_path / "out.xml").iter("Label")
    ] == list(names)
    (task,) = json.loads((tmp_path / "out.json").read_text())
    assert task["data"]["image"] == "/data/local-files/?d=x%20y%23%C3%A9.jpg"


def test_a_neighbours_file_is_not_overwritten(label_maps, tmp_path):
    (tmp_path / "out.xml").write_text("<mine/>")
    with pytest.raises(UserError, match=r"out\.xml: exists"):
        label_studio.write(label_maps, tmp_path / "out.json")
    (tmp_path / "out.xml").unlink()
    for _ in range(2):
        label_studio.write(label_maps, tmp_path / "out.json")


@needs_tools
def test_label_studio_reads_the_same_masks(label_maps, tmp_path):
    label_studio.write(label_maps, tmp_path / "out.json")
    found = ask(READ, tmp_path / "out.json", tmp_path / "out.xml")
    for (address, regions), (name, labels) in zip(found, MASKS.items(), strict=True):
        assert address == f"/data/local-files/?d={name}.jpg"
        shown = {k: v for k, v in (("cat", labels == 1), ("dog", labels == 2)) if v.any()}
        assert regions == {kind: (255 * region).tolist() for kind, region in shown.items()}


@pytest.mark.parametrize(
    ("file", "options"),
    [("out.xml", {}), ("out.json", {"from_name": "image"}), ("out.json", {"to_name": "a b"})],
)
def test_names_that_cannot_work_are_refused(label_maps, tmp_path, file, options):
    with pytest.raises(UserError, match=r"tasks are JSON|two names"):
        label_studio.write(label_maps, tmp_path / file, **options)
