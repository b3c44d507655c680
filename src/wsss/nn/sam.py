"""SAM and SAM 2 (Kirillov et al., ICCV 2023; Ravi et al., 2024) of the library transformers."""

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsss.config.licences import CARD
from wsss.config.sam import CONFIG, KINDS, WEIGHTS, sam_problem
from wsss.errors import UserError
from wsss.fetch.hub import fetch_network
from wsss.nn.integrity import not_finite
from wsss.nn.licences import GIVEN, UNSTATED, Origin
from wsss.ops.finite import finite
from wsss.ops.resize import plane, resize_bilinear


class SamNet(nn.Module):
    """A SAM that gives one mask for every point.

    Images and masks are treated as transformers' `SamProcessor` and `Sam2Processor` do: SAM sees
    an image whose longer side is its own, padded right and below, SAM 2 one stretched to a square.

    Args:
        net: `SamModel` or `Sam2Model`.
        side: Of the square that it sees, pixels.
        keeps_shape: Whether it is a SAM, whose images keep their shape.
    """

    def __init__(self, net: nn.Module, side: int, keeps_shape: bool) -> None:
        super().__init__()
        self.net = net
        self.keeps_shape = keeps_shape
        self.side = side

    def forward(self, image: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the masks at points; the image is encoded once for all.

        Args:
            image: (1, 3, H, W) normalised RGB.
            points: Rows and columns (n, 2), pixels; n > 0.

        Returns:
            The best of the three masks of every point (n, H, W) bool, and its IoU (n,) float32 as
            the network predicts it.

        Raises:
            NotFiniteError: The network gives no finite numbers.
        """
        size = plane(image)
        rows, columns = seen = self._seen(*size)
        view = F.interpolate(image, seen, mode="bilinear", antialias=True)
        view = F.pad(view, (0, self.side - columns, 0, self.side - rows))
        scale = torch.tensor([rows / size[0], columns / size[1]], device=image.device)
        found = self.net(pixel_values=view, input_points=(points * scale).flip(-1)[None, :, None])
        quality, best = finite(found.iou_scores[0].float(), "scores").max(-1)
        numbers = torch.arange(len(best), device=best.device)
        chosen = finite(found.pred_masks[0, numbers, best].float(), "masks")
        # one by one, as all of them in 32 bits would be large
        return torch.stack([self._full(one, seen, size) for one in chosen]), quality

    def _seen(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of what the network sees of an image, without the padding."""
        if not self.keeps_shape:
            return self.side, self.side
        scale = self.side / max(height, width)
        return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))

    def _full(self, logits: Tensor, seen: tuple[int, int], size: tuple[int, int]) -> Tensor:
        """Return a mask (H, W) bool from its coarse logits (h, w) of the padded square."""
        square = resize_bilinear(logits[None, None], (self.side, self.side))
        return resize_bilinear(square[..., : seen[0], : seen[1]], size)[0, 0] > 0


def load_sam(model: str) -> tuple[SamNet, Origin]:
    """Return a SAM with its weights, and their origin.

    Args:
        model: A folder with `config.json` and `model.safetensors`, or a name on the Hugging Face
            hub, whose files are fetched into its cache.

    Raises:
        UserError: They cannot be found, are damaged, or belong to another network.
    """
    if problem := sam_problem(model):
        raise UserError(f"sam.model: {problem}")
    folder = Path(model) if Path(model).is_dir() else fetch_network(model, "sam.model")
    if problem := sam_problem(str(folder)):
        raise UserError(f"sam.model: {problem}")
    import transformers  # seconds, for those who want it

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    kind = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["model_type"]
    try:
        net, report = getattr(transformers, KINDS[kind]).from_pretrained(
            folder,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            # reported below, by their names
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as error:  # damage shows in many ways
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"{folder}: damaged, or no {KINDS[kind]} ({reason}); get it again"
        ) from None
    _check(folder, net, report)
    side = net.config.prompt_encoder_config.image_size
    return SamNet(net, side, kind == "sam"), _origin(model, folder, KINDS[kind])


def _check(folder: Path, net: nn.Module, report: dict[str, Any]) -> None:
    """Refuse weights that transformers would have completed with random ones, or no numbers."""
    misshapen = [key if isinstance(key, str) else key[0] for key in report["mismatched_keys"]]
    lost = sorted([*report["missing_keys"], *misshapen])
    if lost:
        raise UserError(
            f"{folder / WEIGHTS}: {len(lost)} tensors are missing or of another shape, the first "
            f"is {lost[0]}; get it again"
        )
    if name := not_finite(net.state_dict()):
        raise UserError(f"{folder / WEIGHTS}: {name} in it is not finite; get the file again")


def _origin(model: str, folder: Path, architecture: str) -> Origin:
    """Return the origin of weights; their licence is that of the model card beside them."""
    from huggingface_hub import ModelCard

    local, card = Path(model).is_dir(), folder / CARD
    licence = None
    if card.is_file():
        try:
            licence = ModelCard.load(card).data.license
        except Exception:  # a README of any kind
            licence = None
    unknown = GIVEN if local else UNSTATED
    source = folder.resolve().name if local else model
    return Origin(backbone=architecture, source=source, licence=str(licence or unknown))
