"""How pictures come in, and what is said of them before anything is sent."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import LIMITS, Heard
from tests.page.hands import HARMLESS, NASTY, button, choose, drop, file, is_finished, photograph, start, thumbs
from tests.support.images import encoded, noise
from tests.support.processes import Service


def test_one_thing_asks_for_attention(page: Page) -> None:
    """Before the first picture there is a place to drop one, and three samples; no settings."""
    expect(page.get_by_role("heading", name="Drop a picture anywhere")).to_be_visible()
    expect(page.locator("#samples button")).to_have_count(3)
    expect(page.locator("#work")).to_be_hidden()


@pytest.mark.parametrize("name", ["Hills", "Tiles", "Beads"])
def test_samples(page: Page, name: str) -> None:
    """A sample is a picture like any other, without the network."""
    button(page, name).click()
    expect(page.locator("#stage .title")).to_contain_text("960 × 640 · 0.6 megapixels")
    expect(page.locator("#stage canvas")).to_be_visible()


def test_several_ways_in(page: Page) -> None:
    """Files that are chosen, dropped on whatever part of the page, or pasted, stand in the strip in their order."""
    choose(page, file("one.png"), file("two.png"))
    drop(page, [file("three.png")])
    expect(thumbs(page)).to_have_count(3)
    page.evaluate(
        """bytes => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], 'four.png', {type: 'image/png'}));
            document.body.dispatchEvent(new ClipboardEvent('paste', {bubbles: true, clipboardData: carried}));
        }""",
        list(HARMLESS),
    )
    expect(thumbs(page)).to_have_count(4)
    names = [thumb.get_attribute("title") for thumb in thumbs(page).all()]
    assert names == ["one.png", "two.png", "three.png", "four.png"]
    expect(thumbs(page).last).to_have_attribute("aria-current", "true")
    expect(page.locator("#stage .title")).to_contain_text(f"four.png {len(HARMLESS) / 1000:.1f} kB · 60 × 40 · 2,400")


def test_the_paste_button(opened: Callable[..., Page]) -> None:
    """The button takes a picture from the clipboard where the browser allows that, and says what to do where not."""
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(30, 20);
            canvas.getContext('2d').fillRect(0, 0, 30, 20);
            const picture = await canvas.convertToBlob();
            await navigator.clipboard.write([new ClipboardItem({'image/png': picture})]);
        }"""
    )
    button(page, "Paste").click()
    expect(page.locator("#stage .title")).to_contain_text("pasted.png")
    refused = opened(permissions=[])
    button(refused, "Paste").click()
    expect(refused.locator("#toasts")).to_contain_text("Ctrl-V")


def test_what_is_no_file(page: Page) -> None:
    """What is dropped or pasted without being a file is said to be none."""
    drop(page, [])
    expect(page.locator("#toasts")).to_contain_text("is no file")
    page.evaluate(
        "document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: new DataTransfer(), bubbles: true}))"
    )
    expect(page.locator("#toasts")).to_contain_text("no picture on the clipboard")


def test_pictures_are_removed(page: Page) -> None:
    """One picture after the other goes; after the last, the page is as it was at first."""
    choose(page, file("one.png"), file("two.png"))
    button(page, "Remove one.png").click()
    expect(page.locator("#stage .title")).to_contain_text("two.png")
    button(page, "Remove two.png").click()
    expect(page.locator("#begin")).to_be_visible()


def test_words_are_pasted_into_fields(page: Page) -> None:
    """What is on the clipboard as words and as a picture, such as a table's cell, is words to a field."""
    choose(page, file("one.png"))
    expect(thumbs(page)).to_have_count(1)
    for target, count in (("[data-name=n_clusters] input", 1), ("body", 2)):
        page.locator(target).evaluate(
            """(target, bytes) => {
                const carried = new DataTransfer();
                carried.items.add("8", "text/plain");
                carried.items.add(new File([new Uint8Array(bytes)], 'cell.png', {type: 'image/png'}));
                target.dispatchEvent(new ClipboardEvent('paste', {bubbles: true, clipboardData: carried}));
            }""",
            list(HARMLESS),
        )
        expect(thumbs(page)).to_have_count(count)


def test_what_cannot_be_read(page: Page, tmp_path: Path) -> None:
    """A file that is gone since it was chosen, as a folder that was dropped, is said to be unreadable; nothing says
    that the service were away.
    """
    chosen = tmp_path / "gone.png"
    chosen.write_bytes(HARMLESS)
    page.locator("#files").set_input_files(chosen)
    expect(page.locator("#stage canvas")).to_be_visible()
    chosen.unlink()
    start(page)
    expect(page.locator("#stage .trouble")).to_contain_text("cannot read this")
    expect(page.locator("#stage .trouble button")).to_have_count(0)


def test_an_empty_file(page: Page) -> None:
    """A file without a byte is said to be empty before it is sent."""
    choose(page, file("empty.png", b""))
    expect(page.locator("#stage .trouble")).to_contain_text("The file is empty")
    expect(button(page, "Find colours")).to_be_disabled()


TOO_MANY_BYTES = b"\x89PNG\r\n\x1a\n" + bytes(LIMITS["max_upload_bytes"])
REFUSED = {
    "unsupported_image": file("notes.txt", b"words", "text/plain"),
    "upload_too_large": file("long.png", TOO_MANY_BYTES),
    "image_too_large": file("large.png", encoded(noise(2, 2)[[0] * 5001][:, [0] * 5001])),
}


@pytest.mark.parametrize("code", REFUSED)
def test_refused_before_it_is_sent(page: Page, service: Service, code: str) -> None:
    """What the service would not take is said in the service's own words, nothing is sent, and nothing can be."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    choose(page, REFUSED[code])
    words = httpx.get(f"{service.url}/v1/errors/{code}").json()
    trouble = page.locator("#stage .trouble")
    expect(trouble).to_contain_text(words["meaning"])
    expect(trouble).to_contain_text(words["remedy"])
    expect(button(page, "Find colours")).to_be_disabled()
    assert "POST" not in sent


def test_formats_that_the_browser_cannot_show(page: Page) -> None:
    """What the service reads and the browser does not is sent all the same, and has its result."""
    ppm = encoded(noise(20, 20), "PPM")
    choose(page, file("old.ppm", ppm, "image/x-portable-anymap"))
    expect(page.locator("#stage .frame")).to_contain_text("cannot show")
    start(page)
    is_finished(page)


def test_a_broken_picture(page: Page, heard: Heard) -> None:
    """What only the service can tell is told by its own sentence, where the picture is."""
    choose(page, file("broken.png", HARMLESS[:200]))
    start(page)
    expect(page.locator("#stage .trouble")).to_contain_text("broken_image")
    expect(page.locator("#stage .frame")).not_to_contain_text("may know it")
    expect(thumbs(page)).to_have_attribute(
        "aria-label", "broken.png: " + page.locator("#stage .trouble p").first.inner_text()
    )
    heard.forgive("422")


def test_names_are_text(page: Page) -> None:
    """A file's name that looks like markup is shown as it is, wherever it stands."""
    choose(page, file(NASTY))
    start(page)
    is_finished(page)
    expect(page.locator("#stage .title").last).to_contain_text(NASTY)
    assert page.title().startswith(NASTY)
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_photograph_is_shown_reduced(page: Page, orientation: int) -> None:
    """Of 20 megapixels the page holds some two, upright; their number and size are the file's."""
    exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + bytes(
        [orientation, 0, 0]
    )
    choose(page, file("photograph.jpg", photograph(5472, 3648, exif=exif + bytes(4)), "image/jpeg"))
    size = "5,472 × 3,648" if orientation == 1 else "3,648 × 5,472"
    expect(page.locator("#stage .title")).to_contain_text(f"{size} · 20.0 megapixels")
    canvas = page.locator("#stage canvas")
    width, height = (int(canvas.get_attribute(name) or 0) for name in ("width", "height"))
    assert (width, height) == ((1600, 1067) if orientation == 1 else (1067, 1600))
