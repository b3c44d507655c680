"""SAM and SAM 2 of random weights: masks as by transformers' processors, and what is refused."""

import json
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.sams import SIDE, save_sam
from wsss.data.pixels import normalised
from wsss.errors import UserError
from wsss.nn.licences import GIVEN
from wsss.nn.sam import load_sam

POINTS = torch.tensor([[5, 7], [30, 50], [36, 0]])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder per type, with the network in it."""
    found = {}
    for kind in ("sam", "sam2", "sam2_video"):
        folder = tmp_path_factory.mktemp(kind)
        found[kind] = folder, save_sam(folder, kind)
    return found


def pixels(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def by_transformers(kind, net, image):
    """The best mask of every point, with the image processor of the library."""
    import transformers as t

    square = {"height": SIDE, "width": SIDE}
    if kind == "sam":
        images = t.SamImageProcessor(size={"longest_edge": SIDE}, pad_size=square)
        inputs = images(image, return_tensors="pt")
        seen = np.array([int(side) for side in inputs["reshaped_input_sizes"][0]])
        sizes = [inputs["original_sizes"], inputs["reshaped_input_sizes"]]
    else:
        images = t.Sam2ImageProcessor(size=square)
        inputs = images(image, return_tensors="pt")
        seen, sizes = np.array([SIDE, SIDE]), [inputs["original_sizes"]]
    scaled = POINTS.numpy() * seen / image.shape[:2]
    points = torch.tensor(scaled[:, ::-1].copy(), dtype=torch.float32)
    with torch.no_grad():
        found = net(pixel_values=inputs["pixel_values"], input_points=points[None, :, None])
    options = {"pad_size": square} if kind == "sam" else {}
    masks = images.post_process_masks(found.pred_masks, *sizes, **options)[0]
    best = found.iou_scores[0].argmax(-1)
    return masks[torch.arange(len(best)), best], found.iou_scores[0].amax(-1)


@pytest.mark.parametrize("size", [(37, 61), (64, 40), (90, 90)])
@pytest.mark.parametrize("kind", ["sam", "sam2"])
def test_masks_are_those_of_transformers(kind, size, folders):
    folder, net = folders[kind]
    image = pixels(*size)
    sam, _ = load_sam(str(folder))
    with torch.no_grad():
        view = normalised(torch.from_numpy(image).permute(2, 0, 1)[None])
        masks, quality = sam.eval()(view, POINTS)
    wanted, iou = by_transformers(kind, net, image)
    assert masks.shape == (3, *size) and masks.dtype == torch.bool
    # the processors round the scaled image to grey levels
    assert (masks == wanted).float().mean() > 0.99
    torch.testing.assert_close(quality, iou, rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", ["sam", "sam2", "sam2_video"])
@pytest.mark.parametrize("size", [(1, 1), (3, 200)])
def test_images_of_any_size(kind, size, folders):
    sam, _ = load_sam(str(folders[kind][0]))
    with torch.no_grad():
        masks, quality = sam.eval()(torch.zeros(1, 3, *size), torch.zeros(2, 2, dtype=torch.long))
    assert masks.shape == (2, *size) and quality.isfinite().all()


def test_the_licence_is_that_of_the_card(tmp_path):
    save_sam(tmp_path)
    assert load_sam(str(tmp_path))[1].licence == GIVEN
    (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model\n")
    origin = load_sam(str(tmp_path))[1]
    assert origin.licence == "apache-2.0"
    assert (origin.backbone, origin.source) == ("SamModel", tmp_path.name)
    (tmp_path / "README.md").write_text("---\n: {\n---\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert load_sam(str(tmp_path))[1].licence == GIVEN


def edit(folder, change):
    """Change the tensors of a saved network."""
    path = folder / "model.safetensors"
    state = load_file(path)
    change(state)
    save_file(state, path, metadata={"format": "pt"})


def lose(state):
    del state["vision_encoder.patch_embed.projection.weight"]


def shrink(state):
    state["vision_encoder.patch_embed.projection.bias"] = torch.zeros(3)


def spoil(state):
    state["vision_encoder.patch_embed.projection.bias"][0] = torch.nan


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lose, "1 tensors are missing or of another shape, the first is vision_encoder"),
        (shrink, r"vision_encoder\.patch_embed\.projection\.bias"),
        (spoil, r"vision_encoder\.patch_embed\.projection\.bias in it is not finite"),
    ],
)
def test_damaged_weights_are_refused(change, line, tmp_path):
    save_sam(tmp_path)
    edit(tmp_path, change)
    with pytest.raises(UserError, match=line) as error:
        load_sam(str(tmp_path))
    assert "\n" not in str(error.value)


def test_a_file_that_is_cut_short_is_refused(tmp_path):
    save_sam(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=f"{path}: damaged") as error:
        load_sam(str(tmp_path))
    assert "\n" not in str(error.value)


def test_a_name_that_the_hub_does_not_give_is_one_line(monkeypatch):
    import huggingface_hub

    def fail(*_, **__):
        raise OSError("offline\nand more")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(UserError, match=r"sam\.model: cannot fetch some/sam \(offline\)") as error:
        load_sam("some/sam")
    assert "\n" not in str(error.value)


def test_what_the_hub_gives_is_checked(monkeypatch, tmp_path):
    import huggingface_hub

    (tmp_path / "config.json").write_text(json.dumps({"model_type": "sam_hq"}))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(tmp_path))
    with pytest.raises(UserError, match="a network of type sam_hq; take SAM or SAM 2"):
        load_sam("some/sam")
