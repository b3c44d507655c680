import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.report.conftest import scores_of
from wsss.metrics import choice
from wsss.metrics.result import Support
from wsss.report import page, repeats, tables
from wsss.report.compare import Compared
from wsss.report.content import RunResults
from wsss.report.differences import Difference
from wsss.report.panels import Chip, Panel, Thumbnail
from wsss.report.pictures import Gallery, Group
from wsss.report.verdicts import Verdict


def support(split: str, images: int, with_masks: int, ground_truth: str) -> Support:
    return Support(
        split=split, images_predicted=images, images=with_masks, ground_truth=ground_truth
    )


FACTS = page.Facts("demo", support("val", 8, 6, "by <hand>"), ["cat"], "seed: 0", [("wsss", "0")])
BLANK = page.Facts("demo", support("val", 8, 0, "none"), ["cat"], "", [])


def section(text: str, name: str) -> str:
    """The content of a section; empty without one."""
    return text.partition(f'<section id="{name}"')[2].partition("</section>")[0]


class Balance(HTMLParser):
    """Collects open tags; `bad` holds closing tags that close nothing."""

    void = ("meta", "img", "link", "br", "wbr")

    def __init__(self) -> None:
        super().__init__()
        self.open, self.bad = [], []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.bad.append(tag)


def balanced(text: str) -> bool:
    parser = Balance()
    parser.feed(text)
    return not parser.bad and not parser.open


def test_page_leads_with_the_best_run(make_run) -> None:
    text = page.render(FACTS, [make_run("a"), make_run("b", shift=0.1)])
    assert re.search(r'class="metric">65\.0<small>% mIoU', text)
    assert "Everything background has 30.0 %." in lead(text)
    assert "run <strong>b</strong>" in text


def test_page_is_self_contained_and_well_formed(make_run) -> None:
    text = page.render(FACTS, [make_run()])
    links = re.findall(r'(?:src|href)="(?!#|data:)[^"]*"|url\((?!#)|@import|<script', text)
    assert (links, balanced(text)) == ([], True)


def test_every_metric_names_its_support(make_run) -> None:
    text = page.render(FACTS, [make_run()])
    sentence = "Split val, 6 images with masks (of 8); ground truth: by &lt;hand&gt;."
    assert text.count(sentence) == 4
    counts = "Label agreement", "Agreement and coverage"
    assert all(f"{metrics}: all 8 images of the split." in text for metrics in counts)


def test_classes_without_ground_truth_are_named(make_run) -> None:
    said = "1 class never occurs in the val masks and counts as 0: owl."
    text = page.render(FACTS, [make_run(absent=("owl",))])
    assert text.count(said) == 2
    assert "Over the labels that occur in the masks it is 80.0 %." in text
    assert '<th class="n" scope="col">of present</th>' in text
    assert "never occur" not in page.render(FACTS, [make_run()])


def lead(text: str) -> str:
    """The opening of the page without its links."""
    return re.sub("</?a[^>]*>", "", text.partition('<div class="lead">')[2].partition("<dl")[0])


def test_page_without_masks_leads_with_the_held_out_labels(make_run) -> None:
    scores = scores_of(cat=(4, 0.9), dog=(3, 0.3))
    text = page.render(BLANK, [make_run(masks=False, scores=scores)])
    assert "60.0<small>% mAP" in lead(text)
    assert "finds them to 90.0 % (label agreement)" in lead(text)
    assert "Nobody has measured how good these masks are" in lead(text)
    assert "the classifier does not recognise dog." in lead(text)
    assert "Gain of each stage" not in text
    assert balanced(text)


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        ("net", "trained from image labels alone; it started from a seed"),
        ("net + masks", "trained from image labels and masks; it started"),
        ("net + published checkpoint", "a published checkpoint that is not trained here."),
    ],
)
def test_the_page_says_what_the_masks_were_learnt_from(make_run, variant: str, said: str) -> None:
    shown = lead(page.render(FACTS, [make_run(variant=variant)]))
    assert f"of run <strong>psa</strong>, {said}" in shown
    assert ("only to measure" in shown) == (variant == "net")


def test_weaknesses_of_the_data_have_a_section(make_run) -> None:
    facts = replace(FACTS, advice=["Class <b> is on every training image"])
    text = page.render(facts, [make_run()])
    assert "Class &lt;b&gt; is on every training image" in section(text, "data")
    assert balanced(text) and not section(page.render(FACTS, [make_run()]), "data")


def located(run: RunResults, **criteria: float) -> RunResults:
    """A run whose evaluations have criteria of location."""
    for product, one in run.evaluations.items():
        results = {name: m.model_copy(update=criteria) for name, m in one.results.items()}
        run.evaluations[product] = one.model_copy(update={"results": results})
    return run


def test_criteria_of_location_stand_beside_the_leading_number(make_run, monkeypatch) -> None:
    monkeypatch.setattr(choice, "earned", lambda *_: None)
    run = located(make_run(masks=False), edge_contrast=0.31)
    text = page.render(BLANK, [run])
    assert "edge contrast 31.0 %" in lead(text) and "None of these is known to" in lead(text)
    heads = re.findall(r'<th class="n" scope="col">([^<]*)</th>', section(text, "metrics"))
    assert "edges" in heads and "refiners" not in heads
    assert balanced(text)


def test_a_criterion_that_earned_it_leads(make_run, monkeypatch) -> None:
    monkeypatch.setattr(choice, "earned", lambda *_: "edge_contrast")
    runs = [located(make_run(n, masks=False), edge_contrast=v) for n, v in (("a", 0.3), ("b", 0.4))]
    text = lead(page.render(BLANK, runs))
    assert "40.0<small>% edge contrast" in text


def test_circular_agreement_leads_nothing(make_run) -> None:
    run = make_run(masks=False)
    assert "90.0<small>% label agreement" in lead(page.render(BLANK, [run]))
    del run.evaluations["segment"]
    text = page.render(BLANK, [run])
    assert "90.0" not in lead(text) and "circular" in lead(text)
    assert text.count('<small class="mark">circular</small>90.0') == 4
    assert balanced(text)


def test_the_classifier_has_a_table_and_sentences(make_run) -> None:
    runs = [make_run(scores=scores_of(cat=(4, 0.9), dog=(3, 0.3)))]
    trained = [make_run(scores=scores_of("train", cat=(4, 1.0), dog=(2, 1.0)))]
    training = page.Training(support("train", 20, 20, "by hand"), trained)
    text = page.render(FACTS, runs, (), training)
    shown = section(text, "classifier")
    assert "The classifier does not recognise dog (AP 30.0 %, 3 images;" in shown
    assert re.findall(r'class="n" scope="col">(\w+) images<', shown) == ["val", "train"]
    assert balanced(text)


def test_a_choice_on_a_wide_plateau_is_said_below_its_curve(make_run, curve) -> None:
    run = make_run()
    assert "Not informative" not in page.render(FACTS, [run])
    wide = curve.model_copy(update={"label_agreement": (0.9, 0.895, 0.9)})
    run.evaluations["cam"] = run.evaluations["cam"].model_copy(update={"threshold_curve": wide})
    assert "<figcaption>Not informative: " in page.render(FACTS, [run])


def test_verdicts_are_on_the_page(make_run) -> None:
    found = [
        Verdict("psa", "val", "walk <lowers> quality", "do less"),
        Verdict("psa", "val", "worse than nothing", "do more", bad=True),
    ]
    text = page.render(FACTS, [make_run()], (), verdicts=found)
    shown = section(text, "verdicts")
    assert "<li>val: walk &lt;lowers&gt; quality" in shown
    assert '<li class="bad">val: worse than nothing' in shown
    assert not section(page.render(FACTS, [make_run()]), "verdicts")


def rows_of(*splits: list[RunResults]) -> list[tables.Row]:
    """Rows of summary.tsv."""
    return [row for of in splits for kind in (tables, repeats) for row in kind.summary_rows(of)]


def on_train(run: RunResults) -> RunResults:
    """The same run on the training images."""
    moved = {}
    for name, one in run.evaluations.items():
        results = {key: m.model_copy(update={"split": "train"}) for key, m in one.results.items()}
        moved[name] = one.model_copy(update={"results": results})
    return replace(run, evaluations=moved)


def test_repeats_are_one_line_of_the_table_of_runs(make_run) -> None:
    runs = [make_run(f"{name}.{seed}", shift=0.02 * seed) for name in "ab" for seed in (0, 1)]
    trained = [on_train(run) for run in [*runs, make_run("c")]]
    training = page.Training(support("train", 20, 20, "by hand"), trained)
    compared = Compared(rows_of(runs, trained))
    text = page.render(FACTS, runs, (), training, compared=compared)
    found = section(text, "runs")
    best = '<td class="n best">51.0 \N{PLUS-MINUS SIGN} 1.4</td>'
    head = f'<tr><th scope="row">{{}}<small>2 seeds</small></th>{best}'
    assert all(head.format(name) in found for name in "ab")
    assert '<th scope="row">c</th>' in found and found.count("Every seed") == 2
    assert "Split train, 20 images with masks; ground truth: by hand." in found
    assert balanced(text)


def test_repeats_lead_with_their_mean(make_run) -> None:
    text = lead(page.render(FACTS, [make_run("a.0"), make_run("a.1", shift=0.02)]))
    assert "56.0<small>% mIoU" in text
    assert "the mean of 2 seeds, with a standard deviation of 1.4 points" in text


def test_a_seed_does_not_start_from_a_seed(make_run) -> None:
    run = make_run()
    for product in ("refined", "walk", "segment"):
        del run.evaluations[product]
    run.evaluations["cam"].results["cam fixed"] = run.evaluations["cam"].results["cam"]
    text = page.render(FACTS, [run])
    assert "<p>Seed, fixed threshold of run" in text
    assert "it started from" not in text


def without_masks(run: RunResults) -> str:
    """The tables of runs, without masks on the training images."""
    trained = [on_train(run)]
    training = page.Training(support("train", 20, 0, "none"), trained)
    compared = Compared(rows_of(trained))
    return section(page.render(BLANK, [run], (), training, compared=compared), "runs")


def test_training_images_without_masks_show_agreement(make_run) -> None:
    text = without_masks(make_run(masks=False))
    assert "<h3>Label agreement, train</h3>" in text
    assert "Split train, 20 images; no masks." in text
    assert text.count('<small class="mark">circular</small>') == 4


def test_training_images_without_masks_show_a_criterion(make_run, monkeypatch) -> None:
    monkeypatch.setattr(choice, "earned", lambda *_: None)
    run = located(make_run(masks=False), refiner_agreement=0.7)
    assert "<h3>Refiner agreement, train</h3>" in without_masks(run)


def test_published_values_stand_below_the_run_and_with_their_source(make_run) -> None:
    run = make_run()
    rows = [
        row | {"recipe": "psa", "published": "0.617", "published_source": "a <paper>"}
        if row["stage"] == "segmenter net"
        else row
        for row in rows_of([run])
    ]
    found = section(page.render(FACTS, [run], compared=Compared(rows)), "runs")
    assert (
        '<tr class="published"><th scope="row">published</th>' in found
        and "Beside published" in found
    )
    assert "<td>a &lt;paper&gt;</td><td>nothing</td>" in found


def test_differences_are_named_with_their_interval(make_run) -> None:
    one = Difference("b", "a", "val", "walk", 0.021, 6, 0.02, -0.01, 0.05, 0.6, 0.3, "cat falls")
    runs = [make_run("a"), make_run("b")]
    found = section(page.render(FACTS, runs, compared=Compared(rows_of(runs), [one])), "runs")
    assert "<h3>Differences from a</h3>" in found
    cells = re.findall("<td[^>]*>([^<]*)</td>", found.partition("Differences from a")[2])
    assert cells[:5] == ["val", "walk", "+2.1", "+2.0", "\u22121.0 to +5.0"]
    assert cells[5:] == ["60 %", "30 %", "cat falls"]


def test_page_names_what_is_missing() -> None:
    text = page.render(FACTS, [RunResults("a", missing=("cam/history.csv",))])
    assert "Nothing has been evaluated" in text
    assert "<li>cam/history.csv</li>" in text


def test_everything_is_escaped(make_run) -> None:
    evil = "</style><script>alert('1')</script><b onload=\"x\">&"
    run, other = make_run(evil, absent=(evil,), variant=evil), make_run("b.1")
    for evaluation in (*run.evaluations.values(), *other.evaluations.values()):
        for result in evaluation.results.values():
            result.iou.update({evil: 0.5})
    run = replace(run, missing=(evil,))
    run.histories["classifier"] = {"step": [0, 1], f"net/{evil}": [1.0, 0.5]}
    panel = Panel(evil, evil, (Thumbnail(evil, evil, "data:,", 1, 1),), (Chip(evil, "#000000"),))
    shown = Gallery(evil, evil, (panel,), (Group(evil, (panel,)),), 1, evil)
    basis = support(evil, 8, 6, evil)
    facts = page.Facts(evil, basis, [evil], evil, [(evil, evil)])
    training = page.Training(basis, [run, make_run("b.0")])
    compared = Compared(
        [row | {"recipe": evil, "published": "0.5"} for row in rows_of([run, other])],
        [Difference(*[evil] * 4, 0.1, 6, 0.1, 0.0, 0.2, 1.0, 0.0, evil)],
    )
    text = page.render(facts, [run, other], [shown], training, compared=compared)
    assert "<script" not in text and "<b onload" not in text
    assert text.count("&lt;script&gt;") > 20
    assert balanced(text)


@pytest.mark.parametrize(("scale", "labels"), [(0.5, 6), (0.7, 4), (1.0, 6)])
def test_ticks_stay_on_the_axis(scale: float, labels: int) -> None:
    marks = page.ticks(scale)
    assert len(marks) == labels
    assert float(marks[-1]["at"]) <= 100.001
