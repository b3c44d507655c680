import numpy as np
import pytest
import torch
from PIL import Image

from wsss import methods
from wsss.config.model import CamInfer
from wsss.config.segmenter import SegmenterInfer
from wsss.engine.checkpoint import save_model
from wsss.nn import segmenters
from wsss.nn.backbones import build

CLASSES = ["cat", "dog"]
BACKBONE = {"name": "tiny", "output_stride": None}
ABOUT = {
    "backbone": BACKBONE,
    "classes": CLASSES,
    "weights": [{"backbone": "tiny", "source": "drawn 1.0", "licence": "MIT"}],
}
INFER = SegmenterInfer.model_validate(
    {"scales": [0.75, 1.0], "flip": True, "crf": {"iterations": 2}}
)
CAM_INFER = CamInfer(scales=[1.0, 1.5])


def packed(infer):
    """What a stage that packs a network adds to its file."""
    data = {"images": 3, "index": "0" * 16}
    return {"inference": infer.model_dump(mode="json"), "white": 4095, "data": data}


def save_segmenter(path, **more):
    torch.manual_seed(0)
    net = segmenters.build("deeplab_v3plus", build("tiny"), 3, width=8)
    about = {"segmenter": "deeplab_v3plus", "options": {"width": 8}}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(path, net, "segmenter", **ABOUT, **about, **more)
    return path


def save_classifier(path, **more):
    torch.manual_seed(0)
    params = {"psa": methods.get("psa").Params()}
    task = methods.make("psa", build("tiny"), len(CLASSES), params)
    about = {"method": "psa", "params": {"psa": params["psa"].model_dump(mode="json")}}
    save_model(path, task.net, "classifier", **ABOUT, **about, **more)
    return path


@pytest.fixture(scope="session")
def segmenter(tmp_path_factory):
    return save_segmenter(tmp_path_factory.mktemp("segmenter") / "model.pt", **packed(INFER))


@pytest.fixture(scope="session")
def classifier(tmp_path_factory):
    path = tmp_path_factory.mktemp("classifier") / "model.pt"
    return save_classifier(path, **packed(CAM_INFER))


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Three images of other sizes, one of them turned by its EXIF orientation."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    turned = Image.Exif()
    turned[0x0112] = 6
    for name, size, exif in (
        ("a.png", (40, 56), None),
        ("b.jpg", (37, 61), turned),
        ("sub/c.png", (33, 33), None),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        image = Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8))
        image.save(folder / name, **({"exif": exif} if exif else {}))
    return folder
