"""The gate for names of classes and images, which every source and the configuration pass."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from unicodedata import category, normalize

NO_CLASS = "background"
"""The label of an image that shows none of the classes; id 0 of every mask."""

UNNAMED = frozenset(
    {"none", "void", "ignore", "ignored", "unlabeled", "unlabelled", "unannotated", "unknown"}
    | {"null", "nan", "na", "n/a", "nothing", "empty", "bg", "negative", "noclass", "nolabel"}
)
"""Words by which tools mean pixels or images without a class."""

_UNWRITABLE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories of control characters, lone surrogates and line breaks."""
_INVISIBLE = "Cf"
"""Unicode category of zero-width and of right-to-left signs."""
_FILLERS = "\u115f\u1160\u3164\uffa0\u034f\ufe0e\ufe0f"
"""Signs without width that are of another category."""
_TWINS = str.maketrans(
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425"
    "\u03bf\u0430\u0435\u0455\u0456\u0458\u043e\u0440\u0441\u0443\u0445\u2018\u2019\u02bc",
    "ABEZHIKMNOPTYXABESIJKMHOPCTXoaesijopcyx'''",
)
"""Greek and Cyrillic letters and apostrophes that look like those of ASCII."""
_GAPS = str.maketrans("", "", " _-")


@lru_cache(maxsize=1 << 12)
def cleaned(name: str) -> str:
    """Return a name in Unicode NFC without blanks and invisible signs at its ends.

    macOS decomposes accents in names of folders; spreadsheets and web pages leave blanks.
    """
    text = normalize("NFC", name)
    start, end = 0, len(text)
    while start < end and _is_rim(text[start]):
        start += 1
    while end > start and _is_rim(text[end - 1]):
        end -= 1
    return text[start:end]


@lru_cache(maxsize=1 << 12)
def folded(name: str) -> str:
    """Return the form in which names are compared.

    Equal for names that differ in case, in width or coding of letters, in the kind and number of
    blanks, in dashes, in invisible signs, or in letters of other scripts that look the same.
    """
    visible = "".join(sign for sign in normalize("NFKC", name) if not _is_invisible(sign))
    # capitals and small letters have different twins
    text = normalize("NFKC", visible.translate(_TWINS).casefold().translate(_TWINS))
    return " ".join("".join("-" if category(sign) == "Pd" else sign for sign in text).split())


def is_unwritable(text: str) -> bool:
    """True if a table cannot hold the text."""
    return ";" in text or any(category(sign) in _UNWRITABLE for sign in text)


def has_invisible(text: str) -> bool:
    """True if the text has zero-width or right-to-left signs."""
    return any(map(_is_invisible, text))


def is_background(name: str) -> bool:
    """True for every spelling of the background, such as `_background_` and `Background`."""
    return _core(name) == NO_CLASS


def warnings(names: Iterable[str]) -> Iterator[str]:
    """Yield lines about classes that may be none, or the same.

    Other tools give some names to what has no class, or replace blanks by `_` or `-`.
    """
    cores: dict[str, str] = {}
    for name in names:
        core = _core(name)
        if core in UNNAMED:
            yield f"{name!r} is taken for a class; write {NO_CLASS} if it means that there is none"
        if core in cores and folded(name) != folded(cores[core]):
            both = f"{cores[core]!a} and {name!a}"
            yield f"{both} are taken for two classes; write one name if they are one class"
        cores.setdefault(core, name)


def class_problem(name: str) -> str:
    """Return why a name cannot be that of a class; empty if it can."""
    if is_background(name):
        return f"{name!r} cannot be the name of a class; write {NO_CLASS}, which is no class"
    if not cleaned(name) or is_unwritable(name):
        return f"{name!r} cannot be the name of a class"
    return ""


def look_alikes(names: Sequence[str]) -> Iterator[str]:
    """Yield a line for all different names that look the same."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        groups.setdefault(folded(name), []).append(name)
    for same in groups.values():
        if len(same) > 1:
            both = " and ".join(map(ascii, same))
            yield f"classes {both} differ in case, blanks or the coding of signs only; keep one"


def closest(name: str, known: Iterable[str]) -> str:
    """Return the question for the known word that is written most alike; empty if none is close."""
    close = get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]}?" if close else ""


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return the question for the known name that an unknown one is close to; empty if none is."""
    if is_background(name):
        return f"write {NO_CLASS}"
    same = [other for other in known if folded(other) == folded(name)]
    return f"did you mean {same[0]}?" if same else closest(name, known)


def _core(name: str) -> str:
    """Return a folded name without blanks, underscores and hyphens."""
    return folded(name).translate(_GAPS)


def _is_invisible(sign: str) -> bool:
    return category(sign) == _INVISIBLE or sign in _FILLERS


def _is_rim(sign: str) -> bool:
    return sign.isspace() or _is_invisible(sign)
