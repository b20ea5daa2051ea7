"""The page of a comparison, read and driven in a browser: from disk, by mouse and keyboard, narrow, wide and dark."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from ffhybrid.compare import CompareOptions, Results, compare
from ffhybrid.compare.clip import prepare
from ffhybrid.core import stock
from ffhybrid.core.images import png
from ffhybrid.options import EncodeOptions
from ffhybrid.panel import METRICS, PanelOptions
from ffhybrid.source.gop_planning import GopLimits
from ffhybrid.x265.options import X265Options
from support import clip, tool

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RATES = (50_000, 100_000)
OPTIONS = CompareOptions(
    bitrates=RATES,
    codecs=("x265", "x265-best"),
    encode=EncodeOptions(x265=X265Options(preset="ultrafast"), limits=GopLimits(length=12, scene_threshold=0)),
    frames=12,
    width=416,
    panel=PanelOptions(metrics=("oklab", "ssimulacra2", "vmaf", "psnr"), interval=4),
)
CONTRAST = 4.5
"""Of text and its ground at least (WCAG 2.2, level AA)."""
HANDLE = 28
"""Samples of the screen around the slider that it may cover."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A comparison of two codecs at two rates, with its page."""
    return compare(clip("bikes.mp4"), tmp_path_factory.mktemp("comparison"), options=OPTIONS)


@pytest.fixture(scope="module")
def folder(results: Results) -> Path:
    return results.path.parent


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "index.html").read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, or skip."""
    chromium = tool("chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (ffhybrid[test])")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


Open = Callable[..., "Page"]


@pytest.fixture
def opened(browser: Browser, folder: Path) -> Iterator[Open]:
    """A function that opens the page from disk; in the end nothing may have been complained of on the console."""
    contexts, complaints = [], []

    def open_page(*, width: int = 1600, scheme: str = "light", on_request: Callable[[str], None] | None = None) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if on_request:
            page.on("request", lambda request: on_request(request.url))
        page.goto((folder / "index.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def pixels(png: bytes) -> np.ndarray:
    with av.open(io.BytesIO(png)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)


def place_of(page: Page, selector: str) -> dict[str, int]:
    """Where an element is in the window, in whole samples of the screen, once it has been scrolled there."""
    page.locator(selector).first.scroll_into_view_if_needed()
    box = page.locator(selector).first.bounding_box()
    assert box
    return {name: round(value) for name, value in box.items()}  # type: ignore[call-overload]


def stage(page: Page) -> np.ndarray:
    """What is seen of the two codecs, without the mark and the names above it."""
    page.locator("#mark").set_checked(False)
    page.wait_for_function("[...document.images].every(image => image.complete)")
    return pixels(page.screenshot(clip=place_of(page, "#stage")))[32:]  # type: ignore[arg-type]


def twofold(folder: Path, page: Page, side: str) -> np.ndarray:
    """Read the still that a side shows, and make a square of 2x2 of each of its samples."""
    path = folder / str(page.locator(f"#{side}-image").get_attribute("src"))
    return pixels(path.read_bytes()).repeat(2, 0).repeat(2, 1)[32:]


def share(page: Page) -> int:
    return int(page.get_by_role("slider").get_attribute("aria-valuenow") or -1)


def test_the_page_leads_with_codecs_by_metrics_and_marks_the_best(results: Results, html: str) -> None:
    assert html.index('id="standings"') < html.index('class="viewer"') < html.index("<svg")
    table = html[html.index('<div class="pooled mean">') : html.index('<div class="pooled worst-frames">')]
    names = re.findall(r'<th scope="col">([^<]*)', table)
    titles = [METRICS[name].title for name in ("oklab", "ssimulacra2", "vmaf", "psnr")]
    assert names == ["codec", *titles, "of target"]
    assert table.count("↓ lower") == 1
    assert table.count("↑ higher") == 3
    for rate in RATES:
        points = [point for point in results.selected() if point.bitrate == rate]
        best = METRICS["oklab"].text(min(point.mean("oklab") for point in points))
        assert f'<td class="best">{best}<span class="hidden"> best</span></td>' in table
    assert "Not taken, since -metrics did not ask for them or the frames are too small: LPIPS alex" in html


def test_what_is_missing_is_named_with_the_command_that_brings_it(results: Results, folder: Path, html: str) -> None:
    from ffhybrid.compare.report import write_report

    assert "the command that brings it" not in html
    shutil.copytree(folder, folder.with_name("missing"))
    found = Results(folder.with_name("missing") / "results.json", results.clip, results.points, results.shown)
    page = write_report(found, [], gop_length=12, missing={"dists": "pip install 'dists'"}).read_text()
    assert "<dt>DISTS</dt><dd><code>pip install &#39;dists&#39;</code></dd>" in page


def test_the_page_names_no_other_site(html: str) -> None:
    addresses = re.findall(r"(?:src|href|action)\s*=\s*[\"']([^\"']*)", html)
    addresses += re.findall(r"url\(\s*[\"']?([^)\"']*)", html)
    assert all(address.startswith(("#", "data:")) for address in addresses)
    names = re.sub(r"xmlns(:\w+)?=\"[^\"]*\"", "", html)
    assert "://" not in names
    assert "@import" not in names
    assert not re.search(r"<(iframe|object|embed|base)\b", names)
    assert not re.search(r"<script[^>]*\ssrc", names)


def test_the_page_has_a_plot_a_metric_whose_identifiers_do_not_collide(html: str) -> None:
    assert html.count("<svg") == len(OPTIONS.panel.metrics)
    identifiers = re.findall(r"\sid=\"([^\"]*)\"", html)
    clips = [name for name in identifiers if name.startswith(("p", "m")) and len(name) == 11]
    assert len(set(clips)) == len(clips) > 0


def test_views_are_of_every_pair_and_the_greatest_difference_comes_first(html: str, folder: Path) -> None:
    found: dict[str, Any] = json.loads(re.search(r'id="views">(.*?)</script>', html).group(1))  # type: ignore[union-attr]
    assert found["names"] == ["source", "x265", "x265-best"]
    used = set()
    for rate in found["rates"]:
        gains: dict[tuple[str, ...], list[float]] = {}
        for view in rate["views"]:
            one, other = view["errors"].values()
            gains.setdefault(tuple(view["errors"]), []).append(abs(one - other))
            assert view["frame"] % 4 == 0
            used |= set(view["images"].values())
        assert set(gains) == {("source", "x265"), ("source", "x265-best"), ("x265", "x265-best")}
        assert all(values == sorted(values, reverse=True) for values in gains.values())
    assert {f"stills/{path.name}" for path in (folder / "stills").iterdir()} == used


def test_stills_have_the_samples_of_the_frame_and_place_that_they_name(folder: Path, tmp_path: Path) -> None:
    source = prepare(clip("bikes.mp4"), tmp_path, frames=OPTIONS.frames, width=OPTIONS.width, height=None)
    stills = list((folder / "stills").glob("source-*.png"))
    for path in stills:
        frame, x, y = map(int, path.stem.split("-")[1:])
        (picture,) = stock.pictures(source.path, source.spec, [frame])
        whole, still = pixels(png(picture, source.spec)), pixels(path.read_bytes())
        rows, columns = still.shape[:2]
        assert (rows, columns) == (176, 320)
        # Chroma is interpolated, and at the edges of a still it has no neighbours.
        assert np.array_equal(still[4:-4, 4:-4], whole[y : y + rows, x : x + columns][4:-4, 4:-4])
    assert stills


def test_stills_of_an_earlier_run_are_removed(folder: Path) -> None:
    again = folder.with_name("again")
    shutil.copytree(folder, again)
    (again / "stills" / "x265-7-0-0-0.png").write_bytes(b"old")
    compare(clip("bikes.mp4"), again, options=OPTIONS)
    assert {path.name for path in (again / "stills").iterdir()} == {path.name for path in (folder / "stills").iterdir()}


def test_opened_from_disk_nothing_is_fetched_from_elsewhere(opened: Open, folder: Path) -> None:
    requests: list[str] = []
    page = opened(on_request=requests.append)
    page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth)")
    assert sum(url.endswith(".png") for url in requests) == 3
    assert all(url.startswith((folder.as_uri(), "data:")) for url in requests)


def test_the_slider_goes_by_keyboard_from_one_codec_to_the_other(opened: Open, folder: Path) -> None:
    page = opened()
    slider = page.get_by_role("slider")
    slider.focus()
    assert (share(page), slider.get_attribute("aria-valuetext")) == (50, "50 % x265, 50 % x265-best")
    page.keyboard.press("End")
    assert share(page) == 100
    assert np.array_equal(stage(page)[:, :-HANDLE], twofold(folder, page, "left")[:, :-HANDLE])
    slider.press("Home")
    assert share(page) == 0
    assert np.array_equal(stage(page)[:, HANDLE:], twofold(folder, page, "right")[:, HANDLE:])
    for key, expected in (("ArrowRight", 1), ("PageUp", 11), ("ArrowLeft", 10), ("PageDown", 0), ("ArrowLeft", 0)):
        slider.press(key)
        assert share(page) == expected


def test_the_slider_goes_by_mouse(opened: Open, folder: Path) -> None:
    page = opened()
    box = place_of(page, "#stage")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 50)
    page.mouse.up()
    assert share(page) == 75
    assert page.evaluate("document.activeElement.id") == "slider"
    page.mouse.move(box["x"] + 10, box["y"] + 50)
    assert share(page) == 75, "it goes on without a button"
    seen, edge = stage(page), round(box["width"] * 0.75)
    left, right = (twofold(folder, page, side) for side in ("left", "right"))
    assert np.array_equal(seen[:, : edge - HANDLE], left[:, : edge - HANDLE])
    assert np.array_equal(seen[:, edge + HANDLE :], right[:, edge + HANDLE :])
    assert not np.array_equal(left, right)


def test_any_two_codecs_or_the_source_are_chosen_and_never_one_twice(opened: Open) -> None:
    page = opened()
    assert page.locator("#beside").is_visible()
    page.locator("#left").select_option("x265-best")
    assert [page.locator(f"#{side}-tag").inner_text() for side in ("left", "right")] == ["x265-best", "x265"]
    page.locator("#right").select_option("source")
    assert not page.locator("#beside").is_visible()
    assert re.match(
        r"Frame \d+ \(\d\.\d\d s\), 64x64 samples at column \d+, row \d+\. Oklab error there: x265-best \d+\.\d\d\.$",
        page.locator("#facts").inner_text(),
    )
    before = page.locator("#left-image").get_attribute("src")
    page.locator("#rate").select_option("100 kbit/s")
    assert page.locator("#left-image").get_attribute("src") != before


def test_one_way_of_pooling_is_seen_at_a_time(opened: Open) -> None:
    page = opened()
    tables = page.locator(".pooled")
    assert tables.count() == 3
    assert [tables.nth(index).is_visible() for index in range(3)] == [True, False, False]
    page.get_by_role("radio", name="worst 5 % of 64x64 places").check()
    assert [tables.nth(index).is_visible() for index in range(3)] == [False, False, True]


@pytest.mark.parametrize("width", [400, 1600])
def test_no_page_is_wider_than_its_window(opened: Open, width: int) -> None:
    page = opened(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert (
        page.evaluate(
            "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, .layer, .hidden, svg')"
            " && e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML.slice(0, 80))"
        )
        == []
    )


def test_on_a_narrow_page_the_place_is_in_view_at_twofold_size(opened: Open) -> None:
    page = opened(width=400)
    visible, place = (place_of(page, name) for name in ("#stage", "#stage .place"))
    assert visible["width"] < 400 < page.evaluate("document.getElementById('left-image').getBoundingClientRect().width")
    assert (place["width"], place["height"]) == (128, 128)
    assert visible["x"] <= place["x"]
    assert place["x"] + place["width"] <= visible["x"] + visible["width"]


def test_keyboard_focus_is_visible_everywhere(opened: Open) -> None:
    page = opened()
    for _ in range(page.locator("select, input, [tabindex='0']").count()):
        page.keyboard.press("Tab")
        seen, handle = page.evaluate(
            "[undefined, '::after'].map(part => getComputedStyle(document.activeElement, part)).map(style =>"
            " parseFloat(style.outlineWidth))"
        )
        assert max(seen, handle) >= 2, page.evaluate("document.activeElement.outerHTML.slice(0, 80)")


GROUNDS = """() => {
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = rgb => rgb.slice(0, 3).map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = element => {
    for (; element; element = element.parentElement) {
      const found = parse(getComputedStyle(element).backgroundColor);
      if (found.length < 4 || found[3] > 0.7) return found;
    }
  };
  const hasText = element => !element.matches('script, style, option, .hidden') &&
    [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll('body *')].filter(hasText).map(element => {
    const style = getComputedStyle(element);
    const ink = element.closest('svg') && style.fill !== 'none' ? style.fill : style.color;
    const [low, high] = [parse(ink), ground(element)].map(luminance).sort((a, b) => a - b);
    return [(high + 0.05) / (low + 0.05), element.outerHTML.slice(0, 80)];
  }).sort((a, b) => a[0] - b[0]);
}"""


def test_dark_pages_are_dark_and_all_text_stands_out_in_either(opened: Open) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        page = opened(scheme=scheme)
        grounds[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        contrasts = page.evaluate(GROUNDS)
        assert len(contrasts) > 100
        assert contrasts[0][0] >= CONTRAST, (scheme, contrasts[0])
    assert grounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 23, 26)"}
