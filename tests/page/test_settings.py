"""What can be asked for: all of the service's parameters, by forms that are made of their schemas."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from shared.contract.params import MODELS, parse_params
from tests.page.conftest import Heard
from tests.page.hands import button, choose, field, file, is_finished, job_of, start
from tests.support.processes import Service
from tests.support.waiting import until

PRESETS: dict[str, dict[str, Any]] = {
    "Five main colours": {"algorithm": "kmeans", "n_clusters": 5},
    "Find the number": {"algorithm": "kmeans", "n_clusters": "auto"},
    "Density: HDBSCAN": {"algorithm": "hdbscan"},
    "Density: OPTICS": {"algorithm": "optics"},
    "A brand’s palette": {"algorithm": "assign"},
}
# A value for each parameter that is none's default, as a form can give it.
GIVEN: dict[str, Any] = {
    "engine": "reference",
    "color_space": "oklab",
    "standardize": True,
    "seed": 7,
    "alpha": "blend:#00ff00",
    "exclude": [{"color": "#123456", "tolerance": 3.5}],
    "max_pixels": 1500,
    "outputs": ["card", "masks"],
    "recolor": {"format": "webp", "noise": "grey", "dither": True},
    "names": "xkcd",
    "timeout": 12.5,
    "n_clusters": 3,
    "criterion": "bic",
    "n_init": 2,
    "max_iter": 17,
    "tol": 0.5,
    "init": [[255, 0, 0], [0, 255, 0], [0, 0, 255]],
    "fixed": ["#ff0000", "#00ff00"],
    "min_cluster_size": 40,
    "min_samples": 0.2,
    "cluster_selection_method": "leaf",
    "cluster_selection_epsilon": 2.5,
    "allow_single_cluster": True,
    "resolution": 0.25,
    "max_eps": 9.5,
    "cluster_method": "xi",
    "xi": 0.25,
    "eps": 4,
    "predecessor_correction": False,
    "distance_threshold": 6.5,
    "linkage": "average",
    "palette": ["#0a0b0c", "#fefefe"],
    "metric": "euclidean",
}


# A form's parts cannot be read from outside of the browser; nothing is sent.
_CATCH = """() => {
    window.asked = null;
    XMLHttpRequest.prototype.send = function (form) {
        window.asked = form.get('params');
        this.dispatchEvent(new Event('abort'));
    };
}"""


def asked_for(page: Page) -> dict[str, Any]:
    """The parameters of the request that Start makes, which ends there."""
    page.evaluate(_CATCH)
    start(page)
    until(lambda: page.evaluate("window.asked"), "it is asked")
    expect(button(page, "Find colours")).to_be_visible()
    asked: dict[str, Any] = json.loads(page.evaluate("window.asked"))
    return asked


def fill(inside: Locator, value: Any) -> None:
    """Give a field a value, by whatever it is edited with."""
    if isinstance(value, bool):
        inside.locator("input[type=checkbox]").set_checked(value)
    elif isinstance(value, list) and inside.locator(".union").count():
        inside.locator(".union > select").select_option(label="a list")
        inside.locator("textarea").fill(" ".join("#" + bytes(color).hex() for color in value))
    elif isinstance(value, list) and inside.locator("textarea").count():
        inside.locator("textarea").fill(" ".join(value))
    elif isinstance(value, list) and inside.locator(".boxes").count():
        for box in inside.locator("label").all():
            box.locator("input").set_checked(box.inner_text().lower().replace(" ", "_") in value)
    elif isinstance(value, list):
        for item in value:
            inside.get_by_role("button", name="Add").click()
            fill(inside.locator(".group").last, item)
    elif isinstance(value, dict):
        for part, control in zip(value.values(), inside.locator("input, select").all(), strict=True):
            fill_one(control, part)
    elif inside.locator(".union > select").count():
        inside.locator(".union > select").select_option(label="a number")
        inside.locator("input").fill(str(value))
    else:
        fill_one(inside.locator("select, input").first, value)


def fill_one(control: Locator, value: Any) -> None:
    if isinstance(value, bool):
        control.set_checked(value)
    elif control.evaluate("one => one.tagName") == "SELECT":
        control.select_option(str(value))
    else:
        control.fill(str(value))


@pytest.mark.parametrize("name", PRESETS)
def test_presets(page: Page, service: Service, name: str) -> None:
    """A preset is one click away from its result."""
    button(page, "Tiles").click()
    button(page, name).click()
    expect(button(page, name)).to_have_attribute("aria-pressed", "true")
    start(page)
    is_finished(page)
    job = httpx.get(f"{service.url}/v1/jobs/{job_of(page)}").json()
    assert PRESETS[name].items() <= job["params"].items()
    assert {"recolored", "points"} <= set(job["params"]["outputs"])
    assert [note for note in job["result"]["notes"] if note["note"] == "left_out"] == [], "what there is, and no more"


def test_outputs_go_with_the_method(page: Page) -> None:
    """A plot is asked for where a method has one, as long as nobody has chosen the outputs; then those stay."""
    choose(page, file())
    button(page, "Find the number").click()
    plotted = {"kmeans": False, "optics": True, "agglomerative": True, "assign": False, "hdbscan": True}
    for method, has_plot in [*plotted.items()][1:] + [*plotted.items()][:1]:
        page.locator("#method").select_option(method)
        assert asked_for(page)["outputs"] == ["recolored", "points"] + has_plot * ["plot"]
    page.get_by_label("Plot", exact=True).check()
    page.get_by_label("Points", exact=True).uncheck()
    for method in plotted:
        page.locator("#method").select_option(method)
        assert asked_for(page)["outputs"] == ["recolored", "plot"]


def test_a_number_in_place_of_the_choice(page: Page) -> None:
    """Who has the number found, and then gives one, is not refused for the animation of a choice that is none."""
    button(page, "Tiles").click()
    button(page, "Find the number").click()
    fill(field(page, "n_clusters"), 4)
    expect(page.get_by_label("Sweep", exact=True)).not_to_be_checked()
    start(page)
    is_finished(page)
    expect(page.locator("#stage .title")).to_contain_text("4 colours")
    expect(page.locator("#stage .downloads .told")).to_have_count(0)


def test_a_method_without_a_preset(page: Page) -> None:
    """Agglomerative clustering is chosen among the methods, and has its result."""
    button(page, "Tiles").click()
    page.locator("#method").select_option(label="Agglomerative clustering")
    start(page)
    is_finished(page)
    expect(page.locator("#stage .title")).to_contain_text("agglomerative, 5 colours")


@pytest.mark.parametrize("algorithm", MODELS)
def test_every_parameter_has_a_field(page: Page, algorithm: str) -> None:
    """Every parameter of a method is shown with its help, takes another value than its default, and is asked for so;
    what is left alone is left out.
    """
    schema = MODELS[algorithm].model_json_schema()["properties"]
    fixed = {"algorithm", "region"} | {name for name, part in schema.items() if "const" in part}
    choose(page, file())
    page.locator("#method").select_option(algorithm)
    given = {name: GIVEN[name] for name in schema if name not in fixed}
    for name, value in given.items():
        shown = field(page, name)
        words = schema[name]["description"].replace("`", "").replace("null:", "not given:")
        assert shown.locator(".help").inner_text() == words
        fill(shown, value)
    assert asked_for(page) == {"algorithm": algorithm, **given}


def test_what_is_left_alone(page: Page) -> None:
    """A preset asks for what it names, and for nothing that is the default anyway."""
    choose(page, file())
    assert asked_for(page) == {"algorithm": "kmeans", "outputs": ["recolored", "points"]}


def test_bounds(page: Page) -> None:
    """A value out of bounds is not sent: the browser says at the field what is wrong, also where it is folded away."""
    choose(page, file())
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    field(page, "n_init").locator("input").fill("0")
    page.locator("summary", has_text="More").click()
    start(page)
    expect(field(page, "n_init").locator("input")).to_be_focused()
    assert "POST" not in sent


def test_what_does_not_go_together(page: Page, heard: Heard) -> None:
    """What only the service can know is wrong is said in its words, at the field, and goes when that is changed."""
    choose(page, file())
    page.get_by_label("Sweep", exact=True).check()
    start(page)
    wrong = page.locator("[data-name=outputs] .wrong")
    expect(wrong).to_contain_text("Outputs has sweep, which shows a choice")
    expect(page.locator("#stage .trouble")).to_have_count(0)
    page.get_by_label("Sweep", exact=True).uncheck()
    expect(wrong).to_be_empty()
    start(page)
    is_finished(page)
    heard.forgive("422")


def test_a_range_of_numbers(page: Page) -> None:
    """A number of clusters is a number, the service's choice, or its choice within a range."""
    choose(page, file())
    kinds = field(page, "n_clusters").locator("select")
    kinds.select_option(label="cluster range")
    for part, value in (("Min", "3"), ("Max", "6")):
        field(page, "n_clusters").get_by_label(part).fill(value)
    assert asked_for(page)["n_clusters"] == {"min": 3, "max": 6}
    kinds.select_option(label="auto")
    assert asked_for(page)["n_clusters"] == "auto"


def test_near_white(page: Page) -> None:
    """Near-white is left out by one click, beside other colours that are."""
    choose(page, file())
    fill(field(page, "exclude"), [{"color": "#000000", "tolerance": 1}])
    page.get_by_label("Leave near-white out").check()
    assert [one["color"] for one in asked_for(page)["exclude"]] == ["#000000", "#ffffff"]
    page.get_by_label("Leave near-white out").uncheck()
    assert [one["color"] for one in asked_for(page)["exclude"]] == ["#000000"]


def test_another_method_keeps_what_both_know(page: Page) -> None:
    """The colour space stays when the method changes; the method's own parameters do not."""
    choose(page, file())
    fill(field(page, "n_clusters"), 9)
    fill(field(page, "color_space"), "lab")
    page.locator("#method").select_option("hdbscan")
    asked = asked_for(page)
    assert (asked["algorithm"], asked["color_space"]) == ("hdbscan", "lab")
    assert "n_clusters" not in asked


def test_the_form_is_the_services(page: Page, service: Service) -> None:
    """A method and a parameter that the page has never heard of have their place in it: nothing is written into it."""
    schemas = httpx.get(f"{service.url}/v1/algorithms").json()
    toy = {"type": "integer", "default": 4, "minimum": 1, "maximum": 8, "description": "Number of wheels."}
    common = {
        name: part for name, part in schemas["optics"]["properties"].items() if name in schemas["assign"]["properties"]
    }
    schemas["toy"] = {"description": "Toy: every pixel is of the one cluster.", "properties": {**common, "wheels": toy}}
    page.route("**/v1/algorithms", lambda route: route.fulfill(json=schemas))
    page.reload()
    choose(page, file())
    page.locator("#method").select_option(label="Toy")
    field(page, "wheels").locator("input").fill("6")
    asked = asked_for(page)
    assert (asked["algorithm"], asked["wheels"]) == ("toy", 6)


def test_a_box_by_pointer(page: Page) -> None:
    """A box is dragged over the picture, shown on it, asked for in fractions, and taken away again."""
    button(page, "Tiles").click()
    button(page, "Box").click()
    place = page.locator(".over").bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + 0.25 * place["width"], place["y"] + 0.5 * place["height"])
    page.mouse.down()
    page.mouse.move(place["x"] + 0.75 * place["width"], place["y"] + 0.9 * place["height"])
    page.mouse.up()
    for told in ("#region-words", "#said"):
        expect(page.locator(told)).to_have_text("The box from 25 %, 50 % to 75 %, 90 % counts.")
    asked = asked_for(page)["region"]
    assert asked["box"] == pytest.approx([0.25, 0.5, 0.75, 0.9], abs=0.005)
    assert asked["unit"] == "fraction"
    assert parse_params({"region": asked}).region is not None
    button(page, "Whole picture").click()
    assert "region" not in asked_for(page)


def test_a_polygon_by_pointer(page: Page) -> None:
    """A polygon's corners are clicked one by one; a double click, or one on the first corner, ends it."""
    button(page, "Tiles").click()
    for corners, last in (([(0.2, 0.2), (0.8, 0.3)], (0.5, 0.9)), ([(0.2, 0.2), (0.8, 0.3), (0.5, 0.9)], (0.2, 0.2))):
        button(page, "Polygon").click()
        place = page.locator(".over").bounding_box()
        assert place is not None
        for x, y in corners:
            page.mouse.click(place["x"] + x * place["width"], place["y"] + y * place["height"])
        click = page.mouse.dblclick if last == (0.5, 0.9) else page.mouse.click
        click(place["x"] + last[0] * place["width"], place["y"] + last[1] * place["height"])
        asked = asked_for(page)["region"]["polygon"]
        assert asked == [pytest.approx(corner, abs=0.005) for corner in ((0.2, 0.2), (0.8, 0.3), (0.5, 0.9))]


def test_a_region_by_keys(page: Page) -> None:
    """Arrow keys move a cross, Enter sets a corner, Backspace takes one back, Escape gives up; each step is said."""
    button(page, "Tiles").click()
    button(page, "Box").press("Enter")
    expect(page.locator(".over")).to_be_focused()
    keys = ["Shift+ArrowLeft", "Shift+ArrowUp", "Enter", "Backspace", "ArrowLeft", "Enter", *["Shift+ArrowRight"] * 3]
    for key in [*keys, "Shift+ArrowDown"]:
        page.keyboard.press(key)
    expect(page.locator("#said")).to_have_text("69 %, 50 %")
    page.keyboard.press("Enter")
    expect(page.locator("#stage")).to_be_focused()
    assert asked_for(page)["region"]["box"] == [0.39, 0.4, 0.69, 0.5]
    button(page, "Polygon").press("Enter")
    page.keyboard.press("Escape")
    assert "box" in asked_for(page)["region"]
    button(page, "Polygon").press("Enter")
    for key in ("Enter", "Shift+ArrowRight", "Enter", "Shift+ArrowDown", "Enter", "Enter"):
        page.keyboard.press(key)
    assert asked_for(page)["region"]["polygon"] == [[0.5, 0.5], [0.6, 0.5], [0.6, 0.6]]


def test_a_region_by_finger(opened: Callable[..., Page]) -> None:
    """A finger ends a polygon beside its first corner, where a mouse would set another one."""
    page = opened(viewport={"width": 360, "height": 740}, has_touch=True)
    button(page, "Tiles").click()
    button(page, "Settings").click()
    button(page, "Polygon").click()
    place = page.locator(".over").bounding_box()
    assert place is not None
    for x, y in ((0.2, 0.2), (0.8, 0.3), (0.5, 0.9)):
        page.touchscreen.tap(place["x"] + x * place["width"], place["y"] + y * place["height"])
    expect(page.locator("#said")).to_contain_text("Corner 3")
    page.touchscreen.tap(place["x"] + 0.2 * place["width"] + 15, place["y"] + 0.2 * place["height"])
    expect(page.locator("#said")).to_have_text("A polygon of 3 corners counts.")


def test_drawing_is_given_up(page: Page) -> None:
    """How a region is drawn is told beside the picture; who gives up, by key or button, is back at the result."""
    button(page, "Tiles").click()
    start(page)
    is_finished(page)
    for kind, words in (("Box", "Drag a box"), ("Polygon", "Click its corners")):
        for give_up in (lambda: page.keyboard.press("Escape"), lambda: button(page, "Give up").click()):
            button(page, kind).click()
            expect(page.locator("#stage .body")).to_contain_text(words)
            give_up()
            is_finished(page)
            expect(page.locator("#stage")).to_be_focused()
    button(page, "Whole picture").click()
    is_finished(page)
    assert "region" not in asked_for(page)


def test_no_region_without_a_picture(page: Page, opened: Callable[..., Page]) -> None:
    """In a browser that has the result alone, a region is refused for that reason."""
    choose(page, file())
    start(page)
    is_finished(page)
    elsewhere = opened(f"/#/jobs/{job_of(page)}")
    is_finished(elsewhere)
    button(elsewhere, "Box").click()
    expect(elsewhere.locator("#toasts")).to_contain_text("Choose it again")
    expect(elsewhere.locator("#said")).to_have_text("The colours are found.")
