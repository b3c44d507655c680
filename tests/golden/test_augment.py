import random

import cv2
import numpy as np
import pytest
import torch

from wsss.data.augment import hsv_shift, quarter_scaled
from wsss.data.pixels import normalised
from wsss.data.sets.affinity import affinity_sample
from wsss.data.transforms import crop, crop_window, normalise, resize, with_long_side
from wsss.data.views import opencv_scaled, scaled_copies
from wsss.nn.backbones.vgg import caffe_input
from wsss.ops.affinity import block_mean, pair_labels

pytestmark = pytest.mark.golden


@pytest.fixture
def ref(golden):
    return golden("augment")


def test_resize_long(ref):
    targets = [key for key in ref.starting("rrl") if "_target" in key]
    assert targets
    for key in targets:
        image = ref[key.split("_")[0] + "_in"]
        size = with_long_side(image.shape[:2], int(ref[key]))
        ref.agree(key.replace("target", "out"), resize(image, size))


def test_normalise(ref):
    ref.agree("norm_resnet_out", normalise(ref["rrl0_in"]))


def test_normalise_for_vgg16(ref):
    image = torch.from_numpy(normalise(ref["rrl0_in"])).permute(2, 0, 1)
    caffe = caffe_input(image[None])[0]
    ref.agree("norm_vgg_out", caffe.permute(1, 2, 0))


def test_crop(ref):
    for key in ref.starting("crop", "_offsets_wh"):
        name = key.removesuffix("_offsets_wh")
        left, top = ref[key]
        ref.agree(f"{name}_out", crop(ref["crop_in"], int(ref[f"{name}_size"]), (top, left)))


def test_crop_draws_the_horizontal_offset_first(ref):
    rng, side = random.Random(int(ref["crop_seeded_pyseed"])), len(ref["crop_seeded_out"])
    window = crop_window(ref["crop_in"].shape[:2], side, rng)
    ref.agree("crop_seeded_out", crop(ref["crop_in"], side, window))


def test_scales_of_inference(ref):
    scales = [float(key[4:]) for key in ref.starting("msf_") if key != "msf_in"]
    assert scales
    for scale in scales:
        (copy,) = scaled_copies(ref["msf_in"], [scale], "pillow").copies
        assert np.array_equal(copy[0], ref[f"msf_{scale}"].transpose(2, 0, 1))


def test_affinity_sample(ref):
    side = int(ref["aff_cropsize"])
    for key in ref.starting("aff", "_offsets_wh_flip"):
        name = key.removesuffix("_offsets_wh_flip")
        left, top, mirror = ref[key]
        image = crop(ref["aff_image"], side, (top, left))
        maps = (ref[f"aff_{kind}_scores"].transpose(1, 2, 0) for kind in ("la", "ha"))
        low, high = (crop(scores, side, (top, left)).transpose(2, 0, 1) for scores in maps)
        sample = affinity_sample(image, low, high, bool(mirror))
        ref.agree(f"{name}_img_s2", normalised(sample["image"][None])[0, :, ::2, ::2])
        ref.agree(f"{name}_label", sample["label"])
        pooled = np.concatenate([block_mean(low), block_mean(high)]).transpose(1, 2, 0)
        ref.agree(f"{name}_pooled", pooled[:, ::-1] if mirror else pooled)


def test_pairs_of_the_affinity_sample(ref):
    for key in ref.starting("aff", "_label"):
        label = torch.from_numpy(ref[key])
        kinds = pair_labels(label[None], 5)
        for kind, pairs in zip(("bg_pos", "fg_pos", "neg"), kinds, strict=True):
            ref.agree(key.replace("label", kind), pairs[0])


def test_deeplab_v1_sample(ref):
    (key,) = ref.starting("v1_hsv_")
    shift = tuple(int(part) for part in key.removeprefix("v1_hsv_").split("_"))
    shifted = hsv_shift(ref["v2_image"], shift)
    ref.agree(key, shifted)
    factor, (side, left, top) = float(ref["v1_scale"]), ref["v1_crop_size_ow_oh"].tolist()
    image = opencv_scaled(shifted[:, ::-1], factor, cv2.INTER_CUBIC)
    labels = opencv_scaled(ref["v1_seg"][:, ::-1], factor, cv2.INTER_NEAREST)
    ref.agree("v1_scaled_image", image)
    ref.agree("v1_scaled_seg", labels)
    pixels = crop(normalise(image), side, (top, left))
    ref.agree("v1_out_image_s2", pixels[::2, ::2])
    ref.agree("v1_out_seg", crop(labels, side, (top, left), 255))


def test_deeplab_v2_sample(ref):
    for key in ref.starting("v2_aug", "_scale_y_x_flip"):
        name = key.removesuffix("_scale_y_x_flip")
        factor, top, left, mirror = ref[key].tolist()
        side = len(ref[f"{name}_label"])
        pixels, labels = quarter_scaled(ref["v2_image"], ref["v2_label"], factor, side)
        place = slice(int(top), int(top) + side), slice(int(left), int(left) + side)
        step = -1 if mirror else 1
        pixels, labels = pixels[place][:, ::step], labels[place][:, ::step]
        caffe = caffe_input(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None])[0]
        ref.agree(f"{name}_image", caffe[:, ::2, ::2])
        ref.agree(f"{name}_label", labels)
