import pytest

from wsss.data.sources.splitting import held_out

EXPECTED = [("a", "train", (0,)), ("b", "train", (0, 1)), ("c", "val", (1,))]


@pytest.fixture(params=[",", ";", "\t"])
def sign(request):
    return request.param


def listed(folder):
    return [(item.image_id, item.split, item.classes) for item in folder.check()[0].items]


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize(
    "header",
    ["image,split,labels", "Image,SPLIT,Labels", "filename,set,class", "File Name,Subset,Tags"],
)
def test_delimiters_and_headers_of_spreadsheets(folder, header, quote, sign):
    rows = ["img/a.png,train,cat", 'img/b.png,train,"dog;cat"', "img/c.png,val,dog"]
    names = ",".join(f"{quote}{name}{quote}" for name in header.split(","))
    folder.table([row.replace(",", sign) for row in rows], names.replace(",", sign))
    assert listed(folder) == EXPECTED


@pytest.mark.parametrize("yes, no", [("1", "0"), ("True", "FALSE"), ("1.0", "0.0")])
def test_one_column_per_class(folder, yes, no, sign):
    folder.image("img/d.png")
    rows = [("a", "train", yes, no), ("b", "train", yes, yes), ("c", "val", no, yes)]
    rows.append(("d", "train", no, no))
    table = [sign.join((f"img/{name}.png", *rest)) for name, *rest in rows]
    folder.table(table, sign.join(("filename", "split", "cat", " dog")))
    assert listed(folder) == [*EXPECTED, ("d", "train", ())]


@pytest.mark.parametrize("cell", ["2", "", "yes"])
def test_a_cell_that_is_neither_0_nor_1_is_named(folder, cell):
    folder.table(["img/a.png,train,1,0", f"img/b.png,train,{cell},1"], "image,split,cat,dog")
    with pytest.raises(Exception, match=r"labels\.csv:3: .*'cat' holds"):
        folder.check()


@pytest.mark.parametrize("label", ["dog, person", "dog|person"])
def test_a_comma_inside_a_label_is_asked_about(folder, label):
    folder.table([f'img/a.png,train,"{label}"', "img/b.png,train,dog", "img/c.png,val,dog"])
    assert "separate them by ;" in folder.problems()[0]
    assert folder.check(classes=[label, "dog"])[0].class_names == (label, "dog")


def test_without_a_split_some_of_every_class_is_held_out(folder):
    for number in range(10):
        folder.image(f"img/{number}.png", fill=number)
    folder.table([f"img/{n}.png,{'cat' if n % 2 else 'dog'}" for n in range(10)], "image,labels")
    index, _ = folder.check()
    assert sorted(item.classes for item in index.items if item.split == "val") == [(0,), (1,)]
    assert folder.check()[0].items == index.items


@pytest.mark.parametrize("counts", [(1, 5), (2, 2), (20, 5), (100, 3)])
def test_classes_keep_training_images(counts):
    labels = {f"{c}{n}": (str(c),) for c, count in enumerate(counts) for n in range(count)}
    chosen = held_out(labels)
    assert chosen == held_out(dict(reversed(labels.items())))
    for c, count in enumerate(counts):
        own = sum(name in chosen for name in labels if labels[name] == (str(c),))
        assert own == (0 if count == 1 else max(1, round(count / 5)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("head", ["", "sep=;\r\n"])
def test_files_of_excel(folder, head, encoding):
    rows = ["Image;Split;Labels", "img/a.png;train;cat", 'img/b.png;train;"dog;cat"', ""]
    text = head + "\r\n".join([*rows[:-1], "img/c.png;val;dog", ""])
    (folder.root / "labels.csv").write_bytes(text.encode(encoding))
    assert listed(folder) == EXPECTED


def test_without_masks_no_image_need_be_held_out(folder):
    folder.table(["img/a.png,train,cat", "img/b.png,train,dog"])
    assert [split for _, split, _ in listed(folder)] == ["train", "train"]


PATHS = ("{root}/img/a.png", ".\\img\\a.png", "img\\a.png", "./img/a.png", "img/../img/a.png")


@pytest.mark.parametrize("written", PATHS)
def test_a_path_inside_the_folder_is_read(folder, written):
    first = written.format(root=folder.root)
    folder.image("masks/a.png", mode="L", fill=1)
    mask = written.replace("img", "masks").format(root=folder.root)
    rows = [f"{first},train,cat,{mask}", "img/b.png,train,dog;cat,", "img/c.png,val,dog,"]
    folder.table(rows, "image,split,labels,mask")
    assert listed(folder) == EXPECTED and len(folder.check()[1].paths) == 1


@pytest.mark.parametrize("written", ["/img/a.png", "img/../../a.png"])
def test_a_path_elsewhere_is_named(folder, written):
    folder.table([f"{written},train,cat", "img/b.png,train,dog", "img/c.png,val,dog"])
    assert "is outside the folder" in "".join(folder.problems())


def test_splits_are_compared_after_folding(folder):
    folder.table(["img/a.png,Train,cat", "img/b.png,TRAIN ,dog;cat", "img/c.png,Val,dog"])
    assert listed(folder) == EXPECTED


def test_unused_splits_are_named_beside_an_error(folder, caplog):
    folder.table(["img/a.png,training,cat", "img/b.png,training,dog", "img/c.png,val,dog"])
    assert "split train has no image" in "".join(folder.problems())
    assert "split 'training' is not used, rows: 2" in caplog.text


@pytest.mark.parametrize("other", ["img/C.png", "img/\u0441.PNG"])
def test_image_ids_that_differ_in_case_are_warned_about(folder, other, caplog):
    folder.image(other)
    folder.table([f"{other},train,cat", "img/b.png,train,dog", "img/c.png,val,dog"])
    folder.check()
    assert ("overwrite each other" in caplog.text) == other.isascii()
