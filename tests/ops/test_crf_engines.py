"""The engines of the dense CRF agree: this project's on CPU and in PyTorch, and pydensecrf."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numba import config
from numba.core import caching

from wsss.config.crf import CrfKernel, PostCrf, SegmenterCrf
from wsss.ops import crf, crf_cpu, crf_kernels
from wsss.ops.crf import ImageCRF, contenders, decide, decide_prediction
from wsss.ops.lattice_kernels import compiled

REFERENCE = CrfKernel(engine="cpu").model_copy(update={"engine": "pydensecrf"})
SIZES = [(1, 1), (1, 2), (2, 1), (3, 5), (1, 40), (17, 23), (40, 31)]
LABELS = [2, 3, 4, 5, 9, 21, 81]


def example(seed):
    """A random image (noise, blocks or a gradient) with random scores, and random kernels."""
    rng = np.random.default_rng(seed)
    height, width = SIZES[seed % len(SIZES)]
    labels = LABELS[seed // len(SIZES) % len(LABELS)]
    image = rng.integers(0, 256, (height, width, 3))
    if seed % 3 == 1:
        image = np.kron(image[::4, ::4], np.ones((4, 4, 1), int))[:height, :width]
    elif seed % 3 == 2:
        image = image // 8 + np.add.outer(np.arange(height), np.arange(width))[..., None] * 3
    scores = rng.random((2, labels, height, width), np.float32) ** rng.integers(1, 9)
    kernels = {"bilateral_sxy": rng.uniform(5, 90), "bilateral_srgb": rng.uniform(3, 30)}
    kernels |= {"gaussian_sxy": rng.uniform(0.5, 4), "iterations": int(rng.integers(1, 11))}
    return image.astype(np.uint8), scores, kernels


def agree(got, expected):
    assert got.shape == expected.shape
    far = np.abs(got - expected)
    assert (far <= 2e-3).mean() >= 0.999
    # a vertex that rounding gives one of two lattices alone, in small images
    assert far.max() <= 5e-3
    sure = np.abs(np.diff(np.sort(expected, axis=-3)[..., -2:, :, :], axis=-3)[..., 0, :, :]) > 4e-3
    winners = got.argmax(-3) == expected.argmax(-3)
    assert winners[sure].all()


def compared_with_pydensecrf(seed):
    pytest.importorskip("pydensecrf")
    image, scores, kernels = example(seed)
    size = scores.shape[1]
    reference = CrfKernel(engine="pydensecrf", **kernels)
    agree(
        ImageCRF(image, size, CrfKernel(**kernels)).refine(scores),
        ImageCRF(image, size, reference).refine(scores),
    )


@pytest.mark.parametrize("seed", range(49))
def test_pydensecrf_agrees(seed):
    compared_with_pydensecrf(seed)


MISSED = pytest.mark.xfail(strict=True, reason="4 of 3910 posteriors are 2.2e-3 apart, not 2e-3")


@pytest.mark.long
@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[MISSED] * (seed == 222)) for seed in range(49, 500)]
)
def test_pydensecrf_agrees_on_many_images(seed):
    compared_with_pydensecrf(seed)


@pytest.mark.parametrize("seed", range(0, 49, 2))
def test_pytorch_agrees(seed):
    from wsss.ops.crf_torch import Field

    image, scores, kernels = example(seed)
    options = CrfKernel(**kernels)
    logits = np.log(np.clip(scores, 1e-5, 1))
    rest = scores.shape[1] > 2
    agree(
        Field(image, options, torch.device("cpu")).posteriors(logits, rest),
        crf_cpu.Field(image, options).posteriors(logits, rest),
    )


def test_images_of_a_batch_do_not_mix():
    from wsss.ops.crf_torch import Fields

    chosen = [example(seed) for seed in (3, 5, 13, 26)]
    images, scores = [image for image, _, _ in chosen], [np.log(s + 1e-5) for _, s, _ in chosen]
    together = Fields(images, CrfKernel(), torch.device("cpu")).posteriors(scores)
    for image, own, found in zip(images, scores, together, strict=True):
        agree(found, crf_cpu.Field(image, CrfKernel()).posteriors(own))


def test_fields_together_equal_fields_one_by_one():
    image, scores, _ = example(20)
    solver = ImageCRF(image, scores.shape[1], CrfKernel())
    alone = [solver.refine(one) for one in scores]
    np.testing.assert_allclose(solver.refine(scores), np.stack(alone), atol=1e-5)


@pytest.mark.parametrize("labels", [2, 3, 6])
def test_strong_kernels_do_not_overflow(labels):
    image = np.full((9, 9, 3), 100, np.uint8)
    scores = np.full((labels, 9, 9), 0.1, np.float32)
    scores[-1] = 0.9
    strong = CrfKernel(gaussian_weight=1e4, bilateral_weight=1e4)
    posterior = ImageCRF(image, labels, strong).refine(scores)
    assert np.array_equal(posterior.argmax(0), np.full((9, 9), labels - 1))
    assert np.allclose(posterior.sum(0), 1)


def prediction(labels, seed=0, size=(40, 50)):
    """Probabilities of two objects on a background, and the image, with noise."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(size, int)
    mask[5:25, 5:30], mask[20:38, 28:47] = labels - 1, labels // 2
    image = (mask * 90 % 256)[..., None] + rng.integers(0, 40, (*size, 3))
    logits = 5.0 * (mask == np.arange(labels)[:, None, None]) + rng.standard_normal((labels, *size))
    likely = np.exp(logits)
    return (likely / likely.sum(0)).astype(np.float32), image.astype(np.uint8)


@pytest.mark.parametrize("labels", [21, 81])
@pytest.mark.parametrize("kernels", [CrfKernel(), SegmenterCrf()], ids=["cam", "segmenter"])
def test_a_prediction_needs_its_contenders_only(labels, kernels):
    equal = []
    for seed in range(5):
        likely, image = prediction(labels, seed)
        likely[3] = 0.0
        equal.append(decide_prediction(likely, image, kernels) == decide(likely, image, kernels))
    assert np.mean(equal) >= 0.9999


def test_contenders_exceed_a_tenth_or_win_somewhere():
    likely = np.full((21, 2, 2), 0.001, np.float32)
    likely[0], likely[7, 0, 0], likely[9, 1, 1], likely[11, 0, 1] = 0.5, 0.11, 0.09, 0.04
    likely[:, 0, 1] = np.where(np.arange(21) == 11, 0.06, 0.047)
    assert contenders(likely).tolist() == [0, 7, 11]


def test_where_nothing_is_likely_every_label_contends():
    likely = np.full((40, 3, 3), 1 / 40, np.float32)
    assert len(contenders(likely)) == 40
    assert decide_prediction(likely, np.zeros((3, 3, 3), np.uint8), CrfKernel()).shape == (3, 3)


def test_a_lone_contender_wins_everywhere():
    likely = np.full((21, 4, 4), 0.005, np.float32)
    likely[5] = 0.9
    assert (decide_prediction(likely, np.zeros((4, 4, 3), np.uint8), CrfKernel()) == 5).all()


def test_a_prediction_without_a_crf_is_its_argmax():
    likely, image = prediction(21)
    assert np.array_equal(decide_prediction(likely, image, PostCrf()), likely.argmax(0))


def test_pydensecrf_is_given_every_label(monkeypatch):
    given = []
    monkeypatch.setattr(crf, "decide", lambda scores, *rest: given.append(len(scores)))
    decide_prediction(*prediction(21), REFERENCE)
    assert given == [21]


def test_a_gpu_is_used_where_the_caller_has_one(monkeypatch):
    from wsss.ops import crf_torch

    used = []
    monkeypatch.setattr(crf_torch, "Field", lambda *args: used.append(args[2].type))
    image = np.zeros((2, 2, 3), np.uint8)
    ImageCRF(image, 2, CrfKernel(), torch.device("cuda"))
    ImageCRF(image, 2, CrfKernel(engine="cpu"), torch.device("cuda"))
    ImageCRF(image, 2, CrfKernel(), torch.device("cpu"))
    assert used == ["cuda"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("seed", range(0, 49, 5))
def test_a_gpu_agrees(seed):
    image, scores, kernels = example(seed)
    given = (image, scores.shape[1])
    on_gpu = ImageCRF(*given, CrfKernel(**kernels), torch.device("cuda"))
    agree(on_gpu.refine(scores), ImageCRF(*given, CrfKernel(**kernels)).refine(scores))


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr("wsss.config.crf.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install pydensecrf2"):
        CrfKernel(engine="pydensecrf")


SMALL = """
import numpy as np, sys
from wsss.config.crf import CrfKernel
from wsss.ops.crf import ImageCRF
image = np.zeros((4, 4, 3), np.uint8)
assert np.allclose(ImageCRF(image, 2, CrfKernel()).refine(np.full((2, 4, 4), 0.5)), 0.5)
assert "torch" not in sys.modules
from wsss.ops.crf_kernels import step
from wsss.ops.lattice_kernels import build
sys.stdout.write(str(sum(sum(f.stats.cache_hits.values()) for f in (step, build))))
"""


def double(number):
    return 2 * number


def start(**variables):
    command = [sys.executable, "-c", SMALL]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | variables)


@pytest.mark.slow
def test_what_is_compiled_is_kept_though_two_jobs_compile_it(tmp_path):
    jobs = [start(NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    for job in jobs:
        job.communicate()
        assert job.returncode == 0
    again = start(NUMBA_CACHE_DIR=str(tmp_path))
    assert again.communicate()[0] == "2"


def fails(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_does_not_stop_the_compiler(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(caching.IndexDataCacheFile, "save", fails)
    assert compiled(double)(2) == 4


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"not a pickle"])
def test_a_damaged_result_is_compiled_again(tmp_path, monkeypatch, suffix, content):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    compiled(double)(2)
    (file,) = tmp_path.rglob(f"*.{suffix}")
    file.write_bytes(content)
    assert compiled(double)(2) == 4
    intact = compiled(double)
    assert intact(2) == 4
    assert sum(intact.stats.cache_hits.values()) == 1


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("home", ["home", "not a folder/home"])
def test_a_read_only_installation_works(tmp_path, home):
    package = Path(crf_kernels.__file__).parents[1]
    shutil.copytree(package, tmp_path / "wsss", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "not a folder").touch()
    (tmp_path / "wsss/ops/__pycache__").touch()  # no folder can be made there, even by root
    home = str(tmp_path / home)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    places = {"HOME": home, "XDG_CACHE_HOME": f"{home}/cache", "PYTHONPATH": path}
    for _ in range(2):
        job = start(**places, NUMBA_CACHE_DIR="")
        kept = job.communicate()[0]
        assert job.returncode == 0
    assert kept == ("2" if Path(home).is_dir() else "0")
