"""Model card of exported masks: data, method, quality, intended use.

Headings follow Mitchell et al., "Model Cards for Model Reporting", 2019.
"""

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from wsss.metrics.result import Evaluation, Metrics

_MARKUP = re.compile(r"[\\`*\[\]#|~$]|(?<!\w)_|_(?!\w)|^[-+]|(?<=\d)[.)](?= |$)")
"""Signs that have a meaning in Markdown: in a line, and after a number that may begin it."""

_USE = """\
Intended as initial masks for annotation, as training labels of a segmenter, and for rough
measurements of area. {origin}: boundaries are
often wrong by several pixels, thin and small parts are missed, context that always appears with a
class (rails with trains, water with boats) may be included, and touching objects of one class form
one region. Not intended for decisions about people or in medicine unless an expert checks every
mask. Quality on images of another kind than the training images is unknown.
"""

_TRAINED = "The networks were trained on image labels, not on outlines"
_PUBLISHED = "The segmenter is a published checkpoint, {name}, that was not trained on these images"

_LICENCE = """\
Not stated. The masks derive from the images, their labels and pretrained weights; the terms of all
three apply. Ask the provider of this data set.
"""

_FILES = """\
* `masks/<image id>.png`: palette PNGs of the size of the images; pixel values are labels,
  255 = ignored
* `index.csv`: one row per image: image file, mask, size in pixels, classes and their fractions of
  the pixels
* `classes.csv`: label, class and colour
"""


def card(
    title: str,
    images: int,
    classes: Sequence[tuple[str, int, float]],
    made: Sequence[str],
    model: Mapping[str, Any] | None,
    evaluation: Evaluation | None,
    licence: str | None,
) -> str:
    """Return the card as Markdown.

    Args:
        title: name of the data set.
        images: number of images.
        classes: name, number of images and fraction of all pixels (0..1) of every label.
        made: the provenance lines of the masks, JSON where a stage wrote them.
        model: description of the network.
        evaluation: evaluation of the masks; None = not measured.
        licence: terms of the masks; None = not stated.
    """
    rows = [
        [label, _plain(name), count, f"{100 * share:.2f} %"]
        for label, (name, count, share) in enumerate(classes)
    ]
    parts = {
        f"# Masks of {_plain(title)}": "",
        "## Data": f"{images} images, {len(classes) - 1} classes.\n\n"
        + _table(["label", "class", "images", "pixels"], rows),
        "## Method and configuration": _blocks([line for line in made if line], model),
        "## Quality": _quality(evaluation),
        "## Intended use and limits": _USE.format(origin=_origin(model)),
        "## Licence": (f"{_plain(licence)}\n" if licence else _LICENCE) + _weights(model),
        "## Files": _FILES,
    }
    return "\n".join(f"{head}\n\n{body}" if body else f"{head}\n" for head, body in parts.items())


def _origin(model: Mapping[str, Any] | None) -> str:
    """Return what the network was trained on, as far as it is known."""
    name = model.get("published") if model else None
    return _PUBLISHED.format(name=_plain(name)) if name else _TRAINED


def _weights(model: Mapping[str, Any] | None) -> str:
    """Return the table of the pretrained weights of a network; empty if there are none."""
    found = model.get("weights") if model else None
    if not found:
        return ""
    keys = ("backbone", "source", "licence")
    rows = [[_plain(entry[key]) for key in keys] for entry in found]
    role = "has" if model and model.get("published") else "was trained from"
    return f"\nThe network {role} these weights:\n\n{_table(keys, rows)}"


def _blocks(made: Sequence[str], model: Mapping[str, Any] | None) -> str:
    texts = [_pretty(line) for line in made] or ["not recorded"]
    blocks = ["Provenance of the masks, from their commit records:", *map(_fenced, texts)]
    if model is not None:
        blocks += ["The network:", _fenced(json.dumps(model, indent=1, sort_keys=True))]
    return "\n\n".join(blocks) + "\n"


def _pretty(line: str) -> str:
    try:
        return json.dumps(json.loads(line), indent=1, sort_keys=True)
    except ValueError:
        return line


def _fenced(text: str) -> str:
    """Return a block of code, with a fence that the text does not hold."""
    fence = "`" * max([4, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{fence}\n{text}\n{fence}"


def _plain(text: str) -> str:
    """Return a name as one line that Markdown and HTML show as it is."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return _MARKUP.sub(r"\\\g<0>", html.escape(line, quote=False))


def _quality(evaluation: Evaluation | None) -> str:
    results = evaluation.results if evaluation else {}
    texts = [
        _metrics(name, result, result.miou)
        for name, result in results.items()
        if result.miou is not None
    ]
    return "\n".join(texts) or "Not measured: no ground-truth masks were available.\n"


def _metrics(name: str, result: Metrics, miou: float) -> str:
    """Return the mIoU of masks and the IoU of every class."""
    head = (
        f"**{_plain(name)}**: mIoU {100 * miou:.2f} % of {result.images} {_plain(result.split)} "
        f"images (ground truth: {_plain(result.ground_truth)}); everything background has "
        f"{100 * (result.miou_background or 0):.2f} %."
    )
    rows = [[_plain(label), f"{100 * value:.2f} %"] for label, value in (result.iou or {}).items()]
    return f"{head}\n\n{_table(['class', 'IoU'], rows)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
