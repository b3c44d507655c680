"""The plan of a configuration, as the commands beside the workflow read it."""

from collections.abc import Sequence
from pathlib import Path

from wsss.config.files import merged
from wsss.config.resolve import load
from wsss.data.contents import DIGESTS, FileContents
from wsss.errors import UserError
from wsss.plan.artifacts import Plan
from wsss.plan.learnt import check_learnt_masks
from wsss.products import TRAIN
from wsss.workflow.arguments import require_configs


def planned(files: Sequence[Path]) -> Plan:
    """Return the plan of a configuration.

    Raises:
        UserError: there is no configuration or a mistake in it, or its data are not there.
    """
    require_configs(files)
    config = load(merged(files))
    root = config.dataset.root
    if root and not Path(root).is_dir():
        raise UserError(
            f"dataset.root: {root} is not a folder; without the data their results are unknown"
        )
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
