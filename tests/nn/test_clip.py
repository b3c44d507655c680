from functools import partial

import numpy as np
import pytest
import torch
from timm.layers import LayerNorm, QuickGELU
from timm.models.vision_transformer import VisionTransformer

from tests.nn.plain_clip import MEAN, STD, PlainClip
from wsss.data.pixels import normalised
from wsss.errors import UserError
from wsss.io.text_features import TextFeatures
from wsss.nn.backbones import clip
from wsss.nn.backbones.clip import ClipTower
from wsss.nn.clipnet import ClipNet
from wsss.nn.weights import backbone_state, load_state
from wsss.ops.resize import resize_bilinear

WIDTH, DEPTH, HEADS, EMBEDDING = 32, 3, 2, 24
NAME = "clip/vit_small"


def encoder(name=NAME):
    net = VisionTransformer(
        img_size=64,
        patch_size=16,
        embed_dim=WIDTH,
        depth=DEPTH,
        num_heads=HEADS,
        pre_norm=True,
        num_classes=EMBEDDING,
        act_layer=QuickGELU,
        norm_layer=partial(LayerNorm, eps=1e-5),
    )
    net.pretrained_cfg = {"mean": MEAN, "std": STD}
    return net


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(clip, "_tower", encoder)


def official_state(seed=0):
    """Random weights by the names of OpenAI's image tower."""
    rng = np.random.default_rng(seed)
    shapes = {
        "class_embedding": (WIDTH,),
        "positional_embedding": (17, WIDTH),
        "proj": (WIDTH, EMBEDDING),
        "conv1.weight": (WIDTH, 3, 16, 16),
    }
    for name in ("ln_pre", "ln_post"):
        shapes |= {f"{name}.weight": (WIDTH,), f"{name}.bias": (WIDTH,)}
    for number in range(DEPTH):
        block = f"transformer.resblocks.{number}"
        sizes = {"c_fc": (4 * WIDTH, WIDTH), "c_proj": (WIDTH, 4 * WIDTH)}
        for name, (out, into) in sizes.items():
            shapes |= {
                f"{block}.mlp.{name}.weight": (out, into),
                f"{block}.mlp.{name}.bias": (out,),
            }
        for name in ("ln_1", "ln_2"):
            shapes |= {f"{block}.{name}.weight": (WIDTH,), f"{block}.{name}.bias": (WIDTH,)}
        shapes |= {
            f"{block}.attn.in_proj_weight": (3 * WIDTH, WIDTH),
            f"{block}.attn.in_proj_bias": (3 * WIDTH,),
            f"{block}.attn.out_proj.weight": (WIDTH, WIDTH),
            f"{block}.attn.out_proj.bias": (WIDTH,),
        }
    state = {}
    for name, shape in shapes.items():
        spread = 0.05 if name == "conv1.weight" else 0.3
        state[name] = torch.from_numpy(spread * rng.standard_normal(shape)).float()
        if "ln_" in name and name.endswith("weight"):
            state[name] += 1
    return state


def visual(state):
    return {f"visual.{name}": tensor for name, tensor in state.items()}


def tower(state):
    found = ClipTower(NAME)
    load_state(found, backbone_state(NAME, visual(state), "file"), "file")
    return found.eval()


def texts(count, seed=1):
    rows = np.random.default_rng(seed).standard_normal((count, EMBEDDING))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def features(classes=4, words=3, width=EMBEDDING, patch=()):
    rows = texts(classes + words)[:, :width].astype(np.float32)
    names = tuple(f"thing {number}" for number in range(classes))
    return TextFeatures(
        names=names,
        prompts=names,
        words=tuple("abcdefgh"[:words]),
        template="{}.",
        tower="small",
        licence="MIT",
        classes=rows[:classes],
        background=rows[classes:],
        logit_scale=np.float32(np.log(20)),
        patch=np.array(patch, np.float32),
    )


def net(state, classes=4, words=3):
    found = ClipNet(tower(state), classes, words)
    found.take(features(classes, words))
    return found.eval()


def photo(height, width, seed=2):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def view(pixels):
    return normalised(torch.from_numpy(pixels).permute(2, 0, 1)[None])


@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_the_tower_equals_a_plain_implementation(size):
    state, pixels = official_state(), photo(*size)
    plain = PlainClip(state, HEADS)
    expected, attentions, grid = plain.before_last(pixels)
    encoded = tower(state).encode(view(pixels))
    assert encoded.grid == grid
    np.testing.assert_allclose(encoded.tokens[0], expected, atol=1e-4)
    mean = np.mean([weights[1:, 1:] for weights in attentions], 0)
    np.testing.assert_allclose(encoded.attention[0], mean, atol=1e-5)


@pytest.mark.parametrize("classes", [[1, 3], [2]])
def test_maps_equal_a_plain_implementation(classes):
    state, pixels = official_state(), photo(64, 80)
    plain, given = PlainClip(state, HEADS), texts(7)
    rows = np.concatenate([given[classes], given[4:]])
    network = net(state)
    with torch.no_grad():
        found = network.maps(view(pixels), torch.tensor(classes))[0]
        encoded = network.backbone.encode(view(pixels))
        cams = network._grad_cam(encoded, torch.tensor(classes))[0]
    for number, (cam, refined) in enumerate(zip(cams, found, strict=True)):
        expected = plain.grad_cam(pixels, rows, 20.0, number)
        assert expected.max() > 0.99
        np.testing.assert_allclose(cam, expected, atol=2e-3)
        np.testing.assert_allclose(refined, plain.refined(pixels, rows, 20.0, number), atol=5e-3)


def test_logits_are_the_log_odds_of_all_texts():
    state, pixels = official_state(), photo(64, 64)
    plain = PlainClip(state, HEADS)
    x, _, _ = plain.before_last(pixels)
    expected = plain.probabilities(x, None, texts(7), 20.0)[:4]
    with torch.no_grad():
        found = net(state).logits(view(pixels)).sigmoid()[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_tap_is_behind_the_last_norm():
    state, pixels = official_state(), photo(48, 64)
    plain = PlainClip(state, HEADS)
    x, _, grid = plain.before_last(pixels)
    expected = plain.norm("ln_post", plain.block(DEPTH - 1, x)[0])[1:].T.reshape(WIDTH, *grid)
    with torch.no_grad():
        np.testing.assert_allclose(tower(state)(view(pixels))["conv6"][0], expected, atol=1e-4)


def test_images_are_resized_to_whole_patches():
    from PIL import Image

    pixels = photo(50, 70)
    with torch.no_grad():
        fitted = tower(official_state())._fitted(view(pixels))[0].permute(1, 2, 0).numpy()
    assert fitted.shape == (64, 80, 3)
    levels = 255 * (fitted * STD + np.array(MEAN))
    expected = np.asarray(Image.fromarray(pixels).resize((80, 64), Image.Resampling.BICUBIC))
    assert np.abs(levels - expected).max() <= 1.01


def test_a_batch_is_its_images():
    network = net(official_state())
    both = torch.cat([view(photo(64, 48, seed)) for seed in (3, 4)])
    with torch.no_grad():
        found = network.maps(both, torch.tensor([0, 2]))
        for one, maps in zip(both, found, strict=True):
            torch.testing.assert_close(network.maps(one[None], torch.tensor([0, 2]))[0], maps)


def test_classes_that_are_absent_do_not_compete():
    network = net(official_state())
    with torch.no_grad():
        alone = network.maps(view(photo(64, 64)), torch.tensor([1]))
        among = network.maps(view(photo(64, 64)), torch.arange(4))[:, 1:2]
    assert not torch.allclose(alone, among)


def test_weights_have_the_names_of_timm_or_open_clip():
    state = official_state()
    ours = tower(state)
    timms = {key.removeprefix("encoder."): t for key, t in ours.state_dict().items()}
    again = backbone_state(NAME, timms, "file")
    assert again.keys() == ours.state_dict().keys()
    assert all(torch.equal(again[key], t) for key, t in ours.state_dict().items())
    whole = visual(state) | {
        "logit_scale": torch.tensor(4.6),
        "token_embedding.weight": torch.rand(3, 4),
        "transformer.resblocks.0.ln_1.weight": torch.rand(4),
        "positional_embedding": torch.rand(7, 4),
        "ln_final.weight": torch.rand(4),
    }
    of_whole = backbone_state(NAME, whole, "file")
    assert all(torch.equal(of_whole[key], again[key]) for key in again)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("positional_embedding", (26, WIDTH)), ("conv1.weight", (WIDTH, 3, 8, 8))],
    ids=["resolution", "patch"],
)
def test_weights_of_another_tower_are_refused(name, shape):
    state = official_state() | {name: torch.zeros(shape)}
    with pytest.raises(
        UserError, match=r"not weights of timm/vit_small.*another shape.*cam\.clip_es\.tower\.name"
    ):
        backbone_state(NAME, visual(state), "file")


def test_weights_of_a_deeper_tower_are_refused():
    state = official_state()
    more = {k.replace("blocks.2.", "blocks.3."): t for k, t in state.items() if "blocks.2." in k}
    with pytest.raises(UserError, match="12 unexpected"):
        backbone_state(NAME, visual(state | more), "file")


def test_texts_of_another_tower_are_refused():
    network = ClipNet(tower(official_state()), 4, 3)
    with pytest.raises(UserError, match="have 8 numbers, those of the image tower 24"):
        network.take(features(width=8))
    network.take(features(patch=network.backbone.fingerprint().numpy()))
    for patch in (np.ones(WIDTH), np.ones(WIDTH + 1)):
        with pytest.raises(UserError, match="belong to another image tower"):
            network.take(features(patch=patch))


def test_positions_of_the_trained_grid_stay():
    found = tower(official_state())
    torch.testing.assert_close(found._positions((4, 4)), found.encoder.pos_embed.data)
    wide = found._positions((4, 9))[:, 1:].mT.unflatten(2, (4, 9))
    cells = found.encoder.pos_embed[:, 1:].mT.unflatten(2, (4, 4))
    torch.testing.assert_close(wide, resize_bilinear(cells, (4, 9)))
