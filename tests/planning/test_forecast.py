import math

import pytest

from wsss.config.backbones import BACKBONES, BackboneOptions
from wsss.config.dataset import Dataset
from wsss.config.model import METHODS, Run
from wsss.config.section import StepCost
from wsss.config.segmenter import Segment
from wsss.pipeline import STAGES
from wsss.planning import costs, forecast
from wsss.products import Case

TRAIN = forecast.volume([((1000, 1000), 1), ((500, 1000), 2)])
VAL = forecast.volume([((1000, 1000), 0)])


VOLUMES = forecast.Volumes(TRAIN, VAL, 4)


def run(tiles=None, **keys):
    keys = {"backbone": {"name": "tiny", "weights": None}} | keys
    return forecast.of_run(Case(Dataset(tiles=tiles), Run(**keys)), VOLUMES)


def test_a_volume_counts_megapixels_and_classes():
    assert (TRAIN.images, TRAIN.area, TRAIN.shown, TRAIN.labelled) == (2, 1.5, 2.0, 3.5)


def test_maps_are_kept_at_a_quarter_in_16_bits():
    # 2 Mpx of classes / 16 x 2 bytes, of which 61 % are left
    assert run()["infer_cam"].disk == pytest.approx(2e6 / 16 * 2 * 0.61)


def test_posteriors_have_the_background_and_one_byte_per_exponent():
    disk = run(crf={"alphas": [1, 4, 9]})["refine_crf"].disk
    assert disk == pytest.approx(3 * (2.0 + 2.5) * 1e6 * 0.082)


def test_label_maps_are_those_of_both_splits_and_masks_those_of_one():
    assert run()["random_walk"].disk == pytest.approx(2.5e6 * 0.021)
    assert run()["infer_segmenter"].disk == pytest.approx(1e6 * 0.021)


def test_360_images_of_voc_take_33_megabytes_of_maps():
    images = forecast.volume([((375, 448), 1)] * 180 + [((375, 448), 2)] * 180)
    volumes = forecast.Volumes(images, forecast.volume([]), 20)
    stages = forecast.of_run(Case(Dataset(), Run()), volumes)
    maps = sum(stages[name].disk for name in ("infer_cam", "refine_crf", "random_walk"))
    assert maps == pytest.approx(33e6, rel=0.05)


def test_a_training_counts_its_crops():
    cam = {"train": {"epochs": 5, "crop": 100}}
    # 5 epochs of 2 crops of 0.01 Mpx, 2.9 passes of 0.37 s
    assert run(cam=cam)["train_cam"].network == pytest.approx(0.1 * 2.9 * 0.37)


def test_a_training_may_count_its_steps():
    segment = {
        "train": {"steps": 10, "batch_size": 4, "crop": 100},
        "deeplab_v3plus": {"width": 256},
    }
    assert run(segment=segment)["train_segmenter"].network == pytest.approx(
        0.4 * 2.9 * (0.37 + 2.8)
    )


def test_deeplab_v2_looks_at_several_scales():
    segment = {"segmenter": "deeplab_v2", "infer": {"scales": [1.0], "flip": False}}
    one = run(segment={**segment, "deeplab_v2": {"scales": []}})["infer_segmenter"].network
    assert run(segment=segment)["infer_segmenter"].network == pytest.approx(1.8125 * one)


def test_a_wider_head_costs_more():
    disk = [
        run(segment={"deeplab_v3plus": {"width": w}})["train_segmenter"].disk for w in (64, 256)
    ]
    assert disk == pytest.approx([4e6 * (0.5 + 16.8 / 8), 4e6 * (0.5 + 16.8)])


def test_views_count_by_their_area():
    cam = {"infer": {"scales": [0.5, 2.0], "flip": True}}
    assert run(cam=cam)["infer_cam"].network == pytest.approx(2.5 * 8.5 * 0.37)


def test_a_crf_builds_its_lattice_once():
    crf = {"alphas": [1, 2], "iterations": 5}
    expected = 2.5 * 0.65 + 2 * 5 * (0.115 * 2.5 + 0.019 * 4.5) + 2 * costs.START
    assert run(crf=crf)["refine_crf"].rest == pytest.approx(expected)


def test_without_iterations_there_is_no_crf():
    less = run(walk={"crf": {"iterations": 0}})["random_walk"].rest
    assert less < run(walk={"crf": {"iterations": 1}})["random_walk"].rest - 2.5 * 0.65


def test_a_combination_costs_more_than_its_parts():
    single, both = run(method="seam"), run(method="seam+eader")
    assert both["train_cam"].network > single["train_cam"].network


def test_a_published_checkpoint_is_not_trained():
    assert run(cam={"checkpoint": "x.pth"})["train_cam"].network == 0
    assert run(segment={"checkpoint": "x.pth"})["train_segmenter"].network == 0


@pytest.mark.parametrize(
    ("until", "last"),
    [("cam", "infer_cam"), ("crf", "refine_crf"), ("walk", "random_walk")],
)
def test_a_run_ends_where_it_shall(until, last):
    assert list(run(until=until))[-2:] == [last, "evaluate"]


def test_boundaries_are_counted_where_they_are_needed():
    assert "make_boundaries" in run(method="sb") and "make_boundaries" not in run()


def test_a_backbone_that_was_never_measured_is_unknown():
    cost = run(backbone={"name": "timm/convnext_tiny"})["train_cam"]
    assert math.isnan(cost.network) and math.isnan(cost.disk)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_first_stride_of_a_backbone_is_its_default(name):
    default, first = (
        forecast.forward(BackboneOptions(name=name, output_stride=stride))
        for stride in (None, BACKBONES[name].strides[0])
    )
    assert default == first > 0


def test_a_method_without_a_cost_is_unknown(monkeypatch):
    monkeypatch.setattr(METHODS.params["psa"], "cost", StepCost())
    assert math.isnan(run()["train_cam"].network)


def test_every_segmenter_was_measured():
    known = Segment.model_fields["segmenter"].annotation.__args__
    assert set(costs.HEADS) == set(known)


def test_tiles_and_masks_are_counted_if_made():
    stages = forecast.of_data(VOLUMES, drawn=True, tiled=True)
    assert list(stages) == ["convert_masks", "make_tiles", "prepare_data"]
    only = forecast.of_data(VOLUMES, drawn=False, tiled=False)
    assert list(only) == ["prepare_data"]
    assert only["prepare_data"].rest == pytest.approx(2 * 0.03 * 2.5)


def test_whole_images_are_segmented_once_more():
    plain, tiled = run(), run(tiles={"size": 64, "overlap": 8})
    assert set(tiled) - set(plain) == {"stitch_masks", "segment_whole"}
    assert tiled["segment_whole"] == plain["infer_segmenter"]


def test_stages_are_those_of_the_chain():
    assert set(forecast.COSTS) <= set(STAGES)
    order = [name for name in STAGES if name in run()]
    assert list(run()) == order and order[-1] == "evaluate"


def test_a_stage_that_was_never_measured_is_unknown(monkeypatch):
    monkeypatch.delitem(forecast.COSTS, "random_walk")
    assert all(math.isnan(value) for value in run()["random_walk"])


@pytest.mark.parametrize(("images", "jobs"), [(0, 0), (1, 1), (200, 1), (201, 2), (10**6, 64)])
def test_jobs_follow_from_the_number_of_images(images, jobs):
    assert forecast.Volume(images, 0.0, 0.0).jobs == jobs
