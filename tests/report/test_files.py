from math import isnan
from pathlib import Path

import pytest

from wsss.errors import UserError
from wsss.io.checksummed import add_checksum
from wsss.report import files


def benchmark(folder: Path, place: str, seconds: float, memory: float | str) -> None:
    file = folder / f"benchmarks/{place}.tsv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"s\tmax_rss\n{seconds}\t{memory}\n")


def test_a_pause_of_a_player_is_no_number() -> None:
    columns = files.history(add_checksum("step,net/cls,adversary/adv\n0,0.5,\n9,,0.25\n"))
    assert columns["step"] == [0, 9]
    assert (columns["net/cls"][0], columns["adversary/adv"][1]) == (0.5, 0.25)
    assert isnan(columns["net/cls"][1])
    assert isnan(columns["adversary/adv"][0])


def test_a_history_without_rows_keeps_its_columns() -> None:
    assert files.history(add_checksum("step,epoch,lr\n")) == {"step": [], "epoch": [], "lr": []}


@pytest.mark.parametrize(
    "text",
    [
        add_checksum("step,cls\n0,x\n"),
        add_checksum("step,cls\n\0,\n"),
        add_checksum("\0" * 200_000),
        add_checksum("step,cls\n0,0.5\n").replace("0.5", "0.4"),
        "step,cls\n0,0.5\n",
    ],
)
def test_a_damaged_history_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(UserError, match=r"history\.csv: damaged"):
        files.read(tmp_path / "history.csv", files.history)


def test_costs_are_summed_over_shards(tmp_path: Path) -> None:
    benchmark(tmp_path, "train_cam", 70.5, 120.5)
    benchmark(tmp_path, "infer_cam/val.1-of-2", 2.5, "-")
    benchmark(tmp_path, "infer_cam/val.2-of-2", 2.5, 80.5)
    costs = files.costs(tmp_path / "benchmarks", 2, ["cam"])
    assert [cost.stage for cost in costs] == ["train_cam", "infer_cam"]
    assert (costs[1].jobs, costs[1].seconds, costs[1].memory) == (2, 5.0, 80.5)


@pytest.mark.parametrize(
    ("place", "counted"),
    [
        ("infer_cam/val.1-of-2", True),
        ("infer_cam/val.1-of-12", False),
        ("train_segmenter.net", True),
        ("train_segmenter.old", False),
        ("infer_segmenter.old/val.1-of-2", False),
        ("evaluate/segment/old.val", False),
        ("evaluate/crf.val", True),
        ("evaluate/walk.val", False),
        ("train_affinity", False),
    ],
)
def test_costs_of_an_earlier_configuration_do_not_count(
    tmp_path: Path, place: str, counted: bool
) -> None:
    benchmark(tmp_path, place, 1, 1)
    assert bool(files.costs(tmp_path / "benchmarks", 2, ["cam", "crf", "segment/net"])) == counted


def test_a_changed_evaluation_is_named(tmp_path: Path) -> None:
    document = {"kind": "cam", "split": "val", "results": {"cam": {"miou": 0.17}}}
    text = files.evaluation_text(document)
    assert files.evaluation(text) == document
    (tmp_path / "eval.json").write_text(text.replace("0.17", "0.97"))
    with pytest.raises(UserError, match=r"eval\.json: damaged .it does not match its checksum"):
        files.read(tmp_path / "eval.json", files.evaluation)
