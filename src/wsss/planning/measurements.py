"""Measurements of rehearsals, kept for a week, and the machine that they hold for."""

import platform
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from wsss.io.atomic import write_text
from wsss.io.provenance import code_digest, text_digest
from wsss.pipeline import STAGES
from wsss.planning.brief import Machine
from wsss.planning.hardware import hardware_here
from wsss.planning.images import Images
from wsss.planning.rehearsal import Measured, Rehearsal, at_once

FOLDER = Path(".snakemake/wsss-forecast")
"""Folder of the measurements, in the working directory."""

AGE = 7 * 86400
"""Seconds after which measurements are made anew."""

_FILE = TypeAdapter(dict[str, Measured])


def machine_here(cores: int | None) -> Machine:
    """Return the machine at hand, with all cores of this process unless their number is given."""
    here = hardware_here()
    cores = cores or here.cores
    gpus = ", ".join(here.gpus) or "no GPU"
    name = f"{cores} core{'s' * (cores > 1)} of {platform.node()}, {gpus}"
    return Machine(cores, len(here.gpus), name)


def file_of(
    wanted: Iterable[Rehearsal], made_up: Images, machine: Machine, folder: Path = FOLDER
) -> Path:
    """Return the file of the measurements of rehearsals.

    Its name depends on the machine, the made-up images, the settings and the code.
    """
    from torch import __version__

    code = code_digest(*(f"wsss.stages.{name}" for name in STAGES))
    jobs = sorted((one.identity, at_once(one.artifact, machine)) for one in wanted)
    key = text_digest(repr([machine, __version__, made_up, code, jobs]))
    return folder / f"{key}.json"


def read_measurements(file: Path) -> dict[str, Measured] | None:
    """Return measurements by the identities of rehearsals; None if there are none of this week."""
    try:
        if time.time() - file.stat().st_mtime > AGE:
            return None
        return _FILE.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def write_measurements(file: Path, measured: Mapping[str, Measured]) -> None:
    """Write measurements as JSON."""
    write_text(file, _FILE.dump_json(dict(measured), indent=1).decode())
