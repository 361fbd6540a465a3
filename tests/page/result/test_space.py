"""The colours of a result in space: what is drawn, by its pixels; how it turns; what stands there without WebGL."""

import io
import shutil
from typing import Any

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Locator, expect

from tests.support.calls import finished
from tests.support.images import encoded, photograph
from tests.support.processes import Service
from tests.support.result_page import ResultPage, result_page

NOT_DRAWING = ["--no-sandbox", "--disable-gpu", "--disable-3d-apis"]


WINDOW = {"viewport": {"width": 900, "height": 1400}}


def picture_of(*colors: tuple[int, int, int], counts: tuple[int, ...] = ()) -> bytes:
    """One row of pixels in these colours, one after the other."""
    row = [color for color, count in zip(colors, counts or (40,) * len(colors), strict=True) for _ in range(count)]
    return encoded(np.array([row], np.uint8))


def room_of(shown: Locator) -> tuple[Locator, np.ndarray]:
    """The room and its pixels u8[h, w, 3], once it has been drawn; without texts, which may stand before a point."""
    room = shown.locator(".room")
    room.locator(".axes").evaluate("one => one.hidden = true")
    room.page.wait_for_timeout(150)
    return room, np.asarray(Image.open(io.BytesIO(room.screenshot())).convert("RGB"))


_WHERE = """async ([colors, space, view]) => {
    const { placed } = await import("/page/result/space/cloud.js");
    const { FIRST, focal, projected, rotation, turned } = await import("/page/result/space/turn.js");
    const room = document.querySelector(".room");
    const size = [room.clientWidth, room.clientHeight];
    const seen = turned(FIRST, ...view);
    const { points } = placed({ colors, centers: [] }, space);
    return colors.map((_, at) => projected(points, 3 * at, rotation(seen), focal(seen, size), size).slice(0, 2));
}"""


def where(page: ResultPage, colors: Any, space: str = "RGB", view: tuple[float, float] = (0, 0)) -> list[list[float]]:
    """Where colours are seen in the room, in CSS pixels: by the page's own reckoning, which the shaders are held to."""
    found: list[list[float]] = page.page.evaluate(_WHERE, [colors, space, view])
    return found


CORNERS = ((240, 20, 30), (30, 200, 50), (40, 50, 230), (230, 220, 40))


def test_points_and_centres_are_drawn(page: ResultPage, client: httpx.Client) -> None:
    """Each colour stands where it belongs in each space, as a disc in its colour or its cluster's;
    centres are rings filled with their colour."""
    picture = picture_of(*CORNERS, counts=(4, 4, 4, 4000))
    job = finished(client, picture, n_clusters=1, outputs="points")
    shown = page.show(job, picture)
    for space in ("RGB", "Lab", "Oklab"):
        shown.get_by_role("radio", name=space, exact=True).check()
        _, pixels = room_of(shown)
        center = job["result"]["palette"][0]["rgb"]
        seen = where(page, [*CORNERS, center], space)
        for color, (x, y) in zip(CORNERS[:3], seen[:3], strict=True):
            # An edge of the box may lie before the middle.
            around = pixels[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3]
            assert (around == color).all(axis=2).sum() >= 3, space
        x, y = (round(value) for value in seen[4])
        assert tuple(pixels[y, x]) == tuple(center)
        ring = pixels[y - 7 : y + 8, x - 7 : x + 8].reshape(-1, 3).sum(axis=1)
        assert ring.max() > 700
        assert ring.min() < 60
    shown.get_by_role("radio", name="RGB", exact=True).check()
    seen = where(page, CORNERS)
    shown.get_by_role("radio", name="its cluster's").check()
    _, pixels = room_of(shown)
    for x, y in seen[:3]:
        assert tuple(pixels[round(y), round(x)]) == tuple(job["result"]["palette"][0]["rgb"])


def test_frequent_colors_are_larger(page: ResultPage, client: httpx.Client) -> None:
    """A disc's area grows with the number of pixels."""
    picture = picture_of(*CORNERS, counts=(4, 4000, 64, 4))
    shown = page.show(finished(client, picture, n_clusters=1, outputs="points"), picture)
    _, pixels = room_of(shown)
    rare, most, some = ((np.abs(pixels.astype(int) - color).sum(axis=2) < 12).sum() for color in CORNERS[:3])
    assert rare < some < most / 2


def test_coordinates_are_those_of_the_service(page: ResultPage, client: httpx.Client) -> None:
    """CIELAB and Oklab are what points.json says, to its four places."""
    colors = np.random.default_rng(3).integers(0, 256, (60, 3), np.uint8)
    for space, name in (("lab", "Lab"), ("oklab", "Oklab")):
        job = finished(client, encoded(colors[None]), n_clusters=2, color_space=space, outputs="points")
        points = client.get(f"{job['links']['self']}/files/points.json").json()
        own = page.page.evaluate(
            """async ([colors, name]) => {
                const [{ SPACES }, { rgbOfHex }] = await Promise.all(
                    [import("/page/result/space/cloud.js"), import("/page/result/colors.js")]);
                return colors.map((hex) => SPACES[name].of(rgbOfHex(hex)));
            }""",
            [points["colors"], name],
        )
        np.testing.assert_allclose(own, points["coords"], atol=2e-4)


def test_it_turns(page: ResultPage, client: httpx.Client) -> None:
    """By the mouse and by keys, to where reckoning says; 0 turns back to the first view."""
    picture = picture_of(*CORNERS)
    shown = page.show(finished(client, picture, n_clusters=1, outputs="points"), picture)
    room, first = room_of(shown)
    room.locator("canvas").focus()
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowUp")
    _, turned = room_of(shown)
    for color, (x, y) in zip(CORNERS, where(page, CORNERS, view=(np.pi / 18, np.pi / 36)), strict=True):
        assert tuple(turned[round(y), round(x)]) == color
    page.page.keyboard.press("+")
    assert (room_of(shown)[1] != turned).any()
    page.page.keyboard.press("0")
    box = room.bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.page.mouse.move(1, 1)
    room.locator("canvas").evaluate("one => one.blur()")
    np.testing.assert_array_equal(room_of(shown)[1], first)
    page.page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + 160, box["y"] + 100, steps=3)
    page.page.mouse.up()
    page.page.mouse.move(1, 1)
    _, dragged = room_of(shown)
    turn = 60 * 4 / min(box["width"], box["height"])
    for color, (x, y) in zip(CORNERS, where(page, CORNERS, view=(turn, 0)), strict=True):
        assert tuple(dragged[round(y), round(x)]) == color


def test_colours_are_told(page: ResultPage, client: httpx.Client) -> None:
    """Under the mouse, with their pixels and cluster; a centre as one; by keys the one in the middle."""
    picture = picture_of(*CORNERS, counts=(40, 41, 42, 43))
    job = finished(client, picture, n_clusters=1, outputs="points")
    entry = job["result"]["palette"][0]
    shown = page.show(job, picture)
    room, _ = room_of(shown)
    box = room.bounding_box()
    assert box is not None
    readout = shown.locator(".space output")
    seen = where(page, [*CORNERS, entry["rgb"]])
    for number, (color, (x, y)) in enumerate(zip(CORNERS, seen[:4], strict=True)):
        page.page.mouse.move(box["x"] + x, box["y"] + y)
        code = "#" + bytes(color).hex()
        expect(readout).to_have_text(
            f"{code}, {40 + number}\xa0pixels, in {entry['name']['name']} {entry['hex']} 100.0\xa0%"
        )
    page.page.mouse.move(box["x"] + seen[4][0], box["y"] + seen[4][1])
    expect(readout).to_contain_text(f"centre of {entry['name']['name']}")
    page.page.mouse.move(1, 1)
    expect(readout).to_be_empty()
    grey = picture_of((127, 128, 127))
    shown = page.show(finished(client, grey, n_clusters=1, outputs="points"), grey, place="second")
    room_of(page.page.locator("#second"))
    shown.locator(".room canvas").focus()
    page.page.keyboard.press("ArrowLeft")
    expect(shown.locator(".space output")).to_contain_text("#7f807f")


def test_a_tile_lights_up_its_points(page: ResultPage, client: httpx.Client) -> None:
    """All others fade into the ground, their size and place being what they were."""
    picture = picture_of(*CORNERS, *((red, green, blue + 25) for red, green, blue in CORNERS))
    job = finished(client, picture, n_clusters=4, outputs="points")
    shown = page.show(job, picture)
    _, before = room_of(shown)
    shown.locator(".tile[data-label='1']").dispatch_event("pointerenter")
    _, pixels = room_of(shown)
    ground = pixels[2, 2].astype(int)
    lit = np.array(job["result"]["palette"][1]["rgb"])
    for color, (x, y) in zip(CORNERS, where(page, CORNERS), strict=True):
        place = round(y), round(x)
        assert tuple(before[place]) == color
        own = np.abs(lit - color).max() < 20
        assert (tuple(pixels[place]) == color) == own
        assert own or np.abs(pixels[place] - ground).max() < 0.2 * np.abs(np.array(color) - ground).max()
    shown.locator(".tile[data-label='1']").dispatch_event("pointerleave")
    np.testing.assert_array_equal(room_of(shown)[1], before)


def test_twenty_thousand_points(page: ResultPage, client: httpx.Client) -> None:
    """A photograph's points fill a good part of the room, and how many there are is said."""
    picture = photograph("china.jpg").read_bytes()
    shown = page.show(finished(client, picture, n_clusters=8, outputs="points"), picture)
    _, pixels = room_of(shown)
    expect(shown.locator(".space .note")).to_contain_text("20,000 of 96,615")
    ground = pixels[2, 2].astype(int)
    assert 0.04 < (np.abs(pixels.astype(int) - ground).sum(axis=2) > 30).mean() < 0.7


def test_points_that_were_not_asked_for(page: ResultPage, client: httpx.Client) -> None:
    """A button asks for them, beside what was asked for before."""
    picture = picture_of(*CORNERS)
    shown = page.show(finished(client, picture, n_clusters=2, outputs="recolored"), picture)
    shown.get_by_role("button", name="Make it").click()
    assert page.asked == [{"outputs": ["recolored", "points"]}]


def test_a_graphics_card_that_is_taken_away(page: ResultPage, client: httpx.Client) -> None:
    """The service's own picture takes the view's place."""
    picture = picture_of(*CORNERS)
    shown = page.show(finished(client, picture, n_clusters=2, outputs="points,scatter"), picture)
    canvas = room_of(shown)[0].locator("canvas")
    canvas.evaluate("one => one.getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()")
    expect(shown.get_by_role("img", name="The colours in their space")).to_be_visible()


def test_without_webgl(browser: Browser, service: Service, client: httpx.Client) -> None:
    """The service's own picture of the points stands there, or a button that asks for it."""
    picture = picture_of(*CORNERS)
    jobs = [finished(client, picture, n_clusters=2, outputs=outputs) for outputs in ("points,scatter", "points")]
    flat = browser.browser_type.launch(executable_path=shutil.which("chromium"), args=NOT_DRAWING)
    with flat, result_page(flat, service.url) as plain:
        shown = plain.show(jobs[0], picture)
        image = shown.get_by_role("img", name="The colours in their space")
        expect(image).to_be_visible()
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1500
        expect(shown.locator(".space")).to_contain_text("it has no WebGL 2")
        shown = plain.show(jobs[1], picture, place="second")
        shown.get_by_role("button", name="Make it").click()
        assert plain.asked == [{"outputs": ["points", "scatter"]}]
        assert plain.trouble == []
