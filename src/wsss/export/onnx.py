"""Segmenter as an ONNX model with built-in normalisation, compared with PyTorch before writing.

Input `image`: (B, 3, H, W) float32 RGB in 0..255; B, H and W are dynamic.
Output `logits`: (B, L, H, W) float32; their argmax over axis 1 is the label map.
"""

import io
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from wsss.ops.finite import NotFiniteError, finite

TOLERANCE = 1e-4
"""Largest accepted difference between logits of ONNX and PyTorch, relative to the largest logit."""

_OPSET = 17
_TRACED = (1, 3, 129, 97)
"""Shape of the traced input."""

_COMPARED = ((1, 3, 96, 160), (2, 3, 131, 77))
"""Shapes of the inputs for the comparison with PyTorch."""


class FromPixels(nn.Module):
    """Segmenter with normalisation of its input.

    Args:
        net: (B, 3, H, W) normalised RGB to (B, L, H, W) logits.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.mean = nn.Buffer(255 * torch.tensor(MEAN).view(1, 3, 1, 1))
        self.std = nn.Buffer(255 * torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Map RGB 0..255 (B, 3, H, W) to logits (B, L, H, W)."""
        logits: Tensor = self.net((image - self.mean) / self.std)
        return logits


def write(
    net: nn.Module,
    class_names: Sequence[str],
    out: Path,
    about: Mapping[str, str],
    tolerance: float = TOLERANCE,
) -> None:
    """Write the model if its logits agree with PyTorch's for images of other sizes than traced.

    The metadata hold the labels (JSON list, background first), the input and output, the largest
    difference and `about`.

    Args:
        net: the segmenter on the CPU, in evaluation mode.
        class_names: the foreground classes.
        out: file to write.
        about: further metadata.
        tolerance: largest accepted difference of logits, relative to the largest logit.

    Raises:
        NotFiniteError: the network gives logits that are not finite.
        UserError: ONNX lacks an operation of the network, the difference exceeds the tolerance, or
            `out` cannot be written.
    """
    refuse_folder(out)
    module = FromPixels(net).eval()
    try:
        model = _convert(module)
        # compare with PyTorch
        worst, agreement = _compare(module, model.SerializeToString())
    except NotFiniteError:
        raise
    except Exception as error:  # exporter and runtime fail in many ways
        reason = str(error).strip().partition("\n")[0]
        raise UserError(
            f"{out}: not written, ONNX cannot represent this network for images of any size "
            f"({type(error).__name__}: {reason})"
        ) from error
    sizes = " and ".join(f"{height} x {width}" for _, _, height, width in _COMPARED)
    found = f"{worst:.2g} of the largest logit, at {sizes} pixels; equal labels {agreement:.4%}"
    if not worst <= tolerance:
        raise UserError(
            f"{out}: not written, as ONNX and PyTorch differ by {found}; {tolerance:g} is allowed"
        )
    log.info("ONNX and PyTorch differ by at most %s", found)
    # write with metadata
    metadata = {
        "labels": json.dumps([NO_CLASS, *class_names], ensure_ascii=False),
        "input": "RGB 0..255, float32, (batch, 3, height, width); normalised inside",
        "output": "logits (batch, labels, height, width)",
        "max_difference": f"{worst:.3g}",
        "max_difference_unit": "largest absolute logit",
        "compared_at": sizes,
        "wsss": __version__,
    }
    onnx.helper.set_model_props(model, {**about, **metadata})
    write_bytes(out, model.SerializeToString())


def _convert(module: nn.Module) -> onnx.ModelProto:
    """Trace the module with dynamic batch size, height and width.

    The TorchScript exporter is used, as the newer one (dynamo) took ten times as long and failed
    on networks that resize their input.
    """
    buffer = io.BytesIO()
    dynamic = {0: "batch", 2: "height", 3: "width"}
    with warnings.catch_warnings(), _silent():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros(_TRACED),),
            buffer,  # type: ignore[arg-type]  # the stubs lack file objects
            dynamo=False,
            opset_version=_OPSET,
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": dynamic, "logits": dynamic},
        )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(model)
    return model


@contextmanager
def _silent() -> Iterator[None]:
    """Discard the graph that PyTorch writes to the standard output, below Python, on an error."""
    kept = os.dup(1)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _compare(module: nn.Module, model: bytes) -> tuple[float, float]:
    """Largest difference relative to the largest logit, and fraction of equal labels."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    pairs = list(_pairs(module, session))
    worst = np.max([np.abs(a - b).max() / max(np.abs(a).max(), 1e-30) for a, b in pairs])
    equal = np.concatenate([(a.argmax(1) == b.argmax(1)).ravel() for a, b in pairs])
    return float(worst), float(equal.mean())


def _pairs(
    module: nn.Module, session: onnxruntime.InferenceSession
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    generator = torch.Generator().manual_seed(0)
    for size in _COMPARED:
        image = torch.randint(0, 256, size, generator=generator).float()
        with torch.inference_mode():
            logits = finite(module(image).numpy(), "logits")
        yield logits, session.run(None, {"image": image.numpy()})[0]
