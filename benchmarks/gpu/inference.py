"""Inference on a GPU: the originals' ways beside the project's."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.gpu.measure import (
    Lab,
    Line,
    full_precision,
    half_precision,
    kernels,
    profiler,
    speed,
)
from benchmarks.gpu.stages import data
from benchmarks.made import photograph, posteriors
from benchmarks.walk import dense_walk, example, sparse_walk
from wsss import methods
from wsss.config.crf import CrfKernel
from wsss.data.transforms import normalise, resize, scaled
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader
from wsss.io.validated_maps import STRIDE, read_cam
from wsss.nn import segmenters
from wsss.nn.affinitynet import AffinityNet
from wsss.nn.backbones import build
from wsss.ops.crf_cpu import Field
from wsss.ops.crf_torch import Fields
from wsss.ops.seeds import background_score
from wsss.stages import infer_cam, infer_segmenter, random_walk

CLASSES, PRESENT = 20, (6, 14)
LABELS = CLASSES + 1
ALPHAS = (4.0, 24.0)

Score = Callable[[Tensor], Tensor]


@torch.no_grad()
def cam(lab: Lab) -> Iterator[Line | str]:
    """Yield the lines of class activation maps and of the walk, and the kernels of the network."""
    torch.manual_seed(0)
    params = methods.get("psa").Params()
    method = methods.make("psa", build(lab.sizes.backbone), CLASSES, {"psa": params})
    method.eval().requires_grad_(False)
    scales = lab.sizes.scales
    name = f"class activation maps, {len(scales)} scales x mirror"
    with data(lab, CLASSES, PRESENT) as given:
        meta = {"method": "psa", "params": {"psa": params.model_dump(mode="json")}}
        meta |= {"backbone": _backbone(lab.sizes.backbone), "classes": given.classes}
        model = given.save(method.net, "classifier", **meta)
        image, (height, width) = given.image, lab.sizes.photo
        method.to(lab.device)

        def view_by_view(size: tuple[int, int] = (height, width)) -> np.ndarray:
            return _scaled_maps(sum(_views_of_psa(lab, method.cam, image, size)))

        with full_precision():
            expected = view_by_view((-(-height // STRIDE), -(-width // STRIDE)))
            first = speed(lab, view_by_view)
        yield Line(name, "view by view, 32 bits", first, first)
        config = {"cam": {"infer": {"scales": scales}}}
        found, cams = given.run(infer_cam, config, model=model)
        far = np.abs(read_cam(MapsReader([cams]), given.first)[0] - expected).max()
        yield Line(name, "ours, from file to file", found, first, f"maps within {far:.0e}")
        yield from _alone(lab, f"{name}, network alone", method, method.cam, image, scales)
        views_there = _on_device(lab, image, scales)
        with half_precision(lab.device), profiler(lab) as noted:
            _sum_maps(views_there, method.cam, image.shape[:2])
            lab.wait()
        yield from kernels(lab, f"{name}, network alone, bf16, channels last", noted, 1)
        net = AffinityNet(build(lab.sizes.backbone))
        model = given.save(net, "affinity", radius=5, backbone=_backbone(lab.sizes.backbone))
        found, _ = given.run(random_walk, {}, affinity=model, cams=cams)
        yield Line("random walk with its CRF", "ours, from file to file", found, found)


@torch.no_grad()
def segmenter(lab: Lab) -> Iterator[Line | str]:
    """Yield the lines of the masks of a photograph."""
    for head, backbone, stride, scales in lab.sizes.segmenters:
        torch.manual_seed(0)
        net = segmenters.build(head, build(backbone, stride), LABELS)
        net.eval().requires_grad_(False)
        name = f"{head} on {backbone}, {len(scales)} scales x mirror"
        with data(lab, CLASSES, PRESENT) as given:
            meta = {"segmenter": head, "options": {}, "classes": given.classes}
            meta |= {"backbone": _backbone(backbone, stride)}
            model = given.save(net, "segmenter", **meta)
            image = given.image
            net.to(lab.device)
            plain = partial(_mask_view_by_view, lab, net, image, scales)
            with full_precision():
                expected, first = plain(), speed(lab, plain)
            yield Line(name, "view by view, 32 bits", first, first)
            infer = {"scales": scales, "crf": {"iterations": 0}}
            config = {"segment": {"segmenter": head, "infer": infer}}
            found, labels = given.run(infer_segmenter, config, model=model)
            mask = LabelReader([labels]).read(given.first.image_id)
            equal = f"{(mask == expected).mean():.3%} of the pixels"
            yield Line(name, "ours, from file to file", found, first, equal)
            yield from _alone(lab, f"{name}, network alone", net, net, image, scales)


def _backbone(name: str, stride: int | None = None) -> dict[str, object]:
    return {"name": name, "output_stride": stride}


def crf(lab: Lab) -> Iterator[Line | str]:
    """Yield the lines of the posteriors of maps of two classes for two exponents."""
    count, size = lab.sizes.images, lab.sizes.photo
    images = [photograph(seed, size) for seed in range(count)]
    logits = [_logits(posteriors(seed, size)[1:]) for seed in range(count)]
    kernel = CrfKernel()

    def on_cpu() -> list[np.ndarray]:
        return [
            Field(image, kernel).posteriors(one) for image, one in zip(images, logits, strict=True)
        ]

    def on_device(several: int) -> list[np.ndarray]:
        return [
            posterior
            for at in range(0, count, several)
            for posterior in Fields(images[at : at + several], kernel, lab.device).posteriors(
                logits[at : at + several]
            )
        ]

    expected = on_cpu()
    first = speed(lab, on_cpu, count)
    name = f"CRF low + high, K = {len(logits[0][0]) - 1}"
    yield Line(name, "ours on the CPU, a thread", first, first)
    for several in sorted({1, count}):
        found = on_device(several)
        pairs = list(zip(found, expected, strict=True))
        equal = min(float((a.argmax(1) == b.argmax(1)).mean()) for a, b in pairs)
        far = max(float(np.abs(a - b).max()) for a, b in pairs)
        agreement = f"labels {equal:.4%}, posteriors {far:.1e}"
        how = f"ours on the device, {several} at once"
        yield Line(name, how, speed(lab, partial(on_device, several), count), first, agreement)


def walk(lab: Lab) -> Iterator[Line | str]:
    """Yield the lines of the random walk of a photograph."""
    height, width = lab.sizes.grid
    here = example(height, width)
    there = [tensor.to(lab.device) for tensor in here]
    name = f"random walk {height} x {width}, 256 steps"
    with full_precision():
        expected = dense_walk(*there).cpu()
        first = speed(lab, lambda: dense_walk(*there))
        yield Line(name, "dense squaring", first, first)
        far = float((sparse_walk(*there).cpu() - expected).abs().max())
        yield Line(name, "ours", speed(lab, lambda: sparse_walk(*there)), first, f"{far:.0e}")
        far = float((sparse_walk(*here) - expected).abs().max())
        found = speed(lab, lambda: sparse_walk(*here))
        yield Line(name, "ours on the CPU", found, first, f"{far:.0e}")


def _alone(
    lab: Lab,
    name: str,
    net: nn.Module,
    score: Score,
    image: np.ndarray,
    scales: tuple[float, ...],
) -> Iterator[Line | str]:
    """Yield the lines of a network on views that lie on the device; it ends in channels last."""
    given, size = _on_device(lab, image, scales), image.shape[:2]

    def total() -> Tensor:
        return _sum_maps(given, score, size)

    with full_precision():
        expected, first = total(), speed(lab, total)
    yield Line(name, "32 bits", first, first)
    with full_precision(tf32=True):
        yield Line(name, "TF32", speed(lab, total), first, _far(expected, total()))
    with half_precision(lab.device):
        yield Line(name, "bf16", speed(lab, total), first, _far(expected, total()))
    net.to(memory_format=torch.channels_last)
    with half_precision(lab.device):
        found, far = speed(lab, total), _far(expected, total())
        yield Line(name, "bf16, channels last", found, first, far)


def _on_device(lab: Lab, image: np.ndarray, scales: tuple[float, ...]) -> list[Tensor]:
    """Return a batch (2, 3, h, w) per scale, the mirrored view second."""
    found = [view for view, mirrored in _single_views(lab, image, scales) if not mirrored]
    return [torch.cat([view, view.flip(-1)]) for view in found]


def _sum_maps(views: list[Tensor], score: Score, size: tuple[int, int]) -> Tensor:
    """Return the sum (D, H, W) of the maps of all views, mirrored ones mirrored back."""
    total = torch.zeros((), device=views[0].device)
    for view in views:
        maps = F.interpolate(score(view).float(), size, mode="bilinear", align_corners=False)
        total = total + maps[0] + maps[1].flip(-1)
    return total


def _far(expected: Tensor, found: Tensor) -> str:
    return f"{float((found - expected).abs().max() / expected.abs().max()):.1e} of the largest"


def _views_of_psa(
    lab: Lab, score: Score, image: np.ndarray, size: tuple[int, int]
) -> Iterator[np.ndarray]:
    """Yield the maps of one view after the other, as `infer_cls.py` of PSA."""
    present = np.zeros((CLASSES, 1, 1), np.float32)
    present[list(PRESENT)] = 1
    for view in _single_views(lab, image, lab.sizes.scales):
        maps = F.interpolate(score(view[0]), size, mode="bilinear", align_corners=False)[0]
        found = maps.cpu().numpy() * present
        yield found[..., ::-1] if view[1] else found


def _single_views(
    lab: Lab, image: np.ndarray, scales: tuple[float, ...]
) -> Iterator[tuple[Tensor, bool]]:
    """Yield each view on the device, and whether it is mirrored."""
    for scale in scales:
        pixels = normalise(resize(image, scaled(image.shape[:2], scale))).transpose(2, 0, 1)
        for mirrored in (False, True):
            view = np.ascontiguousarray(pixels[..., ::-1] if mirrored else pixels)
            yield torch.from_numpy(view[None]).to(lab.device), mirrored


def _scaled_maps(total: np.ndarray) -> np.ndarray:
    found = total[list(PRESENT)]
    return found / (found.max((1, 2), keepdims=True) + 1e-5)


def _mask_view_by_view(
    lab: Lab, net: segmenters.Segmenter, image: np.ndarray, scales: tuple[float, ...]
) -> np.ndarray:
    """Average the logits of one view after the other; softmax and argmax on the host."""
    total = np.zeros((LABELS, *image.shape[:2]), np.float32)
    for view, mirrored in _single_views(lab, image, scales):
        corners = net.align_corners
        logits = F.interpolate(net(view), image.shape[:2], mode="bilinear", align_corners=corners)
        found = logits[0].cpu().numpy()
        total += found[..., ::-1] if mirrored else found
    return torch.from_numpy(total).softmax(0).numpy().argmax(0)


def _logits(cam: np.ndarray) -> np.ndarray:
    """Return the logits (2, K + 1, H, W) of maps (K, H, W) for both exponents."""
    sets = [np.concatenate([background_score(cam, alpha)[None], cam]) for alpha in ALPHAS]
    return np.log(np.clip(np.stack(sets), 1e-5, 1))
