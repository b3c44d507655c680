import csv
import zipfile

import numpy as np
import pytest

from tests.export.conftest import MASKS
from wsss.errors import UserError
from wsss.export import bundle
from wsss.io.labels import read_labels
from wsss.metrics.result import Evaluation, Metrics

SUPPORT = {"split": "val", "ground_truth": "by hand", "images": 3, "images_predicted": 3}
MEASURED = Metrics(
    **SUPPORT,
    miou=0.5,
    miou_present=0.5,
    miou_background=0.4,
    precision=0.5,
    recall=0.5,
    label_agreement=1,
    coverage=1,
    iou={"background": 0.75, "cat": 0.25},
)
EVALUATION = Evaluation(**SUPPORT, product="segment", results={"segment": MEASURED})


def test_the_table_lists_every_mask(label_maps, tmp_path):
    bundle.write(label_maps, tmp_path / "out", "pets")
    with (tmp_path / "out/index.csv").open() as file:
        rows = {row["image_id"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(MASKS)
    for name, row in rows.items():
        np.testing.assert_array_equal(read_labels(tmp_path / "out" / row["mask"]), MASKS[name])
        assert (int(row["height"]), int(row["width"])) == MASKS[name].shape
    assert (rows["a"]["classes"], rows["a"]["shares"]) == ("cat;dog", "0.500000;0.166667")
    assert (rows["b"]["ignored"], rows["c"]["classes"]) == ("0.166667", "")


def test_the_card_counts_images_and_pixels(label_maps, tmp_path):
    bundle.write(label_maps, tmp_path / "out.zip", "pets", {"segmenter": "deeplab"}, None, "CC0")
    archive = zipfile.ZipFile(tmp_path / "out.zip")
    card = archive.read("README.md").decode()
    assert card.startswith("# Masks of pets\n") and "3 images, 2 classes" in card
    for line in ("| 0 | background | 3 | 50.00 % |", "| 1 | cat | 2 | 25.00 % |"):
        assert line in card
    assert '"version": "0"' in card and '"segmenter": "deeplab"' in card
    assert "## Licence\n\nCC0\n" in card and "Not measured" in card
    assert archive.read("classes.csv").decode().splitlines()[2] == "1,cat,#800000"


def test_the_card_lists_the_licences_of_the_weights(label_maps, tmp_path):
    lite = {"backbone": "timm/x", "source": "a_b 1.0", "licence": "Apache-2.0"}
    bundle.write(label_maps, tmp_path / "out", "pets", {"weights": [lite]}, None, "CC0")
    licence = (tmp_path / "out/README.md").read_text().partition("## Licence\n\nCC0\n")[2]
    assert "| timm/x | a_b 1.0 | Apache-2.0 |\n\n## Files" in licence


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({}, "The networks were trained on image labels"),
        ({"published": "deeplab_v1.pth"}, "a published checkpoint, deeplab_v1.pth, that was not"),
    ],
)
def test_the_card_says_where_the_network_is_from(label_maps, tmp_path, model, said):
    lite = {"backbone": "timm/x", "source": "a_b 1.0", "licence": "Apache-2.0"}
    bundle.write(label_maps, tmp_path / "out", "pets", {"weights": [lite], **model})
    card = (tmp_path / "out/README.md").read_text()
    assert said in card and ("trained from these weights" in card) == (not model)


def test_the_card_states_metrics_with_their_support(label_maps, tmp_path):
    evaluation = EVALUATION.model_copy(update={"predictions": label_maps.digest})
    (tmp_path / "eval.json").write_text(evaluation.to_text())
    bundle.write(label_maps, tmp_path / "out", "pets", evaluation=tmp_path / "eval.json")
    card = (tmp_path / "out/README.md").read_text()
    assert "**segment**: mIoU 50.00 % of 3 val images (ground truth: by hand); everything" in card
    assert "| cat | 25.00 % |" in card and "| background | 75.00 % |" in card


def test_an_evaluation_without_masks_gives_no_metrics(label_maps, tmp_path):
    results = {"segment": MEASURED.model_copy(update={"miou": None, "iou": None})}
    nothing = EVALUATION.model_copy(update={"results": results, "predictions": label_maps.digest})
    (tmp_path / "eval.json").write_text(nothing.to_text())
    bundle.write(label_maps, tmp_path / "out", "pets", evaluation=tmp_path / "eval.json")
    assert "Not measured" in (tmp_path / "out/README.md").read_text()


@pytest.mark.parametrize(
    "other",
    [
        {"product": "cam", "predictions": ""},
        {"split": "train", "predictions": "0" * 64},
        {"images_predicted": 4, "predictions": "0" * 64},
    ],
)
def test_an_evaluation_of_other_masks_is_refused(label_maps, tmp_path, other):
    evaluation = EVALUATION.model_copy(update=other)
    (tmp_path / "eval.json").write_text(evaluation.to_text())
    about = f"of {evaluation.product} on {evaluation.images_predicted} {evaluation.split} images"
    with pytest.raises(UserError, match=f"{about}, not of the 3 masks exported"):
        bundle.write(label_maps, tmp_path / "out", "pets", evaluation=tmp_path / "eval.json")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"results": {"segment": {}}}'])
def test_what_is_no_evaluation_is_refused(label_maps, tmp_path, text):
    (tmp_path / "eval.json").write_text(text)
    with pytest.raises(UserError, match="eval file"):
        bundle.write(label_maps, tmp_path / "out", "pets", evaluation=tmp_path / "eval.json")
    assert not (tmp_path / "out").exists()


NASTY = "<img src=x onerror=alert(1)>\n# *cat* | [dog](http://x) `a` & _b_ c_d"
SHOWN = r"&lt;img src=x onerror=alert(1)&gt; \# \*cat\* \| \[dog\](http://x) \`a\` &amp; \_b\_ c_d"


@pytest.mark.parametrize(
    ("terms", "written"),
    [
        ("2024. cats", r"2024\. cats"),
        ("2) cats", r"2\) cats"),
        ("- cats", r"\- cats"),
        ("+ cats", r"\+ cats"),
        ("CC BY 4.0", "CC BY 4.0"),
    ],
)
def test_the_terms_are_no_list(label_maps, tmp_path, terms, written):
    bundle.write(label_maps, tmp_path / "out", "pets", licence=terms)
    assert f"## Licence\n\n{written}\n" in (tmp_path / "out/README.md").read_text()


def test_names_are_no_markup_on_the_card(label_maps, tmp_path):
    label_maps.class_names = ("cat", NASTY)
    results = {NASTY: MEASURED.model_copy(update={"ground_truth": NASTY, "iou": {NASTY: 1.0}})}
    update = {"results": results, "predictions": label_maps.digest}
    (tmp_path / "eval.json").write_text(EVALUATION.model_copy(update=update).to_text())
    bundle.write(label_maps, tmp_path / "out", NASTY, None, tmp_path / "eval.json", NASTY)
    card = (tmp_path / "out/README.md").read_text()
    lines = [f"# Masks of {SHOWN}\n", f"| 2 | {SHOWN} | 2 | ", f"| {SHOWN} | 100.00 % |"]
    for line in [*lines, f"\n{SHOWN}\n", f"**{SHOWN}**: mIoU", f"(ground truth: {SHOWN})"]:
        assert line in card
    assert "<img" not in card


def test_a_provenance_cannot_end_its_block(label_maps, tmp_path):
    label_maps.made = ("`````\n<b>",)
    bundle.write(label_maps, tmp_path / "out", "pets")
    assert "``````\n`````\n<b>\n``````" in (tmp_path / "out/README.md").read_text()


@pytest.mark.parametrize("name", ["=1+1", "@a", "+a", "-a"])
def test_no_cell_is_a_formula(make, tmp_path, name):
    bundle.write(make({name: MASKS["a"]}, ("cat", name)), tmp_path / "out", "pets")
    for table in ("index.csv", "classes.csv"):
        with (tmp_path / "out" / table).open(newline="") as file:
            rows = list(csv.reader(file))
        cells = [part for row in rows for cell in row for part in cell.split(";")]
        assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in cells)
    assert rows[3][1] == f"'{name}"
