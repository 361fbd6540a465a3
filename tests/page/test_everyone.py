"""The page is for everyone: whatever the screen, the hands, the eyes, the theme."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.page.conftest import Heard
from tests.page.hands import (
    HARMLESS,
    button,
    choose,
    field,
    file,
    found_wrong,
    is_finished,
    make_slow,
    slow_file,
    start,
)
from tests.support.waiting import until

WINDOWS: dict[str, dict[str, Any]] = {
    "wide": {"viewport": {"width": 1440, "height": 900}},
    "phone": {
        "viewport": {"width": 360, "height": 740},
        "has_touch": True,
        "is_mobile": True,
        "device_scale_factor": 2,
    },
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    # As a browser zooms: half as many of the page's pixels.
    "zoomed": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
    "forced": {"forced_colors": "active"},
}


def fits(page: Page) -> None:
    """Nothing must be scrolled sideways, and no button of the page's frame reaches out of what it stands in: as soon as
    what is drawn for a width has been drawn for this one.
    """
    is_so = """() => document.documentElement.scrollWidth <= window.innerWidth &&
        [...document.querySelectorAll('.head button, .go button, .presets button')].every(button =>
            !button.offsetParent || button.getBoundingClientRect().right <=
            button.parentElement.parentElement.getBoundingClientRect().right)"""
    until(lambda: page.evaluate(is_so), "all of it fits", 5)


@pytest.mark.parametrize("window", WINDOWS)
def test_every_state_is_for_everyone(opened: Callable[..., Page], heard: Heard, window: str) -> None:
    """At first, with a picture, with all settings unfolded, in trouble, under way and with a result: axe-core finds
    nothing, and nothing reaches beyond the window.
    """
    page = opened(**WINDOWS[window])
    states: dict[str, list[str]] = {"begin": found_wrong(page)}

    def look(name: str) -> None:
        states[name] = found_wrong(page)
        fits(page)

    button(page, "Beads").click()
    expect(page.locator("#stage canvas")).to_be_visible()
    look("picture")
    if button(page, "Settings").is_visible():
        button(page, "Settings").click()
    field(page, "exclude").get_by_role("button", name="Add").click()
    look("settings")
    button(page, "A brand’s palette").click()
    look("palette")
    choose(page, file("broken.png", HARMLESS[:200]))
    start(page)
    expect(page.locator("#stage .trouble")).to_be_visible()
    look("trouble")
    choose(page, slow_file())
    if button(page, "Settings").is_visible():
        button(page, "Settings").click()
    page.locator("#method").select_option("kmeans")
    make_slow(page)
    start(page)
    expect(page.locator(".progress .words")).to_have_text("Finding clusters")
    look("progress")
    button(page, "Cancel").click()
    expect(page.locator("#said")).to_have_text("Cancelled.")
    assert {name: wrong for name, wrong in states.items() if wrong} == {}
    heard.forgive("422")


def test_a_result_is_for_everyone(opened: Callable[..., Page]) -> None:
    """A result, two beside each other, on a phone one under the other: axe-core finds nothing, all of it fits."""
    page = opened(**WINDOWS["wide"])
    button(page, "Tiles").click()
    start(page)
    is_finished(page)
    assert found_wrong(page) == []
    button(page, "Pin to compare").click()
    button(page, "Density: HDBSCAN").click()
    start(page)
    expect(page.locator("#stage .side").last.locator(".title")).to_contain_text("hdbscan")
    pinned, now = (side.bounding_box() for side in page.locator("#stage .side").all())
    assert pinned is not None
    assert now is not None
    assert (pinned["y"], pinned["width"]) == (now["y"], now["width"])
    assert found_wrong(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    fits(page)
    assert found_wrong(page) == []
    button(page, "Unpin").click()
    expect(page.locator("#stage .side >> visible=true")).to_have_count(1)


def test_one_result_above_the_other(opened: Callable[..., Page]) -> None:
    """On a phone a pinned result goes below: the next one comes where it is seen."""
    page = opened(**WINDOWS["phone"])
    button(page, "Tiles").click()
    start(page)
    is_finished(page)
    before = page.locator("#stage .picture-stage").bounding_box()
    button(page, "Pin to compare").click()
    pinned = page.get_by_role("region", name="Pinned result")
    expect(pinned.locator(".picture-stage.drawn")).to_be_visible()
    assert page.locator("#stage .picture-stage").first.bounding_box() == before
    assert (pinned.bounding_box() or {"y": 0})["y"] > (before or {"y": 0})["y"]


def test_by_keyboard_alone(page: Page) -> None:
    """From the first sample to the result and the theme with Tab, Enter and arrows; where one is is always seen."""
    seen: list[str] = []

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            is_seen = page.evaluate(
                """() => {
                    const {outlineStyle} = getComputedStyle(document.activeElement);
                    const {width, height} = document.activeElement.getBoundingClientRect();
                    return outlineStyle !== 'none' && width > 0 && height > 0;
                }"""
            )
            assert is_seen, page.evaluate("document.activeElement.outerHTML")
            seen.append(page.evaluate("document.activeElement.textContent.trim()"))
            if seen[-1] == name:
                return
        raise AssertionError(f"{name} is not reached: {seen}")

    tab_to("Tiles")
    page.keyboard.press("Enter")
    expect(page.locator("#stage canvas")).to_be_visible()
    tab_to("Find the number")
    page.keyboard.press("Space")
    tab_to("Find colours")
    page.keyboard.press("Enter")
    is_finished(page)
    expect(page.locator("#said")).to_have_text("The colours are found.")
    assert page.evaluate("document.activeElement.textContent") == "Find colours"
    tab_to("Pin to compare")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("Pinned.")


@pytest.mark.parametrize("window", ["zoomed", "phone"])
def test_the_focus_is_not_covered(opened: Callable[..., Page], window: str) -> None:
    """What is tabbed to, forwards and back, is scrolled to beside what stays in its place, not under that."""
    page = opened(**WINDOWS[window])
    button(page, "Tiles").click()
    start(page)
    is_finished(page)
    page.locator("#stage").focus()
    for key, steps in (("Tab", 30), ("Shift+Tab", 30)):
        for _ in range(steps):
            page.keyboard.press(key)
            covered = page.evaluate(
                """() => {
                    const one = document.activeElement;
                    if (one.closest('.top, .go') || !one.closest('#stage')) return null;
                    const {left, top, right, bottom} = one.getBoundingClientRect();
                    const edges = [top + 2, Math.min(bottom, innerHeight) - 2];
                    const at = y => document.elementFromPoint((left + right) / 2, y);
                    const covers = edges.map(y => at(y)?.closest('.top, .go'));
                    return covers.some(Boolean) && bottom - top < innerHeight / 2 ? one.outerHTML.slice(0, 200) : null;
                }"""
            )
            assert covered is None


def test_the_focus_stays_on_the_stage(page: Page) -> None:
    """Where the button that was pressed goes with what it stood on, the focus stays beside it; what was pinned and is
    no more can be pinned again.
    """
    button(page, "Tiles").click()
    start(page)
    is_finished(page)
    pin = button(page, "Pin to compare")
    pin.press("Enter")
    expect(pin).to_be_disabled()
    expect(page.locator("#stage")).to_be_focused()
    button(page, "Unpin").press("Enter")
    expect(page.locator("#stage")).to_be_focused()
    expect(pin).to_be_enabled()
    mode = page.locator(".modes [aria-pressed=true]")
    expect(mode).to_have_text("Both")  # keys are heard from here on
    page.keyboard.press("3")
    expect(mode).to_have_text("Result")
    button(page, "Find the number").click()
    start(page)
    page.get_by_role("tab", name="Number of colours").click()
    page.get_by_role("button", name="Ask for").first.press("Enter")
    expect(page.get_by_role("tab", name="Number of colours")).to_have_count(0)
    is_finished(page)
    expect(page.locator("#stage")).to_be_focused()


@pytest.mark.parametrize("name", ["a" * 246 + ".png", "\u202egnp.\u05d0\u05d1.png"])
def test_a_long_name_and_one_from_right_to_left(opened: Callable[..., Page], name: str) -> None:
    """Whatever a file is called, its size and dimensions are seen beside it, in their own direction."""
    page = opened(**WINDOWS["phone"])
    choose(page, file(name))
    expect(page.locator("#stage .title b")).to_have_css("unicode-bidi", "isolate")
    facts = page.locator("#stage .title span")
    expect(facts).to_contain_text("60 × 40 · 2,400 pixels")
    assert facts.evaluate("one => one.scrollWidth <= one.clientWidth && one.getBoundingClientRect().right <= 360")
    fits(page)


def test_themes(opened: Callable[..., Page]) -> None:
    """The system's theme holds until another is chosen, which holds after a reload, from the first paint on."""
    page = opened(color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Theme").click()
    light = page.evaluate(ground)
    assert dark != light
    expect(button(page, "Theme: light")).to_be_visible()
    page.reload(wait_until="commit")
    page.wait_for_function("document.body")
    assert page.evaluate(ground) == light
    button(page, "Theme: light").click()
    assert page.evaluate(ground) == dark


def test_greys_have_no_hue(opened: Callable[..., Page]) -> None:
    """Everything of ours is neutral in both themes: red, green and blue are the same."""
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        choose(page, file())
        colors = page.evaluate(
            """() => [...document.querySelectorAll('body, body *')].flatMap(one => {
                const {color, backgroundColor, borderTopColor, outlineColor} = getComputedStyle(one);
                return [color, backgroundColor, borderTopColor, outlineColor];
            })"""
        )
        parts = [color.partition("(")[2].rstrip(")").split(",")[:3] for color in set(colors) if color.startswith("rgb")]
        assert len(parts) > 5
        assert [part for part in parts if len({channel.strip() for channel in part}) > 1] == []


def test_nothing_moves_by_itself(opened: Callable[..., Page]) -> None:
    """There are no transitions and no animations, for those who asked for less motion and for others."""
    for motion in ("no-preference", "reduce"):
        page = opened(reduced_motion=motion)
        choose(page, file())
        assert page.evaluate("document.getAnimations().length") == 0
        times = "[...document.querySelectorAll('*')].map(one => getComputedStyle(one).transitionDuration)"
        assert set(page.evaluate(times)) == {"0s"}


def test_a_sheet_on_a_phone(opened: Callable[..., Page]) -> None:
    """On a phone settings come from below, and go when one starts, or by Escape."""
    page = opened(**WINDOWS["phone"])
    button(page, "Tiles").click()
    expect(page.locator("#method")).to_be_hidden()
    button(page, "Settings").click()
    expect(button(page, "Settings")).to_have_attribute("aria-expanded", "true")
    page.locator("#method").press("Escape")
    expect(page.locator("#method")).to_be_hidden()
    expect(button(page, "Settings")).to_be_focused()
    button(page, "Settings").click()
    field(page, "n_init").locator("input").fill("0")
    page.locator("#method").press("Escape")
    start(page)
    expect(field(page, "n_init").locator("input")).to_be_focused()
    expect(button(page, "Settings")).to_have_attribute("aria-expanded", "true")
    button(page, "Find the number").click()
    start(page)
    expect(page.locator("#method")).to_be_hidden()
    is_finished(page)


def test_the_picture_stays_until_the_result_is_drawn(page: Page) -> None:
    """Where a result's files come slowly, the picture that was chosen is looked at until then, at its place."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/files/labels.png", hold)
    choose(page, file("noise.png"))
    before = page.locator("#stage .frame").bounding_box()
    with page.expect_request("**/files/labels.png"):
        start(page)
    is_finished(page)
    assert page.locator("#stage .frame").bounding_box() == before
    expect(page.locator("#stage .picture-stage.drawn")).to_have_count(0)
    held[0].continue_()
    expect(page.locator("#stage .picture-stage.drawn")).to_be_visible()
    expect(page.locator("#stage .frame")).to_have_count(0)


def test_nothing_jumps(page: Page) -> None:
    """The picture stands at the same place before its job, under way, and when the result comes."""
    choose(page, file("noise.png"))
    before = page.locator("#stage .frame").bounding_box()
    start(page)
    is_finished(page)
    assert page.locator("#stage .picture-stage").bounding_box() == before
