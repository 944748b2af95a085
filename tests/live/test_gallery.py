"""The demo's page, in a real Chromium: what it shows is true, it hides nothing, and everybody can use it.

Screenshots of it are kept in target/test-artefacts/.
"""

import http.client
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, UnidentifiedImageError
from playwright.sync_api import Browser, Page, Route

import browser as browsers
import contract
import gallery
import leaks
import pictures
import wire
from browser import Visit, visit
from conftest import RESIZER, ROOT
from stack import SCRATCH, Stack
from wire import request

ARTEFACTS = ROOT / "target" / "test-artefacts"
POLICY = json.loads((ROOT / "envoy" / "policy.json").read_text())
WIDTHS = (320, 375, 768, 1280)
NOT_MADE = {("imaginary", "spinner.gif"): "upstream-failed"}  # unless it may choose another format

# The page's own account of each of its pictures.
FIGURES = """() => [...document.querySelectorAll("figure")].map((figure) => {
  const image = figure.querySelector("img"), data = figure.querySelector("data");
  return {
    url: image.src, alt: image.alt, natural: [image.naturalWidth, image.naturalHeight],
    said: [Number(image.getAttribute("width")), Number(image.getAttribute("height"))],
    original: Number(figure.closest("article").dataset.original), bytes: data && Number(data.value),
    texts: [...figure.querySelectorAll("figcaption > *")].map((line) => line.textContent),
  };
})"""
ROWS = """() => [...document.querySelectorAll("tbody tr")].map((row) => ({
  ...row.dataset, good: row.classList.contains("good"), verdict: row.querySelector(".verdict").textContent,
  answer: row.querySelector(".answer").textContent,
}))"""
COLOUR = "(element) => getComputedStyle(element).color"
# Texts that run into each other, which no scroll bar tells of.
COLLISIONS = """() => {
  const boxes = [...document.querySelectorAll("figcaption > *, h3, article p, .sums dd")].map((element) => {
    const range = document.createRange();
    range.setStart(element, 0);
    range.setEndBefore(element.querySelector(".unseen") ?? element.appendChild(document.createTextNode("")));
    return [range.getBoundingClientRect(), element.innerText];
  }).filter(([box]) => box.width);
  const hits = [];
  boxes.forEach(([one, text], index) => boxes.slice(index + 1).forEach(([other, more]) => {
    if (one.left < other.right && other.left < one.right && one.top < other.bottom - 3 && other.top < one.bottom - 3)
      hits.push(`${text} | ${more}`);
  }));
  return hits;
}"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The demo's stack, page and all."""
    with Stack(resizer=RESIZER, gallery=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def opened(stack: Stack, chromium: Browser) -> Iterator[Visit]:
    """The page on a desktop, opened once for the tests that only look."""
    with visit(chromium, f"{stack.edge_url}/") as seen:
        yield seen


def images() -> dict[str, Path]:
    """Every sample picture that is one, as Pillow sees it."""
    found = {}
    for file in sorted(pictures.make(SCRATCH / "pictures").rglob("*.*")):
        try:
            with Image.open(file):
                found[str(file.relative_to(SCRATCH / "pictures"))] = file
        except (UnidentifiedImageError, IsADirectoryError):
            pass
    return found


def keep(page: Page, name: str) -> None:
    """A screenshot, as an artefact of the test."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"gallery-{name}.png", full_page=True)


def ask(stack: Stack, url: str, accept: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", stack.ports.edge, timeout=60)
    try:
        connection.request("GET", urlsplit(url).path, headers={"Accept": accept})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def test_every_preset_of_every_picture_is_shown_as_it_was_served(stack: Stack, opened: Visit) -> None:
    figures = opened.page.evaluate(FIGURES)
    accepts = {url: made.all_headers()["accept"] for url, made in opened.pictures().items()}
    originals = images()
    wanted = {(preset, name) for preset in POLICY["presets"] for name in originals}
    assert len(originals) > 10 and len(figures) == len(wanted)
    shown = set()
    for figure in figures:
        preset, _, name = urlsplit(figure["url"]).path.removeprefix("/images/").partition("/")
        name = unquote(name)
        shown.add((preset, name))
        response, body = ask(stack, figure["url"], accepts[figure["url"]])
        if response.status != 200 and (RESIZER, name) in NOT_MADE:
            assert figure["texts"][2:4] == ["not made", NOT_MADE[RESIZER, name]], figure
            continue
        with Image.open(io.BytesIO(body)) as picture:
            drawn, kind = list(picture.size), picture.format
        original = originals[name].stat().st_size
        less = original - len(body)
        assert figure["natural"] == figure["said"] == drawn, figure
        assert (figure["bytes"], figure["original"]) == (len(body), original), figure
        assert int(response.headers["content-length"]) == len(body)
        texts = figure["texts"]
        assert texts[1] == f"{drawn[0]} × {drawn[1]}", figure
        assert texts[2].lower() == f"{gallery.volume(len(body))} {kind}".lower(), figure
        assert texts[3] == f"{gallery.volume(abs(less))} {'more' if less < 0 else 'saved'}", figure
        assert figure["alt"].endswith(f"({preset})") and len(figure["alt"]) > 20, figure
    assert shown == wanted
    whole, served = (sum(figure[key] for figure in figures if figure["bytes"]) for key in ("original", "bytes"))
    assert opened.page.inner_text("#served") == gallery.volume(served)
    assert opened.page.inner_text("#saved") == gallery.volume(whole - served)
    everything = sum(figure["original"] for figure in figures)
    assert gallery.volume(everything) in opened.page.inner_text(".sums")


def test_every_attempt_is_refused_for_its_reason(stack: Stack, opened: Visit) -> None:
    rows = opened.page.evaluate(ROWS)
    assert len({row["reason"] for row in rows}) == len(rows) >= 9
    for row in rows:
        answer = wire.ask(stack.ports.edge, request(row["path"], method=row["method"]))
        assert (answer.status, answer.reason) == (int(row["status"]), row["reason"]), f"{row}\n{answer}"
        assert row["answer"] == f"{answer.status} {answer.reason}", row
        assert row["good"] and row["verdict"] == "refused, as it should be", row
    assert opened.page.inner_text("#refusals") == f"{len(rows)} of {len(rows)}"
    assert "Every one was refused" in opened.page.inner_text("#outcome")


def test_nothing_is_asked_of_others_and_nothing_is_wrong(stack: Stack, opened: Visit) -> None:
    places = {urlsplit(made.url)[:2] for made in opened.requests}
    assert places == {("http", f"127.0.0.1:{stack.ports.edge}")}
    assert not opened.errors
    attempts = {row["path"] for row in opened.page.evaluate(ROWS)}
    drawn = Counter(made.url for made in opened.requests if made.resource_type == "image")
    for message in opened.console:  # Chromium itself says that an attempt was refused, and that a picture was too late
        url = message.location["url"]
        asked = url.removeprefix(stack.edge_url)
        known = asked in attempts or (RESIZER, asked.rpartition("/")[2]) in NOT_MADE or drawn[url] > 1
        assert known and message.text.startswith("Failed to load resource"), f"{message.text} ({asked})"
    assert opened.page.evaluate("window.forbidden") == []
    assert leaks.found_in(opened.page.content().encode(), leaks.secrets_of(stack)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_and_is_accessible(width: int, scheme: str, opened: Visit) -> None:
    page = opened.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    keep(page, f"{width}-{scheme}")
    over = """() => [...document.querySelectorAll("body *:not(.unseen)")].filter((element) =>
      element.getBoundingClientRect().right > innerWidth + 0.5).map((element) => element.outerHTML.slice(0, 120))"""
    assert (page.evaluate("document.documentElement.scrollWidth"), page.evaluate(over)) == (width, [])
    assert page.evaluate(COLLISIONS) == []
    checks = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    results = Axe().run(page, options={"runOnly": checks})
    assert results.violations_count == 0, results.generate_report()
    passed = {rule["id"] for rule in results.response["passes"]}
    assert passed > {"color-contrast", "image-alt", "heading-order", "landmark-one-main", "region", "target-size"}


def test_nothing_moves_while_it_loads(stack: Stack, chromium: Browser, opened: Visit) -> None:
    assert sum(by for by, _ in opened.moved) < 0.01, opened.moved
    phone = {"is_mobile": True, "has_touch": True, "device_scale_factor": 2}
    with visit(chromium, f"{stack.edge_url}/", 375, opened.replay, **phone) as seen:
        assert sum(by for by, _ in seen.moved) < 0.01, seen.moved
        keep(seen.page, "phone")


def test_without_scripts_the_pictures_and_texts_are_there(stack: Stack, chromium: Browser) -> None:
    with visit(chromium, f"{stack.edge_url}/", java_script_enabled=False) as seen:
        page = seen.page
        keep(page, "without-scripts")
        answered = {url: made.response().status for url, made in seen.pictures().items()}
        assert set(answered.values()) == {200} and len(answered) == len(POLICY["presets"]) * len(images())
        assert page.locator("noscript p").is_visible()
        first = page.locator("article").first
        assert "Original: 4000 × 3000, 1.27 MB" in first.inner_text()
        assert "must be" in page.locator("tbody tr").first.inner_text()
        assert page.locator(".verdict").first.evaluate(COLOUR) == "rgb(89, 97, 107)", "grey: nobody has asked"
        assert "404 unknown-preset" in page.locator("tbody tr").first.inner_text()


def test_a_picture_that_should_not_be_served_is_an_alarm(stack: Stack, chromium: Browser, opened: Visit) -> None:
    def serve(route: Route) -> None:
        route.fulfill(status=200, content_type="image/jpeg", body=b"the original")

    def answer(status: int, reason: str) -> Callable[[Route], None]:
        return lambda route: route.fulfill(status=status, headers={"x-pinhole-reason": reason})

    def before(page: Page) -> None:
        opened.replay(page)
        page.route("**/images/original/*", serve)
        page.route("**/strict/*?width=5000", answer(400, "unknown-option"))
        page.route("**/small/*?width=4000", answer(403, "unknown-option"))
        page.route("**/drawing.svg", lambda route: route.abort())

    with visit(chromium, f"{stack.edge_url}/", before=before) as seen:
        verdicts = {row["path"]: row["verdict"] for row in seen.page.evaluate(ROWS) if not row["good"]}
        assert verdicts == {
            "/images/original/landscape.jpg": "served, which must not be",
            "/strict/landscape.jpg?width=5000": "refused, but not as it should be",
            "/images/small/landscape.jpg?width=4000": "refused, but not as it should be",
            "/images/small/drawing.svg": "no answer",
        }
        keep(seen.page, "alarm")
        colours = [seen.page.locator(f"tr.{kind} .verdict").first.evaluate(COLOUR) for kind in ("good", "bad")]
        assert colours == ["rgb(23, 101, 58)", "rgb(168, 32, 26)"], "green and red"
        assert seen.page.inner_text("#refusals") == "5 of 9"
        assert seen.page.inner_text("#outcome").startswith("Something is wrong")


def test_a_picture_that_fails_is_asked_for_again(stack: Stack, chromium: Browser, opened: Visit) -> None:
    asked: list[str] = []

    def fail(route: Route) -> None:
        path = urlsplit(route.request.url).path
        asked.append(path)
        if path.startswith("/images/medium/") and asked.count(path) > 1:
            route.continue_()
        else:
            route.fulfill(status=504, headers={"x-pinhole-reason": "upstream-timeout", "cache-control": "no-store"})

    def before(page: Page) -> None:
        opened.replay(page)
        page.route("**/images/*/corners.png", fail)  # the last that was added is asked first

    with visit(chromium, f"{stack.edge_url}/", before=before) as seen:
        texts = {
            urlsplit(figure["url"]).path: figure["texts"][2:4]
            for figure in seen.page.evaluate(FIGURES)
            if figure["url"].endswith("/corners.png")
        }
        assert texts["/images/small/corners.png"] == ["not made", "upstream-timeout"]
        assert texts["/images/medium/corners.png"][0].endswith(" PNG")


def test_a_browser_that_does_not_tell_formats_is_asked(stack: Stack, chromium: Browser, opened: Visit) -> None:
    def before(page: Page) -> None:
        opened.replay(page)
        page.add_init_script("delete PerformanceResourceTiming.prototype.contentType")

    with visit(chromium, f"{stack.edge_url}/", before=before) as seen:
        kinds = {figure["texts"][2].rpartition(" ")[2] for figure in seen.page.evaluate(FIGURES)}
        assert {"JPEG", "PNG"} < kinds <= {"JPEG", "PNG", "WebP", "AVIF", "GIF"}
        assert [made.method for made in seen.requests if made.url.endswith("/large/badge.png")] == ["GET", "HEAD"]


def test_the_keyboard_reaches_everything_and_shows_where_it_is(opened: Visit) -> None:
    page = opened.page
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate("document.activeElement.blur()")
    for wanted in ("Skip the pictures", "9 of 9", "small size of landscape.jpg", "medium size of landscape.jpg"):
        page.keyboard.press("Tab")
        focused = page.evaluate("""() => {
          const element = document.activeElement, style = getComputedStyle(element);
          return [element.textContent, style.outlineStyle, style.outlineWidth];
        }""")
        assert focused == [wanted, "solid", "2px"]


def test_the_page_is_at_one_address_only(stack: Stack) -> None:
    """It comes from Envoy, without pinhole, so all that protects it is asked for here."""
    page = wire.ask(stack.ports.edge, request("/"))
    assert page.status == 200 and page.body == (stack.directory / "gallery.html").read_bytes()
    assert page.one("content-type") == "text/html; charset=utf-8"
    assert page.one("cache-control") == "no-store" and page.one("x-content-type-options") == "nosniff"
    assert page.one("referrer-policy") == "same-origin"
    allowed = dict(part.split(" ", 1) for part in (page.one("content-security-policy") or "").split("; "))
    assert allowed["default-src"] == "'none'" and allowed["img-src"] == allowed["connect-src"] == "'self'"
    for part in ("style-src", "script-src"):
        assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", allowed[part])
    head = wire.ask(stack.ports.edge, request("/", method="HEAD"))
    assert (head.status, head.body) == (200, b"")
    assert {name: value for name, value in head.headers if name != "date"} == {
        name: value for name, value in page.headers if name != "date"
    }
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = wire.ask(stack.ports.edge, request("/", method=method))
        contract.check_refused(answer, stack, "method-not-allowed", 405)
    for path in ("/index.html", "/gallery.html", "/small", "/images/"):
        contract.check_refused(wire.ask(stack.ports.edge, request(path)), stack, "no-route", 404)
    gate = wire.ask(stack.ports.gate, request("/"))
    contract.check_refused(gate, stack, "not-sealed", 403)
