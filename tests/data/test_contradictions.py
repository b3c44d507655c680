import pytest

ROWS = ["img/a.png,train,cat", "img/b.png,train,dog", "img/c.png,val,dog"]


def masked(folder, ids):
    for name, number in zip("abc", ids, strict=True):
        folder.image(f"masks/{name}.png", mode="L", fill=number)
    rows = [f"{row},masks/{name}.png" for row, name in zip(ROWS, "abc", strict=True)]
    folder.table(rows, header="image,split,labels,mask")


@pytest.mark.parametrize("ids", [(2, 1, 1), (0, 1, 1)])
def test_ids_in_another_order_are_an_error(folder, ids):
    masked(folder, ids)
    assert any("in the order of dataset.classes" in line for line in folder.problems())


@pytest.mark.parametrize("ids", [(1, 2, 2), (1, 2, 1), (0, 2, 2)])
def test_single_contradictions_are_none(folder, ids):
    masked(folder, ids)
    assert len(folder.check()[1].paths) == 3


@pytest.mark.parametrize("held_out", [(1, 1), (1, 2, 1)])
def test_ids_of_one_split_in_another_order_are_an_error(folder, held_out):
    rows = [f"img/{name}.png,train,cat" for name in "pqrst"]
    rows += [f"img/v{number}.png,val,dog" for number in range(len(held_out))]
    ids = [1] * 5 + list(held_out)
    for row, number in zip(rows, ids, strict=True):
        place = row.split(",")[0]
        folder.image(place)
        folder.image(place.replace("img", "masks"), mode="L", fill=number)
    table = [f"{row},{row.split(',')[0].replace('img', 'masks')}" for row in rows]
    folder.table(["img/b.png,train,dog,", *table], header="image,split,labels,mask")
    (problem,) = folder.problems()
    assert problem.startswith(f"split val: 2 of {len(held_out)} masks of labelled images")
