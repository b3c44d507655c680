"""Networks that a plan reads of the hub of Hugging Face, fetched before anything is trained."""

from wsss.config.licences import CARD, refusal, stated
from wsss.errors import UserError
from wsss.fetch.hub import fetch_network
from wsss.pipeline import STAGES
from wsss.plan.artifacts import Plan
from wsss.products import Case


def fetch_networks(plan: Plan) -> None:
    """Fetch the networks that a plan has still to work with.

    Raises:
        UserError: one cannot be fetched, or its card states a licence that is not accepted.
    """
    wanted: dict[str, str] = {}
    for run, _, _, artifact in plan.products():
        hub = STAGES[artifact.stage].hub
        if hub and not artifact.exists:
            wanted |= hub(Case(plan.config.dataset, plan.runs[run]))
    accepted = plan.config.accept_license
    for name, key in wanted.items():
        card = fetch_network(name, key) / CARD
        if name not in accepted and (refused := refusal(name, stated(card), accepted)):
            raise UserError(f"{key}: {refused}")
