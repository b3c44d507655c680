"""Only what no run uses is listed, and only keys are ever removed."""

from pathlib import Path

from tests.plan.conftest import finish
from wsss.plan.unused import remove, unused
from wsss.system.locks import exclusive


def test_nothing_of_the_configuration_is_unused(planned):
    plan = planned()
    finish(plan)
    assert unused(plan) == []


def test_what_another_configuration_made_is_listed_with_sizes(planned):
    one, other = planned(), planned({"walk": {"beta": 4}})
    finish(one)
    finish(other)
    model = other.artifact("segmenter", None, "psa")
    Path(model.path).write_bytes(b"12345")
    found = {item.folder: item for item in unused(one)}
    assert found[Path(model.folder)].size == 5
    assert {item.stage for item in found.values()} == {
        *(
            "random_walk",
            "train_segmenter",
            "pack_segmenter",
            "infer_segmenter",
            "evaluate",
            "report",
        )
    }
    remove(list(found.values()))
    assert unused(one) == [] and Path(one.report.path).exists()


def test_a_folder_that_is_no_key_is_never_listed(planned):
    plan = planned()
    Path(plan.store, "train_cam/mine").mkdir(parents=True)
    assert unused(plan) == []


def test_what_a_job_is_writing_is_kept(planned):
    one, other = planned(), planned({"walk": {"beta": 4}})
    model = Path(other.artifact("segmenter", None, "psa").path)
    with exclusive(model):
        (item,) = unused(one)
        assert item.busy
        remove([item])
    assert model.parent.exists()
