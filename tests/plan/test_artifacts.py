"""Equal keys for what is equal, other keys for what is not."""

import pytest

from tests.plan.conftest import Contents, fresh, stages
from wsss.config.packaged import Package
from wsss.plan.files import run_files

WALK = {
    *("random_walk", "train_segmenter", "pack_segmenter", "infer_segmenter"),
    *("evaluate", "report"),
}
SWEEP = {"runs": {"b4": {"walk": {"beta": 4}}, "b8": {}, "b16": {"walk": {"beta": 16}}}}


def test_runs_share_what_is_equal(planned):
    found = stages(planned(SWEEP))
    assert found["train_cam"] == found["train_affinity"] == 1
    assert found["infer_cam"] == found["refine_maps"] == found["prepare_data"] == 2
    assert found["random_walk"] == 6 and found["train_segmenter"] == 3


def test_the_segmenter_is_compared_with_the_pseudo_labels_of_the_same_images(planned):
    found = planned().artifacts.values()
    compared = {
        (a.product, a.split): [(b.product, b.split) for b in a.inputs["labels"]]
        for a in found
        if a.stage == "evaluate"
    }
    assert compared.pop(("segment", "val")) == [("walk", "val")]
    assert not any(compared.values())


def test_a_key_changes_exactly_what_depends_on_it(planned):
    assert fresh(planned({"walk": {"beta": 4}}), planned()) == WALK


def test_going_back_is_the_same_plan(planned):
    assert list(planned({"walk": {"beta": 8}}).artifacts) == list(planned().artifacts)


def test_runs_of_other_names_have_the_same_artifacts(planned):
    one, other = (planned({"runs": {name: {}}}) for name in ("here", "there"))
    assert fresh(one, other) == {"report"}


def test_an_idle_key_changes_the_report_alone(planned):
    assert fresh(planned({"walk": {"crf": {"bilateral_sxy": 9}}}), planned()) == {"report"}


@pytest.mark.parametrize("jobs", [1, 3, 64])
def test_the_number_of_jobs_changes_no_key(planned, jobs):
    assert not fresh(planned({"jobs": jobs}), planned())


@pytest.mark.parametrize(
    "monitor", [{"validations": 0}, {"images": 7}, {"loggers": ["wandb", "tensorboard"]}]
)
def test_what_is_shown_of_a_training_changes_no_key(planned, monitor):
    changed = planned({"monitor": monitor})
    assert not fresh(changed, planned())
    (training,) = (a for a in changed.artifacts.values() if a.stage == "train_segmenter")
    assert training.arguments[-2:] == ("--monitor", changed.config.monitor.model_dump_json())


def test_trainings_are_shown_on_held_out_images(planned):
    shown = {
        a.stage: {role: [one.split for one in found] for role, found in a.watched.items()}
        for a in planned().artifacts.values()
        if a.watched
    }
    assert shown == {
        "train_cam": {"val_index": ["val"]},
        "train_segmenter": {"val_index": ["val"], "val_masks": ["val"]},
    }


def test_seeds_share_the_stages_of_the_data(planned):
    found = stages(planned({"seeds": [0, 1, 2]}))
    assert found["prepare_data"] == 2 and found["train_cam"] == 3


CONTENT = [
    ("index_train", {"train_cam", "infer_segmenter", "random_walk", "prepare_masks"}, set()),
    (
        "index_val",
        {"evaluate_classifier", "infer_cam", "infer_segmenter"},
        {"train_cam", "train_segmenter"},
    ),
    ("masks_val", {"prepare_masks", "evaluate"}, {"prepare_data", "train_cam", "random_walk"}),
]


@pytest.mark.parametrize(("part", "other", "same"), CONTENT)
def test_changed_content_of_the_data_changes_what_reads_it(planned, part, other, same):
    changed = fresh(planned(contents=Contents(**{part: "other"})), planned())
    assert other <= changed
    assert not same & changed


def test_another_results_folder_has_the_same_keys_for_data_of_the_user(planned):
    assert not fresh(planned({"results": "elsewhere"}), planned()) - {"report"}


def test_data_below_the_results_are_addressed_with_them(planned):
    demo = {"dataset": {"source": "demo", "root": None}}
    one, other = planned(demo), planned(demo, {"results": "elsewhere"})
    assert "prepare_data" in fresh(one, other) and "make_demo" not in fresh(one, other)


def test_targets_are_the_report_and_what_runs_are_made_for(planned):
    assert planned().targets()[0].endswith("report.html")
    made = {path.split("/store/")[1].partition("/")[0] for path in planned().targets()}
    assert made == {
        *("report", "train_cam", "train_affinity", "train_segmenter"),
        *("random_walk", "infer_segmenter", "pack_classifier", "pack_segmenter"),
    }


@pytest.mark.parametrize(("until", "last"), [("cam", "infer_cam"), ("walk", "random_walk")])
def test_until_ends_a_run(planned, until, last):
    found = stages(planned({"until": until}))
    assert last in found and "train_segmenter" not in found


def test_boundaries_come_from_the_first_run(planned):
    plan = planned({"method": "sb"})
    (crf,) = plan.artifact("boundaries", "train", "sb").inputs["refined"]
    assert "sb" in crf.runs and crf.stage == "refine_maps"
    assert plan.artifact("refined", "train", "sb.first") is crf


def test_a_round_learns_the_masks_of_the_one_before(planned):
    plan = planned({"segment": {"rounds": 3}})
    assert list(plan.runs) == ["psa.round1", "psa.round2", "psa"]
    for run, before in (("psa", "psa.round2"), ("psa.round2", "psa.round1")):
        (labels,) = plan.artifact("segmenter", None, run).inputs["labels"]
        assert labels is plan.artifact("relabelled", "train", run)
        assert labels.inputs["model"] == (plan.artifact("segmenter", None, before),)
    (labels,) = plan.artifact("segmenter", None, "psa.round1").inputs["labels"]
    assert labels is plan.artifact("walk", "train", "psa")
    assert "relabelled" not in run_files(plan, "psa.round1").products


@pytest.mark.parametrize(
    ("change", "made_from"),
    [
        ({}, {"refined": ("cam",), "walk": ("cam",), "segment": ("walk", "cam")}),
        ({"walk": {"maps": "refined"}}, {"segment": ("walk", "refined", "cam")}),
        ({"segment": {"train": {"pixels": "confident"}}}, {"segment": ("walk", "cam")}),
        (
            {"segment": {"rounds": 2}},
            {"relabelled": ("walk", "cam"), "segment": ("relabelled", "walk", "cam")},
        ),
        ({"method": "sb"}, {"cam": (), "walk": ("cam",)}),
    ],
)
def test_the_report_knows_what_a_product_is_made_from(planned, change, made_from):
    plan = planned(change)
    found = run_files(plan, [*plan.runs][-1]).products
    assert {name: found[name].made_from for name in made_from} == made_from


def test_the_upper_bound_is_the_segmenter_trained_on_masks(planned):
    plan = planned({"upper_bound": True, "seeds": [3]})
    assert list(plan.runs) == ["psa.3", "psa.3.bound"]
    bound, own = (plan.artifact("segmenter", None, run) for run in ("psa.3.bound", "psa.3"))
    assert bound.inputs["masks"] == (plan.artifact("masks", "train"),)
    assert not own.inputs["masks"] and own.inputs["labels"] == bound.inputs["labels"]
    assert set(run_files(plan, "psa.3.bound").products) == {
        *("segmenter", "packed segmenter", "segment")
    }


def test_derived_runs_take_their_boundaries_from_the_same_first_run(planned):
    plan = planned({"method": "sb", "segment": {"rounds": 2}, "upper_bound": True})
    assert list(plan.runs) == ["sb.first", "sb.round1", "sb", "sb.bound"]
    assert len({plan.artifact("classifier", None, run) for run in list(plan.runs)[1:]}) == 1


def test_parts_follow_the_number_of_images(planned):
    sizes = {"train": 1000, "val": 64}
    plan = planned({"jobs": None}, contents=Contents(images=sizes))
    assert plan.artifact("cam", "train", "psa").parts == tuple(f"{i}-of-5" for i in range(1, 6))
    assert plan.artifact("cam", "val", "psa").parts == ("all",)
    assert len(planned({"jobs": 99}).artifact("cam", "val", "psa").parts) == 64


def test_a_published_checkpoint_needs_no_training_data(planned, tmp_path):
    (tmp_path / "net.pth").touch()
    plan = planned({"cam": {"checkpoint": str(tmp_path / "net.pth")}})
    classifier = plan.artifact("classifier", None, "psa")
    assert classifier.arguments[:2] == ("--checkpoint", str(tmp_path / "net.pth"))
    changed = planned(
        {"cam": {"checkpoint": str(tmp_path / "net.pth")}}, contents=Contents(file="other")
    )
    assert changed.artifact("classifier", None, "psa").key != classifier.key


def test_another_package_of_weights_gives_other_networks(planned, tmp_path, monkeypatch):
    (tmp_path / "lite.pth").touch()
    monkeypatch.setattr(Package, "path", lambda package: tmp_path / "lite.pth")
    lite = {"backbone": {"name": "timm/tf_efficientnet_lite0", "weights": "packaged"}}
    plan = planned(lite)
    (weights,) = (a for a in plan.artifacts.values() if a.stage == "convert_weights")
    assert weights.arguments == ("--backbone", lite["backbone"]["name"], "--source", "packaged")
    changed = fresh(planned(lite, contents=Contents(file="other")), plan)
    assert {"convert_weights", "train_cam"} <= changed and "prepare_data" not in changed


def test_every_job_knows_the_runs_that_need_it(planned):
    plan = planned({"dataset": {"source": "demo", "root": None}}, SWEEP)
    assert plan.artifact("demo", None).users == "b4, b8, b16"
    assert plan.artifact("index", "val").users == "b4, b8, b16, val"
    assert plan.artifact("walk", "train", "b4").users == "b4, train"
    many = planned({"runs": {f"r{i}": {} for i in range(9)}})
    assert many.artifact("classifier", None, "r0").users == "r0, r1, r2, r3, r4, 4 more runs"
