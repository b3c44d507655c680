"""Names of runs that derive from those of the configuration, which have no dot.

`run.seed` is a repeat of a run. Behind the one or the other, `.first` gives the run its boundary
maps, `.round1` is a round of its segmenter before the last one, and `.bound` its segmenter trained
on masks.
"""

import re

_NAME = re.compile(r"(?P<run>[^.]+?)(?P<seed>\.\d+)?(?P<part>\.(?:first|round\d+|bound))?")


def main(name: str) -> str:
    """Return the run that a run with a part of its own derives from; others themselves."""
    run, seed, _ = _parts(name)
    return run + seed


def first(name: str) -> str:
    """Return the run that gives a run its boundary maps."""
    return f"{main(name)}.first"


def is_first(name: str) -> bool:
    """Return True for the run that gives another one its boundary maps."""
    return _parts(name)[2] == ".first"


def round_before(name: str, number: int) -> str:
    """Return the round `number` of the segmenter of a run, from 1."""
    return f"{main(name)}.round{number}"


def bound(name: str) -> str:
    """Return the run whose segmenter is trained on masks."""
    return f"{main(name)}.bound"


def is_bound(name: str) -> bool:
    """Return True for a run whose segmenter is trained on masks."""
    return _parts(name)[2] == ".bound"


def group(name: str) -> str | None:
    """Return the name that the repeats of a run share; None for a run that is no repeat."""
    run, seed, part = _parts(name)
    return run + part if seed else None


def _parts(name: str) -> tuple[str, str, str]:
    match = _NAME.fullmatch(name)
    if match is None:
        return name, "", ""
    return match["run"], match["seed"] or "", match["part"] or ""
