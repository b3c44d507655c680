"""The segmenter as an ONNX model that takes photographs as they are, and the proof that it agrees.

Input `image`: (B, 3, H, W) float32, RGB, 0..255, upright; any B, H and W. The normalisation is part
of the model. Output `logits`: (B, L, H, W) float32; their argmax over axis 1 is the label map.
"""

import io
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from wsss import __version__
from wsss.data.taxonomy import NO_CLASS
from wsss.errors import UserError
from wsss.export.archive import refuse_folder
from wsss.io.atomic import write_bytes
from wsss.io.progress import log
from wsss.ops.colour import MEAN, STD

TOLERANCE = 1e-4
"""Largest difference of logits from PyTorch's that is let pass, in units of the largest logit."""

_OPSET = 17
_TRACED = (1, 3, 129, 97)
_TRIED = ((1, 3, 96, 160), (2, 3, 131, 77))


class FromPixels(nn.Module):
    """A segmenter that normalises its input itself.

    Args:
        net: (B, 3, H, W) normalised RGB to (B, L, H, W) logits.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mean", 255 * torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Map RGB 0..255 (B, 3, H, W) to logits (B, L, H, W)."""
        return self.net((image - self.mean) / self.std)


def write(
    net: nn.Module,
    class_names: Sequence[str],
    out: Path,
    about: Mapping[str, str],
    tolerance: float = TOLERANCE,
) -> None:
    """Write the model if it gives the logits of PyTorch for images of other sizes than traced.

    Its metadata tell the labels (JSON list, background first), the input, the differences found
    and `about`.

    Args:
        net: the segmenter on the CPU, in evaluation mode.
        class_names: the foreground classes.
        out: file to write.
        about: further metadata.
        tolerance: largest difference of logits that is let pass, in units of the largest logit.

    Raises:
        UserError: the network has operations that ONNX has not, the differences exceed the
            tolerance, or `out` cannot be written.
    """
    refuse_folder(out)
    module = FromPixels(net).eval()
    try:
        model = _convert(module)
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{out}: not written, ONNX cannot hold this network ({reason})") from error
    worst, share = _compare(module, model.SerializeToString())
    sizes = " and ".join(f"{height} x {width}" for _, _, height, width in _TRIED)
    found = f"{worst:.2g} of the largest logit, at {sizes} pixels; equal labels {share:.4%}"
    if not worst <= tolerance:
        raise UserError(
            f"{out}: not written, as ONNX and PyTorch differ by {found}; {tolerance:g} is allowed"
        )
    log.info("ONNX and PyTorch differ by at most %s", found)
    facts = {
        "labels": json.dumps([NO_CLASS, *class_names], ensure_ascii=False),
        "input": "RGB 0..255, float32, (batch, 3, height, width); normalised inside",
        "output": "logits (batch, labels, height, width)",
        "max_difference": f"{worst:.3g}",
        "max_difference_unit": "largest absolute logit",
        "compared_at": sizes,
        "wsss": __version__,
    }
    onnx.helper.set_model_props(model, {**about, **facts})
    write_bytes(out, model.SerializeToString())


def _convert(module: nn.Module) -> onnx.ModelProto:
    """Trace the module.

    The exporter by tracing is chosen: the newer one took ten times as long, and failed on
    networks that scale their input themselves.
    """
    buffer = io.BytesIO()
    free = {0: "batch", 2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros(_TRACED),),
            buffer,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": free, "logits": free},
        )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(model)
    return model


def _compare(module: nn.Module, model: bytes) -> tuple[float, float]:
    """Return the largest difference, in units of the largest logit, and how many labels agree."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    pairs = list(_pairs(module, session))
    worst = np.max([np.abs(a - b).max() / max(np.abs(a).max(), 1e-30) for a, b in pairs])
    equal = np.concatenate([(a.argmax(1) == b.argmax(1)).ravel() for a, b in pairs])
    return float(worst), float(equal.mean())


def _pairs(
    module: nn.Module, session: onnxruntime.InferenceSession
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    generator = torch.Generator().manual_seed(0)
    for size in _TRIED:
        image = torch.randint(0, 256, size, generator=generator).float()
        with torch.inference_mode():
            logits = module(image).numpy()
        yield logits, session.run(None, {"image": image.numpy()})[0]
