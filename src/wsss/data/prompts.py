"""Prompts: texts by which a language model knows the classes and what is behind them."""

import re
from collections.abc import Iterator, Mapping, Sequence

from wsss.names import cleaned, is_unwritable, suggestion

PROMPTS = {
    "bird": "bird avian",
    "chair": "chair seat",
    "person": "person with clothes,people,human",
    "tvmonitor": "tvmonitor screen",
    "backpack": "backpack,bag",
    "umbrella": "umbrella,parasol",
    "handbag": "handbag,purse",
    "tie": "necktie",
    "baseball glove": "glove",
    "spoon": "dessertspoon",
    "remote": "remote control",
    "hair drier": "hairdrier,blowdrier",
}
"""Texts for classes of VOC and COCO whose names mislead (docs/methods/clip_es.md 2)."""

_SPLIT = re.compile(r"[\W_]+")
_NUMBERED = re.compile(
    r"(?:cls|class|cat|category|label|id|idx|obj|object|type|group|item|c|k|n|no|nr)?[\W_]*\d+",
    re.IGNORECASE,
)
"""Names that are a number, with or without a word for a class before it."""


def prompts(names: Sequence[str], own: Mapping[str, str]) -> tuple[str, ...]:
    """Return the text of every class: the user's, else that of `PROMPTS`, else its name.

    Underscores of names are read as blanks.

    Args:
        names: the classes.
        own: the user's texts by class.
    """
    plain = (name.replace("_", " ") for name in names)
    return tuple(
        own.get(name, PROMPTS.get(text, text)) for name, text in zip(names, plain, strict=True)
    )


def background_words(words: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return the words of the background that occur in no name of a class.

    From the words for VOC this makes those that CLIP-ES has for COCO (docs/methods/clip_es.md 2).
    """
    taken = {part for name in names for part in _SPLIT.split(name.casefold())}
    return tuple(word for word in words if word.casefold() not in taken)


def problems(names: Sequence[str], own: Mapping[str, str]) -> Iterator[str]:
    """Yield the mistakes in the user's texts."""
    for name, text in own.items():
        if name not in names:
            hint = suggestion(name, names)
            yield f"{name!r} is no class; {hint or f'the classes are {_some(names)}'}"
        elif not cleaned(text) or is_unwritable(text.replace(";", ",")):
            yield f"{name!r}: {text!r} is no text; describe the class in words"


def warnings(names: Sequence[str], own: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for the classes whose names mean nothing to a language model."""
    mute = [name for name in names if name not in own and is_mute(name)]
    if mute:
        yield (
            f"no language model knows what {_some(mute)} look{'s' if len(mute) == 1 else ''} like; "
            f"describe classes in words: prompts: {{{mute[0]}: red mug}}"
        )


def is_mute(name: str) -> bool:
    """True for a name that is a number or a single letter, such as `cls_3`, `class7` and `12`."""
    letters = [sign for sign in name if sign.isalpha()]
    return bool(_NUMBERED.fullmatch(name.strip())) or (len(letters) < 2 and name.isascii())


def _some(names: Sequence[str], most: int = 3) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
