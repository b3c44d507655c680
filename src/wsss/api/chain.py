"""The chain as a function: it runs as `wsss run` does, Snakemake in a process of its own."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from wsss import runnames
from wsss.errors import UserError
from wsss.plan.artifacts import Plan
from wsss.plan.changes import changes
from wsss.plan.links import run_links
from wsss.stages.run import explained, make
from wsss.workflow import configuration, snakemake
from wsss.workflow.plans import planned

if TYPE_CHECKING:
    import pandas as pd

Config = str | os.PathLike[str] | Mapping[str, Any]
"""A configuration: the path of a YAML file, the name of a recipe such as photos, or its content."""


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
    def classes(self) -> "pd.DataFrame":
        """IoU, precision and recall, a row per class, too; fractions."""
        import pandas as pd

        return pd.read_csv(self.table.with_name("classes.tsv"), sep="\t")

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
    first, as with `wsss run`.

    Args:
        config: a configuration, or several of which later ones win.
        cores: CPU cores; None = all.
        dry_run: print what would be made and why, and make nothing.
        quiet: print nothing.

    Returns:
        Where the results are; of a dry run, where they would be.

    Raises:
        UserError: a mistake in the configuration or the data, or a stage failed; says which. The
            same call continues.
        KeyboardInterrupt: it was interrupted; the same call continues.
    """
    given = [config] if isinstance(config, str | os.PathLike | Mapping) else [*config]
    with TemporaryDirectory(prefix="wsss-") as folder:
        files = [_file(one, Path(folder, f"config{n}.yaml")) for n, one in enumerate(given)]
        # mistakes are found before anything is started
        plan = planned(files)
        if not dry_run:
            make(plan, snakemake(files, cores, ()), quiet)
        elif not quiet:
            sys.stdout.writelines(f"{line}\n" for line in explained(changes(plan)))
    return _finished(plan)


def _file(config: Config, place: Path) -> Path:
    """Return the file of a configuration; `place` is written if it is none."""
    if not isinstance(config, Mapping):
        return configuration(os.fspath(config))
    try:
        place.write_text(yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
    except yaml.YAMLError as error:
        raise UserError(f"config: only numbers, texts, lists and dicts ({error})") from error
    return place


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
