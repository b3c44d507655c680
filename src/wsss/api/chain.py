"""The chain as a function: it runs as `snakemake` does, in a process of its own."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from wsss import runnames
from wsss.errors import UserError
from wsss.plan.artifacts import Plan
from wsss.plan.links import run_links
from wsss.stages.clean import planned

if TYPE_CHECKING:
    import pandas as pd

Config = str | os.PathLike[str] | Mapping[str, Any]
"""A configuration: the path of a YAML file, or its content."""

_KEPT = 400
"""Last lines of the output in which the reason of a failure is looked for."""

_SHOWN = 15
"""Last lines that are shown where no reason is found."""


@dataclass(frozen=True)
class Run:
    """Results of a run; None where it makes no such thing.

    Attributes:
        name: its name.
        folder: its folder.
        model: model.pt of the segmenter.
        classifier: model.pt of the classifier.
        masks: folder of the masks of the validation images, which the segmenter predicts.
        pseudo_labels: folder of the pseudo labels of the training images.
    """

    name: str
    folder: Path
    model: Path | None
    classifier: Path | None
    masks: Path | None
    pseudo_labels: Path | None


@dataclass(frozen=True)
class Finished:
    """Results of a finished chain.

    Attributes:
        report: the report, a web page.
        table: summary.tsv, the metrics of every run and stage.
        runs: the runs by their names.
    """

    report: Path
    table: Path
    runs: Mapping[str, Run]

    @property
    def summary(self) -> "pd.DataFrame":
        """The metrics, a row per run, stage and split; fractions, not per cent."""
        import pandas as pd

        return pd.read_csv(self.table, sep="\t")

    @property
    def model(self) -> Path | None:
        """`Run.model` of the only run; UserError if there are several, as all that follow."""
        return self._only.model

    @property
    def classifier(self) -> Path | None:
        """`Run.classifier` of the only run."""
        return self._only.classifier

    @property
    def masks(self) -> Path | None:
        """`Run.masks` of the only run."""
        return self._only.masks

    @property
    def pseudo_labels(self) -> Path | None:
        """`Run.pseudo_labels` of the only run."""
        return self._only.pseudo_labels

    @property
    def _only(self) -> Run:
        first, *others = self.runs.values()
        if others:
            names = ", ".join(self.runs)
            raise UserError(f"there are the runs {names}: name one, as in runs[{first.name!r}]")
        return first


def run(
    config: Config | Sequence[Config],
    *,
    cores: int | None = None,
    dry_run: bool = False,
    quiet: bool = False,
) -> Finished:
    """Run the chain; what is there already is not computed again.

    Files and results are relative to the working directory. Its config.yaml, if there is one, comes
    first, as with `snakemake`.

    Args:
        config: a configuration, or several of which later ones win.
        cores: CPU cores; None = all.
        dry_run: show what would run, and run nothing.
        quiet: print nothing.

    Returns:
        Where the results are; of a dry run, where they would be.

    Raises:
        UserError: a mistake in the configuration or the data, or a stage failed; says which. The
            same call continues.
        KeyboardInterrupt: it was interrupted; the same call continues.
    """
    given = [config] if isinstance(config, str | os.PathLike | Mapping) else [*config]
    snakefile = _snakefile()
    with TemporaryDirectory(prefix="wsss-") as folder:
        files = [_file(one, Path(folder, f"config{n}.yaml")) for n, one in enumerate(given)]
        # mistakes are found before anything is started
        plan = planned(files)
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile)]
        command += ["--cores", str(cores or "all"), *(["--dry-run"] if dry_run else [])]
        command += ["--configfile", *map(str, files)] if files else []
        _call(command, quiet)
    return _finished(plan)


def _file(config: Config, place: Path) -> Path:
    """Return the file of a configuration; `place` is written if it is none."""
    if not isinstance(config, Mapping):
        return Path(config)
    try:
        place.write_text(yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
    except yaml.YAMLError as error:
        raise UserError(f"config: only numbers, texts, lists and dicts ({error})") from error
    return place


def _snakefile() -> Path:
    """Return the Snakefile of the project that this package belongs to, or is used in.

    Raises:
        UserError: there is none.
    """
    for root in (Path(__file__).parents[3], Path.cwd()):
        if (root / "rules/common.smk").is_file() and (root / "Snakefile").is_file():
            return root / "Snakefile"
    raise UserError(
        "the rules of the workflow are not installed: install the package from a checkout of the "
        "project, pip install --editable ., or work in its folder"
    )


def _call(command: Sequence[str], quiet: bool) -> None:
    """Run Snakemake and show what it prints.

    Raises:
        UserError: it failed; with the reason.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    last: deque[str] = deque(maxlen=_KEPT)
    with subprocess.Popen(
        command,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                last.append(line.rstrip())
                if not quiet:
                    sys.stdout.write(line)
        except KeyboardInterrupt:
            # a notebook interrupts its own process alone
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
    if process.returncode:
        raise UserError(_reason(list(last)))


def _reason(lines: Sequence[str]) -> str:
    """Return the reason of a failure from the last lines of the output."""
    errors = [line for line in lines if line.startswith(("error: ", "unexpected error"))]
    if errors:
        return "\n".join(dict.fromkeys(line.removeprefix("error: ") for line in errors))
    heads = [number for number, line in enumerate(lines) if line.startswith("WorkflowError")]
    shown = lines[heads[-1] + 1 :] if heads else [line for line in lines if line][-_SHOWN:]
    return "\n".join(["the workflow failed:", *filter(None, shown)])


def _finished(plan: Plan) -> Finished:
    folder, links = Path(plan.folder).absolute(), run_links(plan)
    report = Path(plan.report.path)
    found = {}
    for name in plan.runs:
        if runnames.main(name) == name:
            made, place = links[name], folder / name
            paths = [
                _named(place / readable, made[readable]) if readable in made else None
                for readable in ("segment/model.pt", "cam/model.pt", "segment/val", "walk/train")
            ]
            found[name] = Run(name, place, *paths)
    table = report.with_name("summary.tsv")
    return Finished(_named(folder / report.name, report), _named(folder / table.name, table), found)


def _named(link: Path, target: str | Path) -> Path:
    """Return a readable name, or what it stands for where the file system has no links."""
    return link if link.exists() else Path(target).absolute()
