from dataclasses import replace

from wsss.report import curves

NAN = float("nan")
GAME = {
    "step": [0, 10, 20],
    "epoch": [0, 0, 1],
    "net/cls": [0.7, NAN, 0.5],
    "adversary/adv": [NAN, 0.6, NAN],
    "adversary/never": [NAN, NAN, NAN],
    "val/mAP": [NAN, NAN, 0.4],
    "lr": [1, 1, 1],
}


def test_losses_of_several_players_name_the_player() -> None:
    titles = curves.columns(GAME)
    assert list(titles.values()) == ["net/cls", "adversary/adv", "mAP on val"]
    assert curves.columns({"step": [0], "net/cls": [1.0]}) == {"net/cls": "cls"}


def test_a_metric_is_no_player() -> None:
    history = {"step": [0, 1], "net/cls": [1.0, 0.5], "held_out/mAP": [NAN, 0.5]}
    assert list(curves.columns(history).values()) == ["cls", "mAP on held-out training images"]


def test_a_history_without_rows_has_no_curves(make_run) -> None:
    empty = {"step": [], "epoch": [], "net/cls": [], "lr": []}
    assert curves.columns(empty) == curves.columns({}) == {}
    assert curves.trainings([replace(make_run(), histories={"classifier": empty})]) == {}


def test_losses_and_metrics_have_charts_of_their_own(make_run) -> None:
    found = curves.trainings([replace(make_run(), histories={"classifier": GAME})])["Classifier"]
    assert [(one.title, one.metric) for one in found] == [
        ("net/cls", False),
        ("adversary/adv", False),
        ("mAP on val", True),
    ]
    assert ">loss<" in found[0].chart and ">%<" in found[2].chart


def test_runs_share_a_chart_and_repeats_a_style(make_run) -> None:
    runs = [make_run(name) for name in ("a.0", "a.1", "b")]
    ((chart,),) = curves.trainings(runs).values()
    assert chart.chart.count("var(--series-1)") == 2 * chart.chart.count("var(--series-2)") == 2
    assert [one.name for one in curves.legend(runs)] == ["a", "b"]
    assert curves.legend(runs[:2]) == []
