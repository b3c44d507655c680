from math import isnan, nan

import pytest

from benchmarks.__main__ import FOLDER, NAMES, main, table
from benchmarks.row import Row, beside, interleaved, peak_memory


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        (Row("a", 10.0, 2.0, 5), True),
        (Row("a", 10.0, 2.0, 5.01), False),
        (Row("a", nan, 2.0, 2.0), True),
        (Row("a", nan, 2.0, 1.9), False),
        (Row("a", 10.0, 2.0, 1.9, limit=True), False),
        (Row("a", nan, nan, 1.9), False),
    ],
)
def test_a_bar_is_a_ratio_or_seconds(row, reached):
    assert row.reached == reached
    assert ("**below**" in str(row)) == (not reached and not isnan(row.ours))


def test_the_table_has_a_line_for_every_row():
    rows = [
        Row("CRF", 0.4, 0.1, 5, "equal", beside(80, 32)),
        Row("start", nan, 0.25, 0.3),
        Row("plan", nan, nan, 2),
    ]
    assert table(rows).splitlines()[4:] == [
        "| CRF | 400 ms | 100 ms | 4 x | >= 5 x: **below** | equal | 80 / 32 MiB |",
        "| start | - | 250 ms | - | <= 300 ms | - | - |",
        "| plan | - | not measured | - | <= 2 s | - | - |",
    ]


def test_memory_below_its_bar_says_so():
    assert beside(800, 100, bar=8) == "800 / 100 MiB"
    assert beside(700, 100, bar=8) == "700 / 100 MiB: **below** 8 x"
    assert beside(nan, 1) == "-"


def test_first_calls_do_not_count_and_both_take_turns():
    calls = []
    times = interleaved(lambda: calls.append("a"), lambda: calls.append("b"), repeats=2)
    assert calls == ["a", "b"] * 3
    assert all(0 <= seconds < 1 for seconds in times)


def test_a_peak_is_what_a_call_adds():
    peak = peak_memory(lambda: bytes(b"x" * 40_000_000))
    assert isnan(peak) or 35 < peak < 90


def test_without_photographs_it_says_so_and_goes_on(tmp_path, monkeypatch, capsys):
    out = tmp_path / "table.md"
    monkeypatch.setenv("WSSS_SHARED", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["benchmarks", "samples", "--out", str(out)])
    assert main() == 2
    assert capsys.readouterr().err == (
        f"samples: not measured: no photographs in {tmp_path / 'voc-mini'}: "
        "set WSSS_SHARED to another folder\n"
    )
    assert out.exists()


def test_every_benchmark_has_a_name():
    helpers = {"__init__", "__main__", "made", "row", "voc"}
    assert set(NAMES) == {path.stem for path in FOLDER.glob("*.py")} - helpers
