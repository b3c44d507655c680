"""The plan of a configuration, as the commands beside the workflow read it."""

from collections.abc import Sequence
from pathlib import Path

from wsss.config.files import BASE, merged
from wsss.config.model import Config
from wsss.config.resolve import load
from wsss.data.contents import DIGESTS, FileContents
from wsss.data.sources import data_folder
from wsss.errors import UserError
from wsss.plan.artifacts import Plan
from wsss.plan.learnt import check_learnt_masks
from wsss.products import TRAIN


def configured(files: Sequence[Path]) -> Config:
    """Return the configuration of a command: of the files that it names, or that of the folder.

    Raises:
        UserError: there is none, or a mistake in it.
    """
    if not files and not BASE.is_file():
        raise UserError(
            "name a configuration file, such as mine.yaml (wsss init writes one), or the recipe "
            "of the demo: demo/psa"
        )
    return load(merged(files))


def planned(files: Sequence[Path]) -> Plan:
    """Return the plan of a configuration.

    Raises:
        UserError: there is no configuration or a mistake in it, or its data are not there.
    """
    config = configured(files)
    if config.dataset.root:
        data_folder(config.dataset, None)
    contents = FileContents(config.dataset, DIGESTS)
    plan = Plan(config, contents)
    check_learnt_masks(plan.runs, contents.masked(TRAIN))
    return plan


def beside_report(plan: Plan, name: str) -> str:
    """Return the text of a table beside the report on the runs of a plan.

    Args:
        plan: the plan.
        name: name of the table.

    Raises:
        UserError: there is no report on these runs yet.
    """
    table = Path(plan.report.path).with_name(name)
    if not table.is_file():
        raise UserError(
            f"{plan.folder}: no report on the runs of this configuration yet; wsss run with the "
            "same files makes it, wsss status says what is missing"
        )
    return table.read_text(encoding="utf-8")
