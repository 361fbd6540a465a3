"""The picture of a result: what is drawn, against the label map; the slider, zoom and pan, the pointer."""

import io
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.support.calls import finished
from tests.support.chromium import TOLD, pixels_of
from tests.support.images import encoded, photograph
from tests.support.processes import Service
from tests.support.result_page import ResultPage
from tests.support.waiting import until

WIDE = {"width": 1000, "height": 800}


WINDOW = {"viewport": WIDE, "has_touch": True}

# The canvases belong to a worker: what they show is drawn once more.
_READ = """canvas => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const pen = copy.getContext('2d', {willReadFrequently: true});
    pen.drawImage(canvas, 0, 0);
    return (TOLD)(pen);
}""".replace("TOLD", TOLD)


def drawn(shown: Locator, layer: str) -> np.ndarray:
    """The pixels of a layer, u8[h, w, 4]."""
    return pixels_of(shown.locator(f"canvas.{layer}").evaluate(_READ))


def labels_of(client: httpx.Client, job: dict[str, Any]) -> np.ndarray:
    """The label map, int[h, w], as numpy reads it: a witness beside the PNG that the page reads."""
    answer = client.get(job["links"]["labels"], headers={"Accept": "application/x-npy"})
    found: np.ndarray = np.load(io.BytesIO(answer.content))
    return found


def lit_after(shown: Locator, act: Any) -> np.ndarray:
    """Which pixels are not veiled, bool[h, w], once `act` has changed what is lit."""
    before = drawn(shown, "lit")
    act()
    for _ in range(100):
        shown.page.wait_for_timeout(20)
        now = drawn(shown, "lit")
        if now.shape != before.shape or (now != before).any():
            break
    return now[..., 3] == 0


def image_of(count: int) -> bytes:
    """A picture of 40 x 23 random pixels in `count` colours, far apart, with some clear pixels."""
    random = np.random.default_rng(count)
    colors = np.stack(
        [random.permutation(count) * 255 // count, random.permutation(count) * 255 // count, np.full(count, 99)], 1
    )
    pixels = np.full((40, 23, 4), 255, np.uint8)
    pixels[..., :3] = colors[random.permutation(40 * 23).reshape(40, 23) % count]
    pixels[3, 5:9, 3] = 0
    return encoded(pixels)


@pytest.mark.parametrize("count", [1, 2, 9, 100, 300])
def test_a_swatch_lights_up_its_pixels(page: ResultPage, client: httpx.Client, count: int) -> None:
    """Just those, and no others, whether a label has 1, 2, 4 or 8 bits in the PNG or is told by its colour alone."""
    picture = image_of(count)
    params = {"algorithm": "agglomerative", "distance_threshold": 0} if count == 300 else {"n_clusters": count}
    job = finished(client, picture, **params)
    labels = labels_of(client, job)
    assert len(job["result"]["palette"]) == count
    shown = page.show(job, picture)
    for label in (0, count // 2, min(count, 256) - 1):
        page.page.mouse.move(1, 1)
        found = lit_after(
            shown, lambda at=label: shown.locator(f".tile[data-label='{at}']").dispatch_event("pointerenter")
        )
        if count > 1 or (labels == -2).any():
            np.testing.assert_array_equal(found, labels == label)
        shown.locator(f".tile[data-label='{label}']").dispatch_event("pointerleave")
        page.page.wait_for_timeout(60)
    assert (drawn(shown, "lit")[..., 3] == 0).all()


def test_noise_is_lit_up_by_the_bar(page: ResultPage, client: httpx.Client) -> None:
    """The hatched end of the bar lights up the pixels of no cluster; recoloured, these keep their own colours."""
    random = np.random.default_rng(5)
    pixels = np.full((60, 60, 3), (200, 40, 40), np.uint8)
    pixels[:, 30:] = (30, 60, 200)
    pixels[:12] = random.integers(0, 256, (12, 60, 3))
    picture = encoded(pixels)
    job = finished(client, picture, algorithm="hdbscan", min_cluster_size=300, min_samples=20)
    labels = labels_of(client, job)
    assert 0.1 < (labels == -1).mean() < 0.9
    shown = page.show(job, picture)
    found = lit_after(shown, lambda: shown.locator(".segment.noise").dispatch_event("pointerenter"))
    np.testing.assert_array_equal(found, labels == -1)
    palette = np.array([entry["rgb"] for entry in job["result"]["palette"]], np.uint8)
    expected = np.where(labels[..., None] < 0, pixels, palette[labels])
    np.testing.assert_array_equal(drawn(shown, "recolored")[..., :3], expected)
    np.testing.assert_array_equal(drawn(shown, "original")[..., :3], pixels)


def test_alpha_is_kept(page: ResultPage, client: httpx.Client) -> None:
    """The recoloured picture is as clear as the original, on a checkerboard."""
    pixels = np.full((16, 16, 4), (250, 120, 10, 255), np.uint8)
    pixels[8:, :, :3] = (10, 200, 30)
    pixels[:, :4, 3] = 128
    pixels[:, 12:, 3] = 0
    picture = encoded(pixels)
    shown = page.show(finished(client, picture, n_clusters=2), picture)
    np.testing.assert_array_equal(drawn(shown, "recolored")[..., 3], pixels[..., 3])
    assert "conic" in shown.locator("canvas.original").evaluate("one => getComputedStyle(one).backgroundImage")


def test_dithered_is_shown_as_made(page: ResultPage, client: httpx.Client) -> None:
    """Where the service's recoloured file differs from the label map, that file is what is shown."""
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    picture = encoded(np.stack([np.tile(ramp, (32, 1))] * 3, axis=2))
    job = finished(client, picture, n_clusters=2, outputs="recolored", recolor={"dither": True})
    file = client.get(f"{job['links']['self']}/files/recolored.png")
    from PIL import Image

    expected = np.asarray(Image.open(io.BytesIO(file.content)).convert("RGB"))
    shown = page.show(job, picture)
    np.testing.assert_array_equal(drawn(shown, "recolored")[..., :3], expected)


FLOWER = photograph("flower.jpg").read_bytes()


@pytest.fixture(scope="module")
def job(service: Service) -> dict[str, Any]:
    with service.client() as client:
        return finished(client, FLOWER, n_clusters=6)


def stage_box(shown: Locator) -> dict[str, float]:
    box = shown.locator(".picture-stage").bounding_box()
    assert box is not None
    return dict(box)


def picture_box(shown: Locator) -> dict[str, float]:
    """Where the picture lies: its canvas, with its transformation."""
    box = shown.locator("canvas.original").bounding_box()
    assert box is not None
    return dict(box)


def clip_of(shown: Locator) -> str:
    text: str = shown.locator(".clipped").evaluate("one => getComputedStyle(one).clipPath")
    return text


def test_the_slider_divides(page: ResultPage, job: dict[str, Any]) -> None:
    """By mouse, by its own keys, by buttons, by 1, 2 and 3: left of it is the original, right of it the result."""
    shown = page.show(job, FLOWER)
    slider = shown.get_by_role("slider", name="Original or result")
    pressed = shown.locator(".modes [aria-pressed=true]")
    stage = stage_box(shown)
    for key, name, clip in (("1", "Original", "100%"), ("3", "Result", "0%"), ("2", "Both", "50%")):
        page.page.keyboard.press(key)
        expect(pressed).to_have_text(name)
        assert clip_of(shown) == f"inset(0px 0px 0px {clip})" or (clip == "0%" and clip_of(shown) == "inset(0px)")
    for name, value in (("Original", "100"), ("Result", "0"), ("Both", "50")):
        shown.get_by_role("button", name=name, exact=True).click()
        expect(slider).to_have_value(value)
    middle = stage["y"] + stage["height"] / 2
    page.page.mouse.move(stage["x"] + stage["width"] / 2, middle)
    page.page.mouse.down()
    page.page.mouse.move(stage["x"] + stage["width"] / 4, middle, steps=5)
    page.page.mouse.up()
    assert abs(float(slider.input_value()) - 25) < 1
    line = shown.locator(".line").bounding_box()
    assert line is not None
    assert abs(line["x"] - stage["x"] - stage["width"] / 4) < 3
    slider.focus()
    page.page.keyboard.press("End")
    expect(pressed).to_have_text("Original")


def test_typing_moves_nothing(page: ResultPage, job: dict[str, Any]) -> None:
    """1, 2 and 3 are keys of the picture, and not where text is written or something else is in use."""
    shown = page.show(job, FLOWER)
    for kind in ("input", "button"):
        page.page.evaluate("kind => document.querySelector('main').append(document.createElement(kind))", kind)
        page.page.locator(f"main > {kind}").focus()
        page.page.keyboard.press("1")
        expect(shown.locator(".modes [aria-pressed=true]")).to_have_text("Both")


def test_zoom_and_pan(page: ResultPage, job: dict[str, Any]) -> None:
    """The wheel enlarges what is under the pointer, a drag moves it, keys and buttons do the same, 0 shows all again;
    pixels stay squares."""
    shown = page.show(job, FLOWER)
    stage, fit = stage_box(shown), picture_box(shown)
    at = stage["x"] + stage["width"] * 0.4, stage["y"] + stage["height"] * 0.3
    page.page.mouse.move(*at)
    page.page.mouse.wheel(0, -1000)
    page.page.wait_for_timeout(100)
    large = picture_box(shown)
    assert large["width"] > 3 * fit["width"]
    assert abs((at[0] - large["x"]) / large["width"] - (at[0] - fit["x"]) / fit["width"]) < 0.002
    assert abs((at[1] - large["y"]) / large["height"] - (at[1] - fit["y"]) / fit["height"]) < 0.002
    assert shown.locator("canvas.original").evaluate("one => getComputedStyle(one).imageRendering") == "pixelated"
    page.page.mouse.down()
    page.page.mouse.move(at[0] + 50, at[1] - 30, steps=4)
    page.page.mouse.up()
    moved = picture_box(shown)
    np.testing.assert_allclose([moved["x"] - large["x"], moved["y"] - large["y"]], [50, -30], atol=1)
    shown.locator(".picture-stage").focus()
    page.page.keyboard.press("0")
    assert picture_box(shown) == fit
    page.page.keyboard.press("+")
    assert picture_box(shown)["width"] > 1.4 * fit["width"]
    shown.get_by_role("button", name="Smaller").click()
    assert abs(picture_box(shown)["width"] - fit["width"]) < 0.01
    shown.get_by_role("button", name="Larger").click()
    shown.get_by_role("button", name="Fit").click()
    assert picture_box(shown) == fit


def test_the_page_scrolls_where_nothing_is_to_be_made_smaller(page: ResultPage, job: dict[str, Any]) -> None:
    """The wheel turned down over the whole picture moves the page."""
    shown = page.show(job, FLOWER)
    stage = stage_box(shown)
    page.page.mouse.move(stage["x"] + 50, stage["y"] + 50)
    page.page.mouse.wheel(0, 200)
    top = shown.locator(".picture-stage").bounding_box
    until(lambda: (top() or stage)["y"] < stage["y"] - 100, "the page has scrolled")


def test_two_fingers_enlarge(page: ResultPage, job: dict[str, Any]) -> None:
    """What lies between the fingers stays there."""
    shown = page.show(job, FLOWER)
    stage, fit = stage_box(shown), picture_box(shown)
    touch = page.page.context.new_cdp_session(page.page)
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2 - 80

    def fingers(apart: float) -> list[dict[str, float]]:
        return [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]

    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": fingers(40)})
    for apart in range(45, 125, 5):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": fingers(apart)})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    now = picture_box(shown)
    assert abs(now["width"] / fit["width"] - 3) < 0.2
    assert abs((x - now["x"]) / now["width"] - (x - fit["x"]) / fit["width"]) < 0.01


def told(entry: dict[str, Any]) -> str:
    return f"{entry['name']['name']} {entry['hex']}"


def test_the_pointer_names_the_cluster(page: ResultPage, client: httpx.Client, job: dict[str, Any]) -> None:
    """Under the mouse and, without one, under a pointer that arrow keys move; its tile and its part of the bar are
    marked."""
    labels, palette = labels_of(client, job), job["result"]["palette"]
    shown = page.show(job, FLOWER)
    box = picture_box(shown)
    readout = shown.locator(".picture output")
    for y, x in ((20, 30), (200, 320), (400, 600), (250, 100)):
        page.page.mouse.move(box["x"] + (x + 0.5) * box["width"] / 640, box["y"] + (y + 0.5) * box["height"] / 427)
        entry = palette[labels[y, x]]
        expect(readout).to_contain_text(told(entry))
        for kind in (
            f".under > .tile[data-label='{entry['label']}']",
            f".segment.under[data-label='{entry['label']}']",
        ):
            expect(shown.locator(kind)).to_be_visible()
    page.page.mouse.move(2, 2)
    expect(readout).to_be_empty()
    stage = stage_box(shown)
    shown.locator(".picture-stage").focus()
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("Shift+ArrowDown")
    x = int((stage["x"] + stage["width"] / 2 + 8 - box["x"]) * 640 / box["width"])
    y = int((stage["y"] + stage["height"] / 2 + 80 - box["y"]) * 427 / box["height"])
    expect(readout).to_contain_text(told(palette[labels[y, x]]))
    expect(shown.locator(".picture .cross")).to_be_visible()


def test_a_large_picture_is_shown_reduced(page: ResultPage, client: httpx.Client) -> None:
    """More than 4 megapixels are shown reduced, and said to be; the pointer still tells single pixels."""
    pixels = np.full((1800, 2500, 3), (240, 240, 240), np.uint8)
    pixels[:, 1250:] = (20, 20, 60)
    pixels[901, 401] = (255, 0, 0)
    picture = encoded(pixels)
    job = finished(client, picture, n_clusters=3)
    shown = page.show(job, picture)
    assert np.prod(drawn(shown, "original").shape[:2]) <= 4_000_000
    expect(shown.locator(".picture .note")).to_contain_text("Shown reduced from 2,500 × 1,800 to 2,357 × 1,697 pixels")
    box = picture_box(shown)
    page.page.mouse.move(box["x"] + 401.5 * box["width"] / 2500, box["y"] + 901.5 * box["height"] / 1800)
    for _ in range(3):
        page.page.mouse.wheel(0, -1000)
    page.page.wait_for_timeout(200)
    box = picture_box(shown)
    across = box["width"] / 2500
    assert across > 8
    readout = shown.locator(".picture output")
    for beside, color in ((-1, "#f0f0f0"), (0, "#ff0000"), (1, "#f0f0f0")):
        page.page.mouse.move(box["x"] + (401.5 + beside) * across, box["y"] + 901.5 * across)
        expect(readout).to_contain_text(color)


def test_a_thin_picture(page: ResultPage, client: httpx.Client) -> None:
    """One that is 1 x 5,000 pixels is stretched so that it is seen, says so, and tells each pixel."""
    pixels = np.zeros((5000, 1, 3), np.uint8)
    pixels[2500:] = (255, 200, 0)
    picture = encoded(pixels)
    shown = page.show(finished(client, picture, n_clusters=2), picture)
    box, stage = picture_box(shown), stage_box(shown)
    assert box["width"] == pytest.approx(48, abs=1)
    assert box["height"] == pytest.approx(stage["height"], abs=1)
    expect(shown.locator(".picture .note")).to_contain_text("stretched")
    page.page.mouse.move(box["x"] + 24, box["y"] + box["height"] * 0.75)
    expect(shown.locator(".picture output")).to_contain_text("#ffc800")


def test_a_picture_that_the_browser_has_not(page: ResultPage, client: httpx.Client) -> None:
    """Lost, or of a kind that browsers do not show: the result alone is shown, and why."""
    from PIL import Image

    pixels = np.full((30, 40, 3), (10, 120, 90), np.uint8)
    pixels[:15] = (220, 220, 90)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "TIFF")
    job = finished(client, file.getvalue(), n_clusters=2)
    for picture, words in ((file.getvalue(), "does not show TIFF"), (None, "not in this browser any more")):
        shown = page.show(job, picture, place="first" if picture else "second")
        expect(shown.locator(".picture .note")).to_contain_text(words)
        np.testing.assert_array_equal(drawn(shown, "recolored")[..., :3], pixels)
        assert shown.get_by_role("button", name="Original", exact=True).is_disabled()
        expect(shown.get_by_role("button", name="Result", exact=True)).to_have_attribute("aria-pressed", "true")
        expect(shown.get_by_role("slider")).to_be_hidden()


def test_a_label_map_that_is_gone(page: ResultPage, client: httpx.Client) -> None:
    """What cannot be fetched is said in words, and all the rest is there."""
    job = finished(client, FLOWER, n_clusters=3)
    page.page.route(
        "**/labels.png", lambda route: route.fulfill(body=b"\x89PNG\r\n\x1a\nnone", content_type="image/png")
    )
    try:
        page.page.evaluate("id => window.show('first', id, null, {})", job["id"])
        expect(page.page.get_by_role("alert")).to_contain_text(
            "The picture could not be shown: The label map is no PNG."
        )
        expect(page.page.locator(".tile")).to_have_count(3)
    finally:
        page.page.unroute("**/labels.png")
