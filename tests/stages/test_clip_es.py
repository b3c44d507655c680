"""The stages of CLIP-ES on a small CLIP of random weights."""

import json

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from tests.nn.test_clip import EMBEDDING, NAME, encoder, features
from wsss.cli import main
from wsss.config.resolve import load, runs
from wsss.config.slices import slice_json
from wsss.engine.checkpoint import load_model
from wsss.errors import UserError
from wsss.io.index import Index, Item
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader
from wsss.io.provenance import file_digest
from wsss.io.text_features import TextFeatures
from wsss.nn.backbones import clip
from wsss.nn.texttower import load_text_tower
from wsss.plan.artifacts import Plan
from wsss.planning.images import Images
from wsss.planning.photos import MadeUp, dataset_of
from wsss.stages.classifiers import load_method

open_clip = pytest.importorskip("open_clip")

CLASSES = ("bird", "house", "mug, red", "cls_3")
SIZES = {"a": (40, 56), "b": (64, 64)}
OURS = {"method": "clip_es", "affinity": {"source": "none"}}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder with the configuration and weights of a small CLIP, and those of another one."""
    folder = tmp_path_factory.mktemp("clip")
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
    vision = {"image_size": 64, "layers": 3, "width": 32, "patch_size": 16, "head_width": 16}
    config = {"embed_dim": EMBEDDING, "quick_gelu": True, "vision_cfg": vision, "text_cfg": text}
    (folder / "small.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / "small.json")
    for seed, name in enumerate(("clip", "other")):
        torch.manual_seed(seed)
        save_file(open_clip.create_model("small").state_dict(), folder / f"{name}.safetensors")
    return folder


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Two images and their index, beside the small tower."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clip, "_tower", encoder)
    items = []
    for number, (name, (height, width)) in enumerate(SIZES.items()):
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
        path = tmp_path / f"{name}.png"
        Image.fromarray(pixels).save(path)
        items.append(Item(name, "train", path, file_digest(path), (0, 2)[: number + 1]))
    Index(CLASSES, tuple(items)).write(tmp_path / "index.tsv")
    return tmp_path


def options(small, **keys):
    own = {
        "text_tower": {
            "name": str(small / "small.json"),
            "weights": str(small / "clip.safetensors"),
        }
    }
    return load(
        {"backbone": {"name": "tiny", "weights": None}, **OURS, "cam": {"clip_es": own | keys}}
    )


def run(stage, config, *words):
    return main([stage.replace("_", "-"), *map(str, words), "--config", slice_json(stage, config)])


def embed(data, config):
    return run("embed_text", config, "--index", "index.tsv", "--out", data / "text.safetensors")


def prepare(data, config, weights):
    backbone = data / "tower/model.pt"
    words = ["--backbone", NAME, "--source", str(weights), "--out", str(backbone)]
    assert main(["convert-weights", *words]) == 0
    given = ["--further", f"clip_es.tower={backbone}", "--text", data / "text.safetensors"]
    return run("prepare_cam", config, "--index", "index.tsv", *given, "--out", data / "model.pt")


def test_texts_are_embedded_once_and_kept(small, data):
    config = options(small, prompts={"mug, red": 'a "red" mug, with a handle'})
    assert embed(data, config) == 0
    path = data / "text.safetensors"
    found, content = TextFeatures.read(path), path.read_bytes()
    assert found.names == CLASSES
    assert found.prompts == ("bird avian", "house", 'a "red" mug, with a handle', "cls 3")
    assert "house" not in found.words and len(found.words) == 24
    assert (found.tower, found.licence) == ("small, clip.safetensors", "unknown: given as a file")
    tower = load_text_tower(str(small / "small.json"), str(small / "clip.safetensors"), True)
    with torch.no_grad():
        tokens = open_clip.get_tokenizer("small")(["a clean origami bird avian."])
        expected = torch.nn.functional.normalize(tower.model.encode_text(tokens), dim=1)
    np.testing.assert_allclose(found.classes[:1], expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found.background, axis=1), 1, atol=1e-5)
    assert embed(data, config) == 0
    assert path.read_bytes() == content


def test_the_chain_up_to_the_labels(small, data):
    config = options(small)
    assert embed(data, config) == 0
    assert prepare(data, config, small / "clip.safetensors") == 0
    model = load_model(data / "model.pt", "classifier")
    assert model.meta["classes"] == [*CLASSES]
    assert [origin["source"] for origin in model.meta["weights"]] == [
        "clip.safetensors",
        "small, clip.safetensors",
    ]
    assert "house" not in model.meta["params"]["clip_es"]["background"]
    method = load_method(data / "model.pt")
    np.testing.assert_allclose(
        method.net.text, TextFeatures.read(data / "text.safetensors").classes, atol=1e-6
    )
    part = ["--index", "index.tsv", "--split", "train"]
    assert run("infer_cam", config, *part, "--model", "model.pt", "--out", "cam/maps.tsv") == 0
    maps = MapsReader([data / "cam/maps.tsv"])
    for name, (height, width) in SIZES.items():
        stored = maps.read(name, "cam", "classes")
        assert stored["cam"].shape[1:] == (-(-height // 4), -(-width // 4))
        assert stored["cam"].min() >= 0 and stored["cam"].max() <= 1
    assert run("refine_maps", config, *part, "--cams", "cam/maps.tsv", "--out", "r/maps.tsv") == 0
    assert run("label_refined", config, *part, "--refined", "r/maps.tsv", "--out", "l/l.tsv") == 0
    labels = LabelReader([data / "l/l.tsv"])
    assert set(np.unique(labels.read("b"))) <= {0, 1, 3}
    words = ["--index", "index.tsv", "--split", "train", "--model", "model.pt", "--out", "c.json"]
    assert run("evaluate_classifier", config, *words) == 0


def test_texts_of_other_weights_are_refused(small, data, capfd):
    config = options(small)
    assert embed(data, config) == 0
    assert prepare(data, config, small / "other.safetensors") == 2
    assert "belong to another image tower: make them with" in capfd.readouterr().err
    assert not (data / "model.pt").exists()


def test_texts_of_other_classes_are_refused(small, data, capfd):
    features().write(data / "text.safetensors")
    assert prepare(data, options(small), small / "clip.safetensors") == 2
    message = "features of another list of classes: it lacks bird, house, mug, red, cls_3; it has"
    assert message in capfd.readouterr().err


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"prompts": {"brid": "sparrow"}}, "cam.clip_es.prompts: 'brid' is no class; did you mean"),
        ({"prompts": {"bird": "bird " * 90}}, "tokens, but the text tower small, clip.safetensors"),
        ({"background": ["house"]}, "cam.clip_es.background: all of its words are classes"),
        ({"text_tower": {"name": "ViT-X", "weights": None}}, "open_clip has no ViT-X"),
    ],
)
def test_wrong_texts_are_refused(small, data, capfd, keys, message):
    assert embed(data, options(small, **keys)) == 2
    assert message in capfd.readouterr().err
    assert not (data / "text.safetensors").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "not readable"), ("[1]", "lacks embed_dim"), ('{"embed_dim": 8}', "lacks vision_cfg")],
)
def test_a_file_that_describes_no_text_tower_is_named(small, data, capfd, content, message):
    (data / "mine.json").write_text(content)
    tower = {"name": str(data / "mine.json"), "weights": None}
    assert embed(data, options(small, text_tower=tower)) == 2
    line = capfd.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ") and message in line
    assert f"text_tower.name: {data / 'mine.json'}: " in line


def test_weights_of_another_text_tower_are_refused(small, data, capfd):
    save_file({"visual.proj": torch.zeros(3, 3)}, data / "wrong.safetensors")
    tower = {"name": str(small / "small.json"), "weights": str(data / "wrong.safetensors")}
    assert embed(data, options(small, text_tower=tower)) == 2
    shown = capfd.readouterr().err
    assert f"cam.clip_es.text_tower.weights: {data / 'wrong.safetensors'}: does not fit" in shown


def damaged(data, change):
    path = data / "text.safetensors"
    features().write(path)
    path.write_bytes(change(path.read_bytes()))
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content[:-40],
        lambda content: b"",
        lambda content: content.replace(b"thing 1", b"thing 7"),
        lambda content: content.replace(b"template", b"temperat"),
    ],
)
def test_damaged_texts_are_refused(tmp_path, change):
    with pytest.raises(UserError, match=r"text.safetensors: damaged.*delete it; a run with"):
        TextFeatures.read(damaged(tmp_path, change))


def test_texts_survive_a_file(tmp_path):
    given = features()
    given.write(tmp_path / "text.safetensors")
    found = TextFeatures.read(tmp_path / "text.safetensors")
    assert found.digest() == given.digest()
    with pytest.raises(UserError, match="in another order"):
        found.check_names(found.names[::-1], tmp_path)
    with pytest.raises(UserError, match=r"no such file; a run with cam.clip_es.text: null makes"):
        TextFeatures.read(tmp_path / "none.safetensors")


def test_an_image_smaller_than_a_patch_is_refused(small, data, capfd):
    config = options(small)
    assert embed(data, config) == prepare(data, config, small / "clip.safetensors") == 0
    Image.new("RGB", (40, 15)).save("a.png")
    Index(CLASSES, (Item("a", "train", data / "a.png", file_digest("a.png"), (0,)),)).write(
        data / "index.tsv"
    )
    words = [
        "--index",
        "index.tsv",
        "--split",
        "train",
        "--model",
        "model.pt",
        "--out",
        "cam/m.tsv",
    ]
    assert run("infer_cam", config, *words) == 2
    assert "a.png: 40 x 15 pixels, but the method needs 16 on each side" in capfd.readouterr().err


WRONG = {
    "cam.clip_es.text: no such file": {"cam": {"clip_es": {"text": "none.safetensors"}}},
    "cam.clip_es.text_tower.weights: no such file": {
        "cam": {"clip_es": {"text_tower": {"weights": "none.pt"}}}
    },
    "cam.clip_es.tower.weights: no such file": {"cam": {"clip_es": {"tower": {"weights": "n.pt"}}}},
    "segment.train.init: cam, but clip_es trains no backbone": {
        "segment": {"train": {"init": "cam"}}
    },
    "affinity.train.init: cam, but clip_es trains": {
        "affinity": {"source": "learned", "train": {"init": "cam"}}
    },
    "affinity.irn.train.init: cam, but clip_es trains": {
        "affinity": {"source": "irn", "irn": {"train": {"init": "cam"}}}
    },
    "affinity.features.of: classifier, but clip_es trains": {"affinity": {"source": "features"}},
    "affinity.source: none takes refined maps, but there are none": {"refine": "none"},
    "cam.checkpoint: clip_es is not trained": {"cam": {"checkpoint": __file__}},
    "clip_es is not trained, hence nothing can be added to it": {"method": "clip_es+eader"},
    "cam.clip_es.template: put {} where": {"cam": {"clip_es": {"template": "no place"}}},
    "cam.clip_es.tower.name: name an image tower of CLIP in timm": {
        "cam": {"clip_es": {"tower": {"name": "tiny", "weights": None}}}
    },
}


@pytest.mark.parametrize("message", WRONG)
def test_what_makes_no_sense_is_refused_with_the_reason(message):
    base = {"dataset": {"source": "csv", "root": "."}, "backbone": {"weights": "imagenet"}, **OURS}
    with pytest.raises(UserError) as caught:
        runs(load({**base, **WRONG[message]}))
    assert message in str(caught.value)


def test_without_open_clip_a_file_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr("wsss.config.text.find_spec", lambda name: None)
    base = {"dataset": {"source": "csv", "root": "."}, **OURS}
    with pytest.raises(UserError, match=r"clip_es.text: null needs open_clip: pip install"):
        runs(load(base))
    features().write(tmp_path / "t.safetensors")
    given = {"cam": {"clip_es": {"text": str(tmp_path / "t.safetensors")}}}
    assert runs(load({**base, **given}))


@pytest.mark.parametrize(
    ("keys", "size", "message"),
    [
        ({}, (80, 60), "Warning: no language model knows what 'cls_3' looks like"),
        ({"prompts": {"dgo": "puppy"}}, (80, 60), "prompts: 'dgo' is no class; did you mean dog?"),
        ({}, (80, 12), "images with less than 16 pixels on a side, which method clip_es needs: 1;"),
    ],
)
def test_check_knows_texts_and_patches(tmp_path, monkeypatch, capfd, keys, size, message):
    monkeypatch.chdir(tmp_path)
    for number, shape in enumerate(((80, 60), size)):
        Image.new("RGB", shape, (number, 0, 0)).save(f"{number}.png")
    rows = ["image,split,labels", "0.png,train,dog;cls_3", "1.png,val,dog"]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    dataset = {"name": "mine", "source": "csv", "root": "."}
    content = {"dataset": dataset, **OURS, "cam": {"clip_es": keys}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    main(["check", "mine.yaml"])
    shown = capfd.readouterr()
    assert message in shown.out + shown.err


@pytest.mark.parametrize(
    ("own", "expected"),
    [({}, ([1.0], False)), ({"scales": [0.5], "flip": True}, ([0.5], True))],
)
def test_views_are_those_of_the_method_unless_named(own, expected):
    dataset = {"source": "csv", "root": "."}
    config = load({**OURS, "dataset": dataset, "cam": {"infer": own}})
    assert config.views() == expected
    infer = json.loads(slice_json("infer_cam", config))["cam"]["infer"]
    assert (infer["scales"], infer["flip"]) == expected
    assert load({"method": "psa", "dataset": dataset}).views() == ([0.5, 1.0, 1.5, 2.0], True)


def test_nothing_is_trained_before_the_segmenter():
    images = Images(train=4, val=2, size=(64, 64), classes=3, labels=1.5)
    config = load(
        {**OURS, "dataset": dataset_of(images), "backbone": {"name": "tiny", "weights": None}}
    )
    stages = {a.stage for a in Plan(config, MadeUp(images.count)).artifacts.values()}
    assert {"embed_text", "prepare_cam", "label_refined", "train_segmenter"} <= stages
    assert not {"train_cam", "train_affinity", "random_walk"} & stages
