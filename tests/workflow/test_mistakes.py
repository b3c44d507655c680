"""Mistakes of the user: clear lines, no traceback, nothing half-written."""

import re
import shutil

import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("documentation")]


def test_a_wrong_key_fails_at_once_with_its_path(fresh):
    output = fresh.snakemake(config={"cam": {"train": {"epoch": 3}}}, check=False)
    assert "config: cam.train.epoch: no such key; did you mean epochs?" in output
    assert "Traceback" not in output
    assert not fresh.results.exists()


def test_all_problems_of_the_data_are_listed_before_any_training(fresh):
    images = sorted((fresh.folder / "data/JPEGImages").glob("*.jpg"))
    images[0].write_bytes(images[0].read_bytes()[:200])
    images[1].unlink()
    output = fresh.snakemake(check=False)
    assert "2 problems in data:" in output
    assert images[0].name in output and images[1].name in output
    assert "Traceback" not in output
    assert not list(fresh.results.parent.rglob("index.*.tsv"))
    assert not list(fresh.results.parent.rglob("model.pt"))


def test_an_error_names_stage_and_runs(fresh):
    next((fresh.folder / "data/JPEGImages").glob("*.jpg")).unlink()
    output = fresh.snakemake(config={"runs": {"one": {}, "two": {"seed": 1}}}, check=False)
    assert re.search("error: prepare_data of one, two, (train|val): 1 problem in data", output)


def test_an_unknown_step_is_named(fresh):
    output = fresh.snakemake("--dry-run", config={"until": "walks"}, check=False)
    assert "config: until: Input should be 'cam', 'refine', 'walk' or 'segment'" in output
    assert "Traceback" not in output


def test_masks_that_are_learnt_and_not_there_are_missed_at_once(fresh):
    shutil.rmtree(fresh.folder / "data/SegmentationClass")
    output = fresh.snakemake("--dry-run", config={"upper_bound": True}, check=False)
    assert "upper_bound is true, but no training image has a mask" in output
    assert "Traceback" not in output and not fresh.results.exists()


def test_a_file_that_is_no_configuration_is_named_with_its_line(fresh):
    config = fresh.folder / "config.yaml"
    for text, wrong in (("seed: 1\nseed: 2", "twice"), ("\nseed: 2024-99-01", "timestamp")):
        config.write_text(text)
        output = fresh.snakemake("--dry-run", check=False)
        assert "\nconfig.yaml: not valid YAML (line 2: " in output and wrong in output
        assert "Traceback" not in output
