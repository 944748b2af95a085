"""Headless Chromium, and one visit of the demo's page in it with everything that happened meanwhile.

Chromium is the machine's own (.make/chromium); playwright only drives it. Where either cannot run, the tests that need
it skip with the reason. What the page must show is not known here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, Route, sync_playwright

from programs import ProgramError, installed

# Nothing that Chromium asks by itself may be taken for a request of the page.
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"]
PATIENCE = 120_000  # milliseconds for all pictures, on a machine that does much else

# Before any script of the page: what the policy of its contents forbade, and what moved.
WATCH = """
window.forbidden = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.forbidden.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
window.moved = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    window.moved.push([entry.value, entry.sources.map((source) => source.node?.outerHTML?.slice(0, 80))]);
}).observe({ type: "layout-shift", buffered: true });
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    try:
        program = installed("chromium")
    except ProgramError as error:
        pytest.skip(str(error))
    with sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=program, args=QUIET)
        except Error as error:
            pytest.skip(f"{program} does not start: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page that was opened, and what it said and asked for."""

    page: Page
    console: list[ConsoleMessage] = field(default_factory=list)
    errors: list[Error] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    moved: list = field(default_factory=list)  # while it was loading: by how much, and what

    def pictures(self) -> dict[str, Request]:
        """What was asked for its pictures, by URL."""
        return {made.url: made for made in self.requests if made.resource_type == "image"}

    def replay(self, page: Page) -> None:
        """Lets another page have the pictures that this one got, so that they are not made again."""
        kept = {url: made.response() for url, made in self.pictures().items()}
        bodies = {url: response.body() for url, response in kept.items()}

        def answer(route: Route) -> None:
            url, kind = route.request.url, route.request.resource_type
            if url in kept and (kind == "image" or route.request.method == "HEAD"):
                route.fulfill(status=200, content_type=kept[url].headers["content-type"], body=bodies[url])
            else:
                route.continue_()

        page.route("**/images/**", answer)


@contextmanager
def visit(
    browser: Browser,
    url: str,
    width: int = 1280,
    before: Callable[[Page], object] = lambda page: None,
    **options: object,
) -> Iterator[Visit]:
    """Opens the page as wide as that, and waits until its script has everything; without scripts, for its pictures.

    `before` may do something to the page before it is opened. The options are those of a browser's context.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    context.set_default_timeout(PATIENCE)
    try:
        page = context.new_page()
        seen = Visit(page)
        # By lambdas: playwright cannot mark a builtin method as its own.
        page.on("console", lambda message: seen.console.append(message))
        page.on("pageerror", lambda error: seen.errors.append(error))
        page.on("request", lambda made: seen.requests.append(made))
        page.add_init_script(WATCH)
        before(page)
        page.goto(url, wait_until="load")
        if options.get("java_script_enabled", True):
            page.wait_for_selector("main[aria-busy=false]")
            seen.moved = page.evaluate("window.moved")
        yield seen
    finally:
        context.close()
