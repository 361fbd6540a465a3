"""What a person does on the page, again and again."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.support.images import encoded, noise

LONG_WAIT = 30_000
"""Milliseconds: for what takes a worker's time."""
expect.set_options(timeout=15_000)
NASTY = "<img src=x onerror=document.title='taken'>.png"
HARMLESS = encoded(noise(40, 60))


def file(name: str = "noise.png", data: bytes = HARMLESS, media_type: str = "image/png") -> FilePayload:
    return {"name": name, "mimeType": media_type, "buffer": data}


def slow_file() -> FilePayload:
    """What keeps a worker busy for some seconds."""
    return file("slow.png", encoded(noise(990, 990)))


def photograph(width: int, height: int, **options: Any) -> bytes:
    """A JPEG of smooth colours and fine ones."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = 128 + 100 * np.sin(x / 90) * np.cos(y / 70)
    pixels = np.stack([x * (255 / width), y * (255 / height), waves], -1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def choose(page: Page, *files: FilePayload) -> None:
    page.locator("#files").set_input_files(list(files))


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def field(page: Page, name: str) -> Locator:
    """The field of a parameter, unfolded."""
    if not page.locator(f"[data-name={name}]").is_visible():
        page.locator("summary", has_text="More").click()
    return page.locator(f"[data-name={name}]")


def thumbs(page: Page) -> Locator:
    return page.locator("#strip .thumb")


def start(page: Page) -> None:
    button(page, "Find colours").click()


def is_finished(page: Page) -> None:
    """Wait until the result is seen."""
    expect(button(page, "Pin to compare").last).to_be_visible(timeout=LONG_WAIT)


def job_of(page: Page) -> str:
    """The id of the job that the address names."""
    page.wait_for_url("**/#/jobs/*")
    return page.url.rpartition("/")[2]


def make_slow(page: Page) -> None:
    """Have the next job take long: KMeans, never satisfied."""
    for name, value in (("n_clusters", 256), ("n_init", 100), ("max_iter", 300), ("tol", 0)):
        field(page, name).locator("input[type=number]").fill(str(value))


def found_wrong(page: Page) -> list[str]:
    """What axe-core has to say, of any weight."""
    violations = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}" for one in violations]


def drop(page: Page, files: Sequence[FilePayload]) -> None:
    """Drop files somewhere on the page, as a browser would."""
    page.evaluate(
        """files => {
            const carried = new DataTransfer();
            for (const {name, mimeType, bytes} of files) {
                carried.items.add(new File([new Uint8Array(bytes)], name, {type: mimeType}));
            }
            const target = document.querySelector('footer, header');
            for (const name of ['dragenter', 'dragover', 'drop']) {
                target.dispatchEvent(new DragEvent(name, {bubbles: true, cancelable: true, dataTransfer: carried}));
            }
        }""",
        [{"name": one["name"], "mimeType": one["mimeType"], "bytes": list(one["buffer"])} for one in files],
    )
