"""Text towers of CLIP from the library open_clip."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.errors import UserError
from wsss.nn.weights import load_state, read_state

_KEY = "cam.clip_es.text_tower"
"""Section of the configuration."""

_DESCRIBED = ("embed_dim", "vision_cfg", "text_cfg")
"""Keys that open_clip knows the configuration of a model by."""

_LONG = 8
"""Multiple of the context that a tokenizer may fill, so that what is cut off shows."""


class TextTower(NamedTuple):
    """A CLIP and its tokenizer.

    Attributes:
        model: the model of open_clip, in evaluation mode.
        tokenizer: from texts to numbers of tokens.
        name: of the model and its weights.
    """

    model: Any
    tokenizer: Any
    name: str

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return the features (T, E) float32 of texts, of length 1.

        Raises:
            UserError: a text is longer than the tower reads.
        """
        context = self.tokenizer.context_length
        for text in texts:
            if (count := int((self.tokenizer([text], _LONG * context) != 0).sum())) > context:
                raise UserError(
                    f"{text:.60}...: {count} tokens, but the text tower {self.name} reads "
                    f"{context}; say it in fewer words"
                )
        found: Tensor = self.model.encode_text(self.tokenizer(list(texts)))
        return F.normalize(found.float(), dim=1).numpy()

    def logit_scale(self) -> np.ndarray:
        """Return the logarithm of the factor on cosines, () float32."""
        return self.model.logit_scale.detach().float().numpy()

    def fingerprint(self) -> np.ndarray:
        """Return that of its image tower, see `ClipTower.fingerprint`; empty if it has none."""
        filters = self.model.state_dict().get("visual.conv1.weight")
        return np.zeros(0, np.float32) if filters is None else _mean_sizes(filters)


def load_text_tower(name: str, weights: str | None, is_file: bool) -> TextTower:
    """Return a text tower.

    Args:
        name: of open_clip's model, or a file <name>.json with its configuration.
        weights: a file, or open_clip's name of weights, which are fetched; None = random ones.
        is_file: whether they are a file.

    Raises:
        UserError: open_clip is missing or has no such model, or the weights do not fit it.
    """
    try:
        import open_clip
    except ImportError:
        raise UserError(
            "cam.clip_es.text: null needs open_clip: pip install 'wsss[text]', or name a "
            "text.safetensors that was made where it is installed"
        ) from None
    model_name = name
    if name.endswith(".json"):
        _check_description(Path(name))
        open_clip.add_model_config(Path(name))
        model_name = Path(name).stem
    known = open_clip.list_models()
    if model_name not in known:
        raise UserError(
            f"{_KEY}.name: open_clip has no {model_name}; it has such as {', '.join(known[-3:])}"
        )
    tag = None if is_file else weights
    try:
        model = open_clip.create_model(model_name, pretrained=tag)
        tokenizer = open_clip.get_tokenizer(model_name)
    except Exception as error:  # the clients of the hubs fail in many ways
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise UserError(
            f"{_KEY}.weights: {tag} of open_clip's {model_name} cannot be loaded ({reason}): give "
            "a file of weights, or name in cam.clip_es.text the text.safetensors of a run elsewhere"
        ) from None
    if weights and is_file:
        load_state(model, read_state(Path(weights)), f"{_KEY}.weights: {weights}")
    described = ", ".join([model_name, *([Path(weights).name] if weights else [])])
    return TextTower(model.eval(), tokenizer, described)


def _check_description(path: Path) -> None:
    """Raise a UserError for a file that open_clip passes over, or cannot read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{_KEY}.name: {path}: not readable ({error})") from None
    lacking = [key for key in _DESCRIBED if not isinstance(found, dict) or key not in found]
    if lacking:
        raise UserError(
            f"{_KEY}.name: {path}: describes no model of open_clip, as it lacks "
            f"{', '.join(lacking)}"
        )


def _mean_sizes(filters: Tensor) -> np.ndarray:
    return filters.detach().float().abs().mean((1, 2, 3)).numpy()
