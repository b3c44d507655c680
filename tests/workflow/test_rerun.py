"""Unchanged work is never redone, and what is stale is."""

import os

import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

REPORT = {"evaluate", "report"}
SEGMENT = {"infer_segmenter", *REPORT}
TRAIN_SEGMENTER = {"train_segmenter", *SEGMENT}
WALK = {"random_walk", *TRAIN_SEGMENTER}
AFFINITY = {"train_affinity", *WALK}
CRF = {"refine_crf", *AFFINITY}
CAM = {"infer_cam", *CRF}
CLASSIFIER = {"train_cam", *CAM}
DATA = {"prepare_data", "prepare_masks", *CLASSIFIER}

KEYS = [
    ({"seed": 1}, CLASSIFIER),
    ({"cam": {"train": {"lr": 0.5}}}, CLASSIFIER),
    ({"cam": {"psa": {"dropout": 0.1}}}, CLASSIFIER),
    ({"cam": {"infer": {"flip": False}}}, CAM),
    ({"crf": {"alphas": [3, 32]}}, CRF),
    ({"affinity": {"train": {"epochs": 2}}}, AFFINITY),
    ({"walk": {"beta": 4}}, WALK),
    ({"segment": {"width": 8}}, TRAIN_SEGMENTER),
    ({"segment": {"infer": {"flip": True}}}, SEGMENT),
    ({"evaluate": {"min_area": 0.02}}, REPORT),
    ({"dataset": {"demo": {"seed": 1}}}, {"report"}),
    ({}, set()),
]


@pytest.mark.parametrize(("change", "rules"), KEYS, ids=str)
def test_a_key_reruns_exactly_what_depends_on_it(project, change, rules):
    assert project.stale(change) == rules


CODE = [
    ("stages/random_walk.py", "X = 1\n", WALK),
    ("ops/walk.py", "X = 1\n", WALK),
    ("methods/psa.py", "X = 1\n", CLASSIFIER),
    ("stages/refine_crf.py", "# only a comment\n", set()),
    ("report/page.css", "/* another style */\n", {"report"}),
    ("config/model.py", "X = 1\n", set()),
]


@pytest.mark.parametrize(("file", "text", "rules"), CODE)
def test_code_reruns_exactly_what_depends_on_it(project, file, text, rules):
    path = project.folder / "src/wsss" / file
    before = path.read_text()
    path.write_text(before + text)
    try:
        assert project.stale() == rules
    finally:
        path.write_text(before)


def masks_folder(project):
    return sorted((project.folder / "data/SegmentationClass").glob("*.png"))


def test_another_image_under_an_old_date_is_seen(project):
    first, second = sorted((project.folder / "data/JPEGImages").glob("*.jpg"))[:2]
    before, times = first.read_bytes(), first.stat()
    first.write_bytes(second.read_bytes())
    os.utime(first, ns=(times.st_atime_ns, times.st_mtime_ns))
    try:
        assert project.stale() == DATA
    finally:
        first.write_bytes(before)


def test_another_mask_touches_the_evaluation_alone(project):
    first, second = masks_folder(project)[:2]
    before = first.read_bytes()
    first.write_bytes(second.read_bytes())
    try:
        assert project.stale() == {"prepare_masks", *REPORT}
    finally:
        first.write_bytes(before)


def test_touching_everything_reruns_nothing(project):
    for path in project.folder.rglob("*"):
        if path.is_file() and ".snakemake" not in path.parts:
            path.touch()
    assert project.stale() == set()
