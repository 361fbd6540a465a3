"""The README's two screenshots of the page, made anew: `python -m tests.page.pictures`."""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.page.hands import button, choose, field, file, is_finished, start
from tests.support.chromium import opened
from tests.support.images import photograph
from tests.support.serving import starting

FOLDER = Path(__file__).parents[2] / "docs" / "images"
MOST_BYTES = 300_000


def keep(page: Page, name: str) -> None:
    """What is seen of the page, as a small file."""
    target = FOLDER / name
    page.mouse.move(0, 0)
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(target, "WEBP", quality=86, method=6)
    assert target.stat().st_size < MOST_BYTES
    sys.stdout.write(f"{target}\n")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        starting(Path(folder)) as serve,
        opened(serve("--workers", "1").url) as page,
    ):
        page.set_viewport_size({"width": 1280, "height": 860})
        choose(page, file("china.jpg", photograph("china.jpg").read_bytes(), "image/jpeg"))
        field(page, "n_clusters").locator("input").fill("8")
        start(page)
        is_finished(page)
        expect(page.locator("#stage .drawn").last).to_be_visible()
        keep(page, "page-result.webp")
        button(page, "Pin to compare").click()
        button(page, "Density: HDBSCAN").click()
        start(page)
        expect(page.locator("#stage .side").last.locator(".title")).to_contain_text("hdbscan")
        expect(page.locator("#stage .drawn")).to_have_count(2)
        page.emulate_media(color_scheme="dark")
        keep(page, "page-compare.webp")


if __name__ == "__main__":
    main()
