from dataclasses import replace

import pytest

from wsss.products import SPLITS, Input, Product, Stage
from wsss.report import content, tables, terminal
from wsss.report.content import RunResults, base_of, final, in_sentence, steps


def test_steps_follow_the_pipeline(make_run) -> None:
    keys = [step.key for step in steps(make_run())]
    assert keys == [
        "seed oracle",
        "seed",
        "refined maps low",
        "refined maps high",
        "pseudo labels",
        "segmenter net",
    ]


def test_a_fixed_threshold_is_a_seed_of_its_own(make_run) -> None:
    run = make_run()
    results = run.evaluations["cam"].results
    results["cam fixed"] = results["cam"].model_copy(update={"threshold": 0.25})
    (step,) = (step for step in steps(run) if step.key == "seed fixed")
    assert (step.label, step.reference) == ("Seed, fixed threshold", False)
    assert "0.25" in step.note


def test_a_step_is_compared_with_what_it_is_made_from(make_run) -> None:
    found = steps(make_run())
    bases = {step.key: base.key for step in found if (base := base_of(found, step))}
    assert bases == {
        **{"refined maps low": "seed", "refined maps high": "seed", "pseudo labels": "seed"},
        "segmenter net": "pseudo labels",
    }


def test_a_second_round_is_compared_with_the_labels_it_learns(make_run) -> None:
    run = make_run()
    walk = run.evaluations["walk"]
    own = walk.model_copy(
        update={"product": "relabelled", "results": {"relabelled": walk.results["walk"]}}
    )
    found = steps(replace(run, evaluations=run.evaluations | {"relabelled": own}))
    bases = {step.key: base.key for step in found if (base := base_of(found, step))}
    assert (bases["relabelled"], bases["segmenter net"]) == ("pseudo labels", "relabelled")


def test_a_step_names_its_variant_or_maker(make_run) -> None:
    notes = {step.key: step.note for step in steps(make_run())}
    assert notes["pseudo labels"] == "random walk"
    assert notes["segmenter net"] == "net, without the image labels"


@pytest.fixture
def longer_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put two products into the table: other CAMs before the CRF, other labels after the walk."""
    cam = Product("gradcam", "maps", (), title="Grad-CAM", background=False, evaluated=SPLITS)
    smooth = Stage("smooth_labels", inputs=(Input("labels", "walk"),))
    labels = Product("smooth", "labels", (smooth,), title="Smooth labels", evaluated=SPLITS)
    rows = [*content.EVALUATED]
    rows[1:1], rows[-1:-1] = [cam], [labels]
    monkeypatch.setattr(content, "EVALUATED", tuple(rows))


def test_a_product_in_the_table_has_its_rows(make_run, longer_chain) -> None:
    run = make_run()
    seeds, walk = run.evaluations["cam"].results, run.evaluations["walk"].results["walk"]
    named = {name.replace("cam", "gradcam"): found for name, found in seeds.items()}
    more = {"gradcam": named, "smooth": {"smooth": walk}}
    found = {
        name: run.evaluations["walk"].model_copy(update={"product": name, "results": results})
        for name, results in more.items()
    }
    bases = {**run.bases, "smooth": ["walk"]}
    rows = steps(replace(run, evaluations=run.evaluations | found, bases=bases))
    keys = [step.key for step in rows]
    assert keys[:5] == ["seed oracle", "seed", "grad-CAM oracle", "grad-CAM", "refined maps low"]
    assert keys[-3:] == ["pseudo labels", "smooth labels", "segmenter net"]
    assert base_of(rows, rows[-2]).key == "pseudo labels"


def test_crf_ends_are_ordered_by_number(make_run) -> None:
    labels = {step.key: step.label for step in steps(make_run())}
    assert labels["refined maps low"] == "Refined maps, alpha 4"
    assert labels["refined maps high"] == "Refined maps, alpha 32"


def test_final_is_the_last_stage(make_run) -> None:
    assert final(make_run()).key == "segmenter net"
    assert final(RunResults("empty")) is None


def test_waterfall_shows_gain_and_loss_over_the_base(make_run) -> None:
    rows = {row["label"]: row for row in tables.waterfall(steps(make_run()), scale=0.8)}
    walk, segmenter = rows["Pseudo labels"], rows["Segmenter"]
    assert (walk["change"], walk["kind"], walk["base"]) == ("+20.0", "gain", "seed")
    assert (walk["solid"], walk["shift"]) == pytest.approx((50, 25))
    assert (segmenter["change"], segmenter["kind"]) == ("\u22125.0", "loss")
    assert segmenter["solid"] + segmenter["shift"] == pytest.approx(75)


def test_waterfall_begins_with_everything_background(make_run) -> None:
    first, *rest = tables.waterfall(steps(make_run(shift=-0.25)), scale=0.4)
    assert (first["label"], first["value"], first["solid"]) == (
        "Everything background",
        "30.0",
        pytest.approx(75),
    )
    bad = [row["label"] for row in rest if row["bad"]]
    assert bad == [
        "Seed, best threshold",
        "Seed",
        "Refined maps, alpha 4",
        "Refined maps, alpha 32",
        "Segmenter",
    ]


def test_agreement_of_maps_that_are_given_the_labels_is_circular(make_run) -> None:
    found = steps(make_run(masks=False))
    cells = tables.quality(found, ["label_agreement", "coverage"])[0]["cells"]
    assert [cell["circular"] for cell in cells] == [True, False]


def test_a_choice_on_a_wide_plateau_is_not_informative(make_run, curve) -> None:
    run = make_run()
    notes = {step.key: step.note for step in steps(run)}
    assert notes["seed"] == "threshold 0.2 from image labels"
    wide = curve.model_copy(update={"label_agreement": (0.9, 0.895, 0.9)})
    seed = run.evaluations["cam"].model_copy(update={"threshold_curve": wide})
    run = replace(run, evaluations=run.evaluations | {"cam": seed})
    notes = {step.key: step.note for step in steps(run)}
    assert notes["seed"] == "threshold 0.2 from image labels, not informative"


def test_axis_holds_every_bar(make_run) -> None:
    assert tables.headroom([make_run(), make_run(shift=0.1)]) == pytest.approx(0.8)
    assert tables.headroom([make_run(shift=0.4)]) == 1


def test_axis_holds_the_bar_of_everything_background(make_run) -> None:
    poor = make_run(shift=-0.35)
    bars = tables.waterfall(steps(poor), tables.headroom([poor]))
    assert max(bar["solid"] for bar in bars) == bars[0]["solid"] == pytest.approx(75)


def test_summary_keeps_its_columns() -> None:
    assert (
        *("run", "stage", "miou", "split", "images", "ground_truth"),
        *("miou_present", "label_agreement", "images_predicted"),
        *("miou_background", "precision", "recall", "seeds"),
        *("miou_std", "precision_std", "recall_std"),
        *("map", "f1", "map_std", "f1_std", "not_learnt", "unjudged"),
        *("product", "reference", "circular", "plateau_from", "plateau_to"),
        *("edge_contrast", "refiner_agreement", "stability", "segmenter_agreement"),
        *("edge_contrast_std", "refiner_agreement_std", "stability_std"),
        *("segmenter_agreement_std", "recipe", "published", "published_source"),
        "published_differs",
    ) == tables.SUMMARY


def test_summary_has_a_row_per_stage(make_run) -> None:
    text = tables.summary_text(tables.summary_rows([make_run()]))
    lines = text.splitlines()
    assert lines[0].split("\t") == list(tables.SUMMARY)
    row = dict(zip(tables.SUMMARY, lines[2].split("\t"), strict=True))
    assert (row["run"], row["stage"], row["split"], row["seeds"]) == ("psa", "seed", "val", "1")
    assert {row[name] for name in ("miou", "precision", "recall")} == {"0.400000"}
    assert {row[f"{name}_std"] for name in ("miou", "precision", "recall")} == {""}
    assert len(lines) == 7


def test_summary_marks_bounds_and_circular_agreement(make_run) -> None:
    rows = {row["stage"]: row for row in tables.summary_rows([make_run()])}
    assert [name for name, row in rows.items() if row["reference"]] == ["seed oracle"]
    assert [name for name, row in rows.items() if not row["circular"]] == ["segmenter net"]
    plateaus = {name: (row["plateau_from"], row["plateau_to"]) for name, row in rows.items()}
    assert plateaus.pop("seed") == ("0.100000", "0.200000")
    assert set(plateaus.values()) == {("", "")}
    assert {row["miou_background"] for row in rows.values()} == {"0.300000"}


def test_the_summary_is_read_as_it_was_written(make_run) -> None:
    rows = tables.summary_rows([make_run()])
    assert tables.read_rows(tables.summary_text(rows)) == rows


def test_names_are_no_formulas_and_numbers_stay_numbers() -> None:
    rows = [{"class": "=x", "gain": "-0.250000", "others": "a;@b"}]
    text = tables.tsv_text(["class", "gain", "others"], rows)
    assert text.splitlines()[1] == "'=x\t-0.250000\ta;'@b"
    assert tables.read_rows(text) == rows


def test_a_row_that_was_cut_off_has_empty_cells() -> None:
    assert tables.read_rows("run\tmiou\na\n") == [{"run": "a", "miou": ""}]


def test_table_prints_per_cent(make_run) -> None:
    text = terminal.table(tables.summary_text(tables.summary_rows([make_run()])))
    assert "segmenter net" in text
    assert "55.0" in text
    assert "present" not in text


def test_table_shows_the_classes_present_where_it_differs(make_run) -> None:
    text = terminal.table(tables.summary_text(tables.summary_rows([make_run(absent=("owl",))])))
    assert "present" in text
    assert text.splitlines()[-1].split()[3:9] == ["55.0", "80.0", "30.0", "6", "90.0", "8"]


def test_table_without_masks_has_no_columns_of_them(make_run) -> None:
    rows = tables.summary_rows([make_run(masks=False)])
    assert {row["miou"] for row in rows} == {""}
    text = terminal.table(tables.summary_text(rows))
    assert not {"mIoU", "masks", "ground"} & set(text.split())


def test_a_title_within_a_sentence_keeps_its_names() -> None:
    assert in_sentence("Labels with SAM") == "labels with SAM"


def test_negative_values_have_a_true_minus_sign() -> None:
    assert tables.percent(-0.016) == "\N{MINUS SIGN}1.6"
