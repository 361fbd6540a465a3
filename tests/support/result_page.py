"""A page that shows results and nothing else: the result's own modules, on the service's API, in Debian's Chromium."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Route

FILES = Path(__file__).parents[2] / "api" / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
)
_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>A result</title><link rel="icon" href="/page/icon.svg"><link rel="stylesheet" href="/page/test.css">
<script type="module" src="/page/test.js"></script></head>
<body><main><h1>A result</h1>
<div id="first" class="result"></div><div id="second" class="result"></div></main></body></html>"""
# What the page around gives a result: names of colours and sizes.
_CSS = """:root { color-scheme: light dark;
  --ground: light-dark(#f4f4f4, #161616); --panel: light-dark(#fff, #1f1f1f); --hover: light-dark(#e9e9e9, #2c2c2c);
  --line: light-dark(#d2d2d2, #3c3c3c); --edge: light-dark(#868686, #7c7c7c); --ink: light-dark(#1a1a1a, #ececec);
  --quiet: light-dark(#595959, #a9a9a9); --backdrop: light-dark(#777, #444); --on-backdrop: #fff;
  --small: 13px; --normal: 15px; --large: 20px; --mono: "DejaVu Sans Mono", monospace;
  --frame-height: clamp(240px, calc(100dvh - 320px), 640px); }
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; padding: 12px; background: var(--ground); color: var(--ink);
  font: var(--normal)/20px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
button { min-height: 32px; padding: 4px 12px; border: 1px solid var(--edge); border-radius: 4px;
  background: var(--panel); font: inherit; color: inherit; }
button[aria-pressed="true"] { border-color: var(--ink); box-shadow: inset 0 0 0 1px var(--ink); }
:focus-visible { outline: 2px solid var(--ink); outline-offset: 2px; }
@media (max-width: 760px) { :root { --frame-height: clamp(200px, 44dvh, 420px); } }
"""
_JS = """import { showResult } from "./result/show.js";

const api = { json: async (href) => (await fetch(href)).json(), blob: async (href) => (await fetch(href)).blob() };
const shown = {};
window.asked = [];
window.show = async (place, id, picture, settings) => {
  const job = await api.json(`/v1/jobs/${id}`);
  const finished = { job, picture: picture && await api.blob(picture), settings, api };
  shown[place] = showResult(document.getElementById(place), finished, (changes) => window.asked.push(changes));
};
window.shut = (place) => shown[place].close();
document.documentElement.dataset.ready = "";
"""
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_MADE = {
    "/": ("text/html", _HTML),
    "/page/test.css": ("text/css", _CSS),
    "/page/test.js": ("text/javascript", _JS),
    "/page/icon.svg": ("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg"/>'),
}


class ResultPage:
    """A page of the browser, on which results are shown in two places."""

    page: Page
    trouble: list[str]

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self._context, self._origin = context, origin
        self._pictures: dict[str, bytes] = {}
        self.open()

    def open(self) -> None:
        """A new page with nothing on it, and nothing said so far; what the one before still asks for is cut off."""
        for left in self._context.pages:
            left.close()
        self.page, self.trouble = page, trouble = self._context.new_page(), []
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("requestfailed", lambda request: trouble.append(f"{request.url} {request.failure}"))
        page.on("request", self._stays_here)
        page.route(lambda url: url.startswith(self._origin) and "/v1/" not in url, self._serve)
        page.goto(f"{self._origin}/")
        page.locator("html[data-ready]").wait_for(state="attached")

    def show(
        self, job: dict[str, Any], picture: bytes | None, settings: dict[str, Any] | None = None, place: str = "first"
    ) -> Locator:
        """Show a job that succeeded, of `picture`, and wait until that is drawn."""
        address = None
        if picture is not None:
            address = f"/pictures/{len(self._pictures)}"
            self._pictures[address] = picture
        self.page.evaluate(
            "([place, id, picture, settings]) => window.show(place, id, picture, settings)",
            [place, job["id"], address, job["params"] if settings is None else settings],
        )
        shown = self.page.locator(f"#{place}")
        shown.locator(".picture-stage.drawn").wait_for()
        return shown

    def close(self, place: str = "first") -> None:
        self.page.evaluate("place => window.shut(place)", place)

    @property
    def clipboard(self) -> str:
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        return text

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What was asked for by the results that were shown."""
        found: list[dict[str, Any]] = self.page.evaluate("window.asked")
        return found

    def _stays_here(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "blob:", "data:")):
            self.trouble.append(f"asked another host: {request.url}")

    def _serve(self, route: Route) -> None:
        path = route.request.url.removeprefix(self._origin).partition("?")[0]
        file = FILES / path.removeprefix("/page/")
        if path in self._pictures:
            route.fulfill(body=self._pictures[path], content_type="application/octet-stream")
        elif path in _MADE:
            kind, text = _MADE[path]
            route.fulfill(body=text, content_type=kind, headers={"Content-Security-Policy": POLICY})
        elif path.startswith("/page/") and file.is_file():
            headers = {"Content-Security-Policy": POLICY}
            route.fulfill(body=file.read_bytes(), content_type=_TYPES[file.suffix], headers=headers)
        else:
            route.fulfill(status=404)


def boxes(found: Locator) -> np.ndarray:
    """Left, top, right and bottom of all elements, f64[n, 4]."""
    script = "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.top, box.right, box.bottom])"
    return np.array(found.evaluate_all(script))


def colors_of(found: Locator) -> list[str]:
    """The background of each element, in hex."""
    script = """all => all.map(one => '#' + getComputedStyle(one).backgroundColor.match(/\\d+/g).slice(0, 3)
        .map(value => Number(value).toString(16).padStart(2, '0')).join(''))"""
    colors: list[str] = found.evaluate_all(script)
    return colors


@contextmanager
def result_page(browser: Browser, origin: str, **options: Any) -> Iterator[ResultPage]:
    """The page in a window of its own; `options` are the window's, as Playwright's new_context takes them."""
    context = browser.new_context(**options)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield ResultPage(context, origin)
    context.close()
