from math import isnan
from pathlib import Path

import pytest

from wsss.errors import UserError
from wsss.io.checksummed import add_checksum
from wsss.report import files


def benchmark(file: Path, seconds: float, memory: float | str) -> None:
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


def test_costs_are_summed_over_the_jobs_of_a_stage(tmp_path: Path) -> None:
    train, val, model = (tmp_path / name for name in ("train", "val", "model"))
    benchmark(model / "all.tsv", 70.5, 120.5)
    benchmark(train / "1-of-2.tsv", 2.5, "-")
    benchmark(train / "2-of-2.tsv", 2.5, 80.5)
    benchmark(val / "all.tsv", 1.0, "NA")
    costs = files.costs({"infer_cam": [train, val, train], "train_cam": [model], "evaluate": []})
    assert [cost.stage for cost in costs] == ["train_cam", "infer_cam"]
    assert (costs[1].jobs, costs[1].seconds, costs[1].memory) == (3, 6.0, 80.5)


HEAD = "s\th:m:s\tmax_rss\tmax_vms\n"


@pytest.mark.parametrize("row", ["5.09\t0:00:05\t12.5\t99", "180061.5\t2 days, 2:01:01\t-\t-"])
def test_a_sound_benchmark_is_taken(tmp_path: Path, row: str) -> None:
    (tmp_path / "all.tsv").write_text(f"{HEAD}{row}\n")
    (cost,) = files.costs({"infer_cam": [tmp_path]})
    assert cost.seconds == float(row.partition("\t")[0])


@pytest.mark.parametrize(
    "row",
    [
        "7.09\t0:00:05\t12.5\t99",
        "5.09\t0:01:05\t12.5\t99",
        "nan\t0:00:05\t12.5\t99",
        "5.09\t0:00:05\t120.5\t99",
        "5.09\t0:00:05\t-2\t99",
        "5.09\t0:00:05\tnan\t99",
        "5.09\t0:00:05\tinf\tinf",
        "5.09\t0:0x:05\t12.5\t99",
    ],
)
def test_a_benchmark_that_contradicts_itself_is_named(tmp_path: Path, row: str) -> None:
    (tmp_path / "all.tsv").write_text(f"{HEAD}{row}\n")
    with pytest.raises(UserError, match=r"all\.tsv: damaged"):
        files.costs({"infer_cam": [tmp_path]})


def test_a_folder_without_benchmarks_costs_nothing(tmp_path: Path) -> None:
    assert files.costs({"train_cam": [tmp_path / "none"]}) == ()


def test_only_jobs_whose_results_are_in_use_count(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks"
    for name in ("train/parts/1-of-2", "train/parts/2-of-2", "train/parts/1-of-9"):
        benchmark(folder / f"{name}.tsv", 1.0, 50)
    benchmark(folder / "gather/train.maps.tsv", 9.0, 50)
    for part in ("1-of-2", "2-of-2"):
        record = tmp_path / f"train/parts/{part}.tsv"
        record.parent.mkdir(parents=True, exist_ok=True)
        record.touch()
    (cost,) = files.costs({"infer_cam": [folder]})
    assert (cost.jobs, cost.seconds) == (2, 2.0)
