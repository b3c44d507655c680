"""Segmenters of the library transformers (Hugging Face), with their own backbones.

Mask2Former and EoMT give masks and class probabilities of queries; here they are trained and used
as networks that give every pixel a score per label, see :func:`semantic_logits`.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
import torch.nn.functional as F
import transformers
from huggingface_hub import hf_hub_download
from torch import Tensor, nn
from transformers import AutoConfig, PreTrainedModel

from wsss.config.licences import of_network, stated
from wsss.config.networks import in_folder
from wsss.errors import UserError, first_of
from wsss.nn.backbones import Backbone
from wsss.nn.integrity import not_finite
from wsss.nn.licences import GIVEN, UNSTATED, Origin, report
from wsss.nn.segmenters.base import Segmenter
from wsss.ops.resize import plane, resize_bilinear

_CELL = 32
"""A side in pixels that every network divides evenly."""

_LEAST = 1e-6
"""Smallest score of a label, whose logarithm is finite."""


class _Kind(NamedTuple):
    """Class of the library, its parts that are the backbone, and whether it has a fixed size."""

    name: str
    backbone: tuple[str, ...]
    fixed: bool = False


_KINDS = {
    "mask2former": _Kind(
        "Mask2FormerForUniversalSegmentation", ("model.pixel_level_module.encoder",)
    ),
    "eomt": _Kind("EomtForUniversalSegmentation", ("embeddings", "layers", "layernorm"), True),
    "segformer": _Kind("SegformerForSemanticSegmentation", ("segformer",)),
    "upernet": _Kind("UperNetForSemanticSegmentation", ("backbone",)),
}


def semantic_logits(classes: Tensor, masks: Tensor) -> Tensor:
    """Return the logarithms of the labels' scores from masks and classes of queries.

    The score of a label in a pixel is the sum over the queries of the probability of the label
    times that of the mask (Cheng et al., CVPR 2022, Mask2Former; section 3.4 of MaskFormer,
    NeurIPS 2021). Their softmax is the scores divided by their sum.

    Args:
        classes: Logits (B, Q, L + 1); the last one is that of no object.
        masks: Logits (B, Q, h, w).

    Returns:
        (B, L, h, w).
    """
    labels = classes.softmax(-1)[..., :-1]
    scores = torch.einsum("bql,bqhw->blhw", labels, masks.sigmoid())
    return scores.clamp_min(_LEAST).log()


class _Parts(Backbone):
    """The parts of a network that are its backbone; the network owns them.

    Args:
        name: Name of the segmenter.
        parts: Its layers.
        origins: Source and licence of its weights.
    """

    def __init__(
        self, name: str, parts: Iterable[nn.Module], origins: list[dict[str, str]]
    ) -> None:
        super().__init__()
        self.name, self.origins = name, origins
        self.parts = nn.ModuleList(parts)


class Hf(Segmenter):
    """A network of transformers.

    Args:
        architecture: Its name there.
        _: No backbone, as it brings its own.
        num_labels: Number of labels L, background included.
        weights: Folder or name on the hub of the pretrained network; empty = none.
        config: Description of the network, in place of that of the weights.

    Raises:
        UserError: If the weights cannot be read, fetched or do not fit.
    """

    align_corners = False

    def __init__(
        self,
        architecture: str,
        _: None,
        num_labels: int,
        weights: str = "",
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        kind = _KINDS[architecture]
        make: Any = getattr(transformers, kind.name)
        origins: list[dict[str, str]] = []
        self._new: set[str] = set()
        if config is None:
            net, self._new = _pretrained(make, weights, num_labels, kind.backbone)
            origins = [_origin(f"hf/{architecture}", weights)]
        else:
            net = make(make.config_class.from_dict({**config}))
        self.net: PreTrainedModel = net
        side: int | None = self.net.config.image_size if kind.fixed else None
        self._size = (side, side) if side else None
        parts = (self.net.get_submodule(name) for name in kind.backbone)
        # not registered, so that its weights have one name
        self._parts = (_Parts(f"hf/{architecture}", parts, origins),)

    @property
    def backbone(self) -> Backbone:  # type: ignore[override]
        """The layers of the network that are its backbone."""
        return self._parts[0]

    def rebuilt_from(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """Return the description of the network, from which it is built without its weights."""
        return {"config": json.loads(self.net.config.to_json_string(use_diff=False))}

    def train(self, mode: bool = True) -> Self:
        """Switch the mode; a held backbone stays in evaluation mode."""
        super().train(mode)
        self.backbone.freeze()
        return self

    def from_scratch(self) -> tuple[nn.Module, ...]:
        """Return the modules that the pretrained network lacks, such as the classifier."""
        owners = sorted({name.rpartition(".")[0] for name in self._new})
        return tuple(self.net.get_submodule(name) for name in owners)

    def forward(self, x: Tensor) -> Tensor:
        """Segment.

        Args:
            x: (B, 3, H, W) normalised RGB of any size. It is padded to a multiple of 32 pixels, or
                resized to the size that EoMT's positions are for.

        Returns:
            (B, L, H, W) logits.
        """
        height, width = plane(x)
        if self._size:
            return resize_bilinear(self._logits(resize_bilinear(x, self._size)), (height, width))
        # ONNX rounds the quotient of negative numbers the other way
        rows, columns = ((side + _CELL - 1) // _CELL * _CELL for side in (height, width))
        padded = F.pad(x, (0, columns - width, 0, rows - height))
        return resize_bilinear(self._logits(padded), (rows, columns))[:, :, :height, :width]

    def _logits(self, x: Tensor) -> Tensor:
        """Return the logits (B, L, h, w) on the grid of the network."""
        found = self.net(pixel_values=x)
        if "masks_queries_logits" in found:
            return semantic_logits(found.class_queries_logits, found.masks_queries_logits)
        logits: Tensor = found.logits
        return logits


def _pretrained(
    make: Any,  # noqa: ANN401 a class with more than its base promises
    weights: str,
    num_labels: int,
    backbone: tuple[str, ...],
) -> tuple[PreTrainedModel, set[str]]:
    """Return a pretrained network for other labels, and the names of what is new in it."""
    name, _, revision = (weights, "", "") if in_folder(weights) else weights.partition("@")
    library: Any = transformers.utils.logging
    library.set_verbosity_error()
    library.disable_progress_bar()
    of = {"revision": revision or "main"}
    try:
        config = AutoConfig.from_pretrained(name, **of)
        kind = make.config_class.model_type
        if config.model_type != kind:
            raise UserError(f"{weights}: a network of {config.model_type}, not of {kind}")
        config.num_labels = num_labels
        config.use_auxiliary_head = False
        net, found = make.from_pretrained(
            name,
            config=config,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            dtype=torch.float32,
            **of,
        )
    except UserError:
        raise
    except Exception as error:  # the library and the hub fail in many ways
        reason = " ".join(str(error).split()).partition(". ")[0]
        raise UserError(
            f"cannot read or fetch the network {weights} ({reason}): give a folder with its "
            "config.json and safetensors in segment.hf.weights"
        ) from error
    new = {*found["missing_keys"], *(key for key, *_ in found["mismatched_keys"])}
    lacking = sorted(key for key in new if key.startswith(tuple(f"{part}." for part in backbone)))
    if lacking:
        raise UserError(f"{weights}: does not fit its config.json: lacks {first_of(lacking)}")
    if broken := not_finite(net.state_dict()):
        raise UserError(f"{weights}: {broken} in it is not finite; get the network again")
    return net, new


def _origin(name: str, weights: str) -> dict[str, str]:
    """Return and log source and licence of the weights."""
    licence = of_network(weights)
    if not in_folder(weights) and not licence:
        network, _, revision = weights.partition("@")
        with suppress(Exception):  # without its card the licence is unknown
            licence = stated(Path(hf_hub_download(network, "README.md", revision=revision or None)))
    unknown = GIVEN if in_folder(weights) else UNSTATED
    source = Path(weights).name if in_folder(weights) else weights
    found = Origin(backbone=name, source=source, licence=licence or unknown)
    report(found)
    return found.model_dump()
