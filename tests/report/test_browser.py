"""The page in a browser, where one is installed."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.report.conftest import scores_of
from tests.report.test_page import FACTS, support
from wsss.report import page, panels
from wsss.report.content import Place
from wsss.report.pictures import Gallery, Group
from wsss.report.verdicts import Verdict

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((found for name in NAMES if (found := shutil.which(name))), None)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium on the PATH")

LONG = "a_rather_long_name_of_an_image_without_any_space_0001"

WALK = """
addEventListener("load", async () => {
  const frame = document.querySelector("iframe").contentWindow, page = frame.document;
  page.querySelectorAll("details").forEach(one => one.open = true);
  const root = page.documentElement, lost = [];
  const links = [...page.querySelectorAll('a[href^="#"]')];
  for (const link of links) {
    link.click();
    await new Promise(done => setTimeout(done, 20));
    const target = page.querySelector(":target");
    const top = target ? target.getBoundingClientRect().top : -1;
    if ("#" + (target || {}).id !== link.hash || top < -1 || top > frame.innerHeight)
      lost.push(link.hash);
  }
  const headings = [...page.querySelectorAll("h1, h2, h3, h4")].map(one => +one.tagName[1]);
  const said = {
    links: links.length, lost,
    overflow: root.scrollWidth - root.clientWidth,
    cut: [...page.querySelectorAll(".scroll")].filter(one => one.scrollWidth > one.clientWidth)
      .map(one => one.getAttribute("aria-label")),
    paper: frame.getComputedStyle(page.body).backgroundColor,
    skipped: headings.filter((level, i) => level > (headings[i - 1] || 0) + 1).length,
    unnamed: page.querySelectorAll(
      "img:not([alt]), svg:not([aria-label]):not([aria-hidden])").length,
    twice: [...page.querySelectorAll("[id]")].map(one => one.id)
      .filter((id, i, all) => all.indexOf(id) !== i),
  };
  document.body.append(document.createElement("pre"));
  document.querySelector("pre").textContent = JSON.stringify(said);
});
"""
"""Follows every link within the page, and measures what people would stumble over."""


@pytest.fixture(scope="module")
def picture() -> panels.Panel:
    image, labels = np.full((60, 80, 3), 120, np.uint8), np.zeros((60, 80), np.uint8)
    labels[20:40, 30:60] = 2
    layers = {"image": panels.photograph(image), "pseudo labels": labels}
    return panels.panel(LONG, "no pixel of cat", image, layers, ["cat", "dog"], [0], labels)


@pytest.fixture
def report(tmp_path: Path, make_run, picture: panels.Panel) -> Path:
    """A page with every section but that of missing files."""
    runs = [
        make_run(name, shift=shift, scores=scores_of(cat=(4, 0.9), dog=(2, 0.3)))
        for name, shift in (("a.0", 0), ("a.1", 0.1), (LONG, 0.2), ("c", -0.1), ("d.bound", 0.3))
    ]
    runs = [replace(run, places=(Place("Classifier", f"{run.name}/model.pt"),)) for run in runs]
    groups = (Group("Most suspicious", (picture, picture)),)
    splits = ("train", "val")
    galleries = [Gallery("a.0", s, (picture,) * 9, groups, 9, "pseudo labels") for s in splits]
    training = page.Training(support("train", 20, 20, "by hand"), runs)
    found = [Verdict("a", "val", "lowers quality", "train longer")]
    path = tmp_path / "report.html"
    path.write_text(page.render(FACTS, runs, galleries, training, found), encoding="utf-8")
    return path


def walked(report: Path, width: int, *options: str) -> dict:
    """What the browser says of the page in a frame of this width, after a walk along its links."""
    assert BROWSER is not None
    frame = f'<iframe src="report.html" width="{width}" height="900"></iframe>'
    outer = report.with_name("frame.html")
    outer.write_text(f"<!doctype html><body>{frame}<script>{WALK}</script></body>")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    command += ["--allow-file-access-from-files", "--virtual-time-budget=60000", *options]
    command += [f"--user-data-dir={report.parent}/profile", "--dump-dom", outer.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    errors = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    (said,) = re.findall("<pre>(.*?)</pre>", done.stdout)
    return {**json.loads(html.unescape(said)), "errors": errors}


@pytest.mark.parametrize(
    ("width", "dark"), [(1440, False), (1300, False), (390, False), (390, True)]
)
def test_the_page_in_a_browser(report: Path, width: int, dark: bool) -> None:
    options = ["--blink-settings=preferredColorScheme=0"] if dark else []
    said = walked(report, width, *options)
    assert said.pop("links") > 25
    # tables scroll on narrow screens alone
    assert not said.pop("cut") or width < 1000
    assert said == {
        "lost": [],
        "overflow": 0,
        "paper": "rgb(21, 24, 27)" if dark else "rgb(252, 252, 251)",
        "skipped": 0,
        "unnamed": 0,
        "twice": [],
        "errors": [],
    }
