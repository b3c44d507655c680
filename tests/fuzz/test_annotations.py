"""COCO's JSON and SBD's MATLAB files of any content are read, or refused by their name."""

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from tests.data.fake_coco import Coco
from tests.fuzz.damage import FEW, MANY, damaged
from wsss.data.sources import inputs
from wsss.data.sources.sbd import read_mask
from wsss.errors import UserError

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
IDS = st.integers(0, 3) | ANY
NAMES = ANY | st.sampled_from(["1.png", "../1.png", "/1.png", "a/../../1.png", ".", "x" * 300])
PICTURES = st.fixed_dictionaries({"id": IDS, "file_name": NAMES, "height": IDS, "width": IDS})
RUNS = st.fixed_dictionaries({"size": st.just([6, 8]), "counts": ANY})
MARKS = st.fixed_dictionaries(
    {"id": IDS, "image_id": IDS, "category_id": IDS, "iscrowd": IDS, "segmentation": ANY | RUNS}
)
LISTS = {
    "images": st.lists(PICTURES | ANY, max_size=3) | ANY,
    "annotations": st.lists(MARKS | ANY, max_size=3) | ANY,
    "categories": st.lists(
        st.fixed_dictionaries({"id": IDS, "name": st.text(max_size=3) | ANY}) | ANY, max_size=3
    ),
}


@pytest.fixture
def coco(tmp_path):
    return Coco(tmp_path)


def try_all(coco, path):
    """Do with the data set what the workflow does."""
    inputs(coco.dataset())
    try:
        for record in coco.read().records:
            assert ".." not in record.image.parts and not record.image.is_absolute()
        coco.masks()
    except UserError as error:
        assert path.name in str(error)


@MANY
@given(key=st.sampled_from(list(LISTS)), draw=st.data())
def test_any_entries(coco, key, draw):
    path = coco.root / "train.json"
    content = dict(coco.content["train"]) | {key: draw.draw(LISTS[key])}
    path.write_text(json.dumps(content))
    try_all(coco, path)


@MANY
@given(draw=st.data())
def test_a_damaged_instances_file(coco, draw):
    path = coco.root / "train.json"
    path.write_bytes(draw.draw(damaged(json.dumps(coco.content["train"]).encode())))
    try_all(coco, path)


def mask_file():
    buffer = io.BytesIO()
    struct = np.array([(np.arange(6, dtype=np.uint8).reshape(2, 3),)], [("Segmentation", object)])
    savemat(buffer, {"GTcls": struct})
    return buffer.getvalue()


MASK = mask_file()


@FEW
@given(
    data=damaged(MASK) | st.binary(max_size=200) | st.binary(max_size=64).map(MASK[:128].__add__)
)
def test_a_mask_of_sbd(tmp_path, data):
    path = tmp_path / "x.mat"
    path.write_bytes(data)
    try:
        assert read_mask(path).dtype == np.uint8
    except UserError as error:
        assert "x.mat" in str(error)
