"""Citations of the fact sheets and links of the documentation name what is there."""

import ast
import re
from pathlib import Path

import pytest

from tests.test_architecture import TREE

ROOT = Path(__file__).parents[1]
SHEETS = ROOT / "docs/methods"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = [*sorted((ROOT / "src").rglob("*.py")), *sorted((ROOT / "tests").rglob("*.py"))]

SECTION = r"[A-D]?\d+(?:\.\d+)*"
CITED = re.compile(
    rf"\b(?:{'|'.join(path.stem for path in SHEETS.glob('*.md'))})\.md"
    rf"(?:(?:,?\s+(?:and\s+)?(?:notes?\s+|step\s+)?){SECTION}(?:-\d+)?\b)*"
)
PART = re.compile(rf"(notes?|step)?\s+({SECTION})(?:-(\d+))?")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(path):
    return str(path.relative_to(ROOT))


def prose(path):
    """The text of a file with its lines and links joined, as citations are written."""
    text = re.sub(r"\s*\n\s*(?:#\s+)?", " ", path.read_text(encoding="utf-8"))
    return re.sub(r"\[([\w.]+)\]\(\1\)", r"\1", text)


def sections(sheet):
    """The numbers of the headings of a sheet, and of the items of lists below them."""
    found, heading = set(), ""
    for line in (SHEETS / sheet).read_text(encoding="utf-8").splitlines():
        if match := re.match(rf"#+ ({SECTION})\b", line):
            heading = match[1]
            found.add(heading)
        elif match := re.match(r"(\d+)\. ", line):
            found.add(f"{heading}.{match[1]}")
    return found


def named(citation):
    """The sections that a citation such as `psa.md 1, 3` or `sb.md 2.2 and 10, note 2` names."""
    last = ""
    for kind, section, end in PART.findall(citation):
        last = f"{last}.{section}" if kind else section
        yield from map(str, range(int(section), int(end) + 1)) if end else [last]


@pytest.mark.parametrize(
    ("citation", "expected"),
    [
        ("psa.md", []),
        ("psa.md 1, 3", ["1", "3"]),
        ("seam.md 1-3", ["1", "2", "3"]),
        ("retrain.md A3, B6.4", ["A3", "B6.4"]),
        ("sb.md 2.2 and 10, note 2", ["2.2", "10", "10.2"]),
    ],
)
def test_sections_of_a_citation(citation, expected):
    assert CITED.fullmatch(citation)
    assert list(named(citation)) == expected


CITING = [path for path in (*CODE, *PAGES) if CITED.search(prose(path))]


@pytest.mark.parametrize("path", [path for path in CITING if path != Path(__file__)], ids=name)
def test_citations_name_sections(path):
    for citation in CITED.findall(prose(path)):
        sheet = citation.split()[0].rstrip(",")
        missing = set(named(citation)) - sections(sheet)
        assert not missing, f"{citation}: docs/methods/{sheet} has no section {missing}"


def test_cited_sheets_exist():
    cited = {s for path in CODE for s in re.findall(r"docs/methods/(\w+\.md)", prose(path))}
    assert cited
    assert cited <= {path.name for path in SHEETS.glob("*.md")}


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


def test_every_recipe_is_in_the_list_above_them():
    page = (ROOT / "docs/how-to.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[(.+)\]\(#.+\)$", page, re.MULTILINE)
    assert listed == re.findall(r"^## (.+)$", page, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_one_blank_line_parts_headings_and_paragraphs(page):
    # blocks of code have blank lines and comments of their own
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^( *)```.*?^\1```$", "code", text, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"[^\n]\n#+ .+", text) == []
    assert re.findall(r".+\n\n\n+[^\n].*", text) == []


DEVELOPING = (ROOT / "docs/developing.md").read_text(encoding="utf-8")


def test_the_structure_is_that_of_the_package():
    table = DEVELOPING.partition("| packages of")[2].partition("\n\n")[0]
    rows = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines()[2:]]
    assert list(map(set, rows)) == [set(floor.split()) for floor in TREE]


def test_files_named_for_developers_exist():
    named = set(re.findall(r"`([\w/]+/[\w./]+)`", DEVELOPING))
    for row in re.findall(r"^\|.*\.py.*$", DEVELOPING, re.MULTILINE):
        named -= set(re.findall(r"`([\w/]+\.py)`", row.split("|")[1]))
    folders = (ROOT, ROOT / "src/wsss")
    missing = {path for path in named if not any((f / path).exists() for f in folders)}
    assert not {path for path in missing if "foo" not in path}


def messages(path):
    """The texts of a module that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in described:
            yield str(node.value)


def test_messages_name_no_page_that_a_wheel_lacks():
    found = [text for path in (ROOT / "src").rglob("*.py") for text in messages(path)]
    assert [text for text in found if re.search(r"\bdocs/\w+\.md", text)] == []
