"""Networks of the hub are there, and their licences known, before anything is trained."""

import huggingface_hub
import pytest

from wsss.config.resolve import load
from wsss.data.contents import DIGESTS, FileContents
from wsss.errors import UserError
from wsss.fetch.networks import fetch_networks
from wsss.plan.artifacts import Plan

SAM = {"sam": {"model": "some/sam"}}
HF = {
    "segment": {"segmenter": "hf/eomt", "hf": {"weights": "some/net@v2"}},
    "accept_license": ["some/net@v2"],
}


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """The names that are asked for; the card of each is in the folder of the test."""
    names = []

    def give(name, revision, **_):
        names.append((name, revision))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", give)
    return names


def plan_of(tmp_path, **keys):
    config = load({"results": str(tmp_path / "results"), **keys})
    return Plan(config, FileContents(config.dataset, DIGESTS))


def test_those_that_runs_read_are_fetched_once(tmp_path, fetched):
    fetch_networks(plan_of(tmp_path, **SAM, **HF, seeds=[0, 1]))
    assert sorted(fetched) == [("some/net", "v2"), ("some/sam", None)]


@pytest.mark.parametrize("keys", [{}, SAM | {"until": "refine"}, HF | {"until": "walk"}])
def test_nothing_is_fetched_that_no_run_reads(keys, tmp_path, fetched):
    fetch_networks(plan_of(tmp_path, **keys))
    assert not fetched


def test_nothing_is_fetched_for_what_is_made(tmp_path, fetched):
    plan = plan_of(tmp_path, **SAM)
    for artifact in plan.artifacts.values():
        for path in artifact.outputs:
            tmp_path.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
            tmp_path.joinpath(path).touch()
    fetch_networks(plan)
    assert not fetched


def test_a_licence_on_the_card_that_is_not_open_has_to_be_accepted(tmp_path, fetched):
    (tmp_path / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    with pytest.raises(UserError, match=r"sam\.model: .*some/sam .*accept_license: cc-by-nc-4\.0"):
        fetch_networks(plan_of(tmp_path, **SAM))
    fetch_networks(plan_of(tmp_path, **SAM, accept_license=["cc-by-nc-4.0"]))
    fetch_networks(plan_of(tmp_path, **HF))


def test_a_hub_out_of_reach_is_one_line_with_the_key(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("offline\nand more")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(UserError, match=r"segment\.hf\.weights: cannot fetch some/net@v2") as error:
        fetch_networks(plan_of(tmp_path, **HF))
    assert "\n" not in str(error.value)
