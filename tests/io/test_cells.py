import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsss.data.sources.table import read_table
from wsss.io.cells import escaped, unescaped


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@A1", "\tx", "\rx", "\nx", "＝1", "'=1"])  # noqa: RUF001
def test_formulas_become_text(cell):
    assert escaped(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "written"),
    [("cat;=1", "cat;'=1"), ("-a;b;@c", "'-a;b;'@c"), ("a;'=1", "a;''=1"), ("a;;+", "a;;'+")],
)
def test_so_do_formulas_between_semicolons(cell, written):
    assert escaped(cell) == written
    assert unescaped(written) == cell


@pytest.mark.parametrize("cell", ["cat", "", "a=b", "'tis", "3", "a;b", "0.5;0.3", 3, -0.5])
def test_other_cells_stay(cell):
    assert escaped(cell) == cell


@given(st.text(st.sampled_from("'=+-@\t\ra1;")))
def test_every_cell_is_read_back(cell):
    assert unescaped(escaped(cell)) == cell


def test_a_table_of_labels_is_read_as_it_was_meant(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("image,labels\n'-a.jpg,'=cat;dog\nb.jpg,'tis\n")
    rows, problems = read_table(path, ("image", "labels"))
    assert [row.fields for row in rows] == [
        {"image": "-a.jpg", "labels": "=cat;dog"},
        {"image": "b.jpg", "labels": "'tis"},
    ]
    assert not problems
