"""The plots of a result: what is drawn, against the service's JSON of it; another number is asked for by a click."""

import re
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.support.calls import finished
from tests.support.images import encoded, noise, photograph
from tests.support.result_page import ResultPage

WINDOW = {"viewport": {"width": 900, "height": 1200}}

FLOWER = photograph("flower.jpg").read_bytes()
SMALL = {"max_pixels": 20_000, "outputs": "plot"}


def data_of(client: httpx.Client, job: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{job['links']['self']}/files/{name}.json").json()
    return found


def numbers(path: str) -> np.ndarray:
    """The points of a path of lines, f64[n, 2]."""
    return np.array(re.findall(r"-?[\d.]+", path), float).reshape(-1, 2)


def paths(found: Locator) -> list[np.ndarray]:
    expect(found).not_to_have_count(0)  # the heading may be there a frame before them
    return [numbers(path) for path in found.evaluate_all("all => all.map(one => one.getAttribute('d'))")]


def colors(found: Locator, of: str) -> list[str]:
    script = "(all, of) => all.map(one => getComputedStyle(one)[of])"
    return [
        "#" + bytes(int(value) for value in re.findall(r"\d+", text)[:3]).hex()
        for text in found.evaluate_all(script, of)
    ]


def test_optics_shows_its_valleys(page: ResultPage, client: httpx.Client) -> None:
    """Each run of a cluster is an area in its colour, as wide as it has pixels; its height is the reachability."""
    job = finished(client, FLOWER, algorithm="optics", **SMALL)
    found, palette = data_of(client, job, "reachability"), job["result"]["palette"]
    shown = page.show(job, FLOWER)
    shown.get_by_role("tab", name="Reachability").click()
    count = len(palette)
    title = "1 valley is a cluster" if count == 1 else f"{count} valleys are clusters"
    expect(shown.get_by_role("heading", name=title)).to_be_visible()
    plot = shown.locator(".chart")
    left, _, bottom, right = map(float, re.findall(r"[\d.]+", plot.locator(".axis").get_attribute("d") or ""))
    labels, edges = np.array(found["label"]), np.array([*found["first"], found["pixels"]], float)
    widths = np.diff(edges) / edges[-1] * (right - left)
    for label in range(-1, count):
        areas = paths(plot.locator(f"[data-label='{label}'] > path:nth-of-type(1)"))
        wide = sum(area[:, 0].max() - area[:, 0].min() for area in areas)
        assert wide == pytest.approx(widths[labels == label].sum(), abs=0.2 * max(1, len(areas)))
        if label >= 0:
            assert set(colors(plot.locator(f"[data-label='{label}'] > path"), "fill")) == {palette[label]["hex"]}
    heights = np.array([np.nan if value is None else value for value in found["reachability"]])
    outline = paths(plot.locator(".edge"))[0]
    drawn = bottom - outline[::2, 1]
    known = ~np.isnan(heights)
    np.testing.assert_allclose(drawn[known] / drawn[known].max(), heights[known] / np.nanmax(heights), atol=0.002)


def test_hdbscan_shows_its_tree(page: ResultPage, client: httpx.Client) -> None:
    """Chosen clusters are in their colours and as wide as they have pixels, where they are born; density grows down."""
    job = finished(client, FLOWER, algorithm="hdbscan", **SMALL)
    found, palette = data_of(client, job, "condensed_tree"), job["result"]["palette"]
    shown = page.show(job, FLOWER)
    shown.get_by_role("tab", name="Condensed tree").click()
    expect(shown.get_by_role("heading", name="together as density rises")).to_be_visible()
    icicles = paths(shown.locator(".icicle"))
    assert len(icicles) == len(found["clusters"])
    root = icicles[0]
    scale = (root[:, 0].max() - root[:, 0].min()) / found["clusters"][0]["steps"][0][1]
    for icicle, cluster in zip(icicles, found["clusters"], strict=True):
        assert icicle[:, 0].max() - icicle[:, 0].min() == pytest.approx(cluster["steps"][0][1] * scale, abs=0.2)
        assert icicle[:, 0].min() - root[:, 0].min() == pytest.approx(cluster["left"] * scale, abs=0.2)
        assert icicle[0, 1] == icicle[:, 1].min()
    for cluster, fill in zip(found["clusters"], colors(shown.locator(".icicle"), "fill"), strict=True):
        if cluster["label"] is not None:
            assert fill == palette[cluster["label"]]["hex"]
    chosen = sum(cluster["label"] is not None for cluster in found["clusters"])
    assert shown.locator(".icicle.chosen").count() == chosen == len(palette)


@pytest.mark.parametrize("clusters", [1, 7, 40])
def test_the_cut_parts_the_dendrogram(page: ResultPage, client: httpx.Client, clusters: int) -> None:
    """The line crosses as many branches as there are clusters, and has its number at it; below, branches have their
    cluster's colour."""
    job = finished(client, FLOWER, algorithm="agglomerative", n_clusters=clusters, **SMALL)
    found = data_of(client, job, "dendrogram")
    shown = page.show(job, FLOWER)
    shown.get_by_role("tab", name="Dendrogram").click()
    title = "All branches are one cluster" if clusters == 1 else f"{clusters} branches below the line are the clusters"
    expect(shown.get_by_role("heading", name=title)).to_be_visible()
    branches = paths(shown.locator(".branch:not(.under)"))
    assert len(branches) == found["leaves"] - 1
    assert shown.locator(".leaf").count() == found["leaves"]
    drawn = set(colors(shown.locator("[data-label] > .leaf"), "fill"))
    assert drawn == {entry["hex"] for entry in job["result"]["palette"]}
    if clusters == 1:
        assert shown.locator(".chosen-line").count() == 0
        return
    expect(shown.locator(".chart")).to_contain_text(f"{clusters} clusters")
    cut = float(re.findall(r"[\d.]+", shown.locator(".chosen-line").get_attribute("d") or "")[1])
    crossed = sum(bar[1, 1] < cut + 0.06 < end for bar in branches for end in (bar[0, 1], bar[3, 1]))
    assert crossed == clusters


@pytest.mark.parametrize("criterion", [None, "silhouette", "bic"])
def test_another_number_is_asked_for(page: ResultPage, client: httpx.Client, criterion: str | None) -> None:
    """The choice is marked by a line and its number; a click on another number, or Enter, asks for just that."""
    # As the preset asks for it; the animation and the plot are of several numbers.
    params = {"n_clusters": {"min": 2, "max": 9}, "max_pixels": 20_000, "outputs": "card,plot,sweep"}
    job = finished(client, FLOWER, **params, **({} if criterion is None else {"criterion": criterion}))
    selection = job["result"]["selection"]
    chosen, measure = selection["chosen"], selection["criterion"]
    shown = page.show(job, FLOWER)
    shown.get_by_role("tab", name="Number of colours").click()
    words = {"elbow": "The inertia bends most at", "davies_bouldin": "Davies-Bouldin index is lowest at",
             "silhouette": "Silhouette is highest at", "bic": "BIC is lowest at"}[measure]  # fmt: skip
    expect(shown.get_by_role("heading", name=f"{words} {chosen} colours")).to_be_visible()
    expect(shown.locator(".chart").first).to_contain_text(f"{chosen} chosen")
    charts = {"inertia": 0, ("silhouette" if measure == "elbow" else measure): 1}
    for name, place in charts.items():
        dots = shown.locator(".chart").nth(place).locator("circle")
        high = np.array(dots.evaluate_all("all => all.map(one => -one.cy.baseVal.value)"))
        values = np.array([entry[name] for entry in selection["curve"]])
        np.testing.assert_allclose(
            np.ptp(values) * (high - high.min()), np.ptp(high) * (values - values.min()), atol=np.ptp(values) * 0.2
        )
        line = shown.locator(".chart").nth(place).locator(".chosen-line").get_attribute("d") or ""
        across = dots.nth(chosen - 2).evaluate("one => one.cx.baseVal.value")
        assert float(re.findall(r"[\d.]+", line)[0]) == pytest.approx(across)
    other = 9 if chosen != 9 else 2
    shown.locator(f".chart:nth-of-type(2) .column[data-number='{other}']").click()
    shown.locator(f".chart:nth-of-type(1) .column[data-number='{chosen}']").dispatch_event("click")
    shown.get_by_role("button", name=f"{chosen} colours, chosen").focus()
    page.page.keyboard.press("ArrowRight" if chosen < 9 else "ArrowLeft")
    page.page.keyboard.press("Enter")
    beside = chosen + 1 if chosen < 9 else chosen - 1
    assert page.asked == [{"n_clusters": number, "criterion": None, "outputs": ["card"]} for number in (other, beside)]
    answer = client.post("/v1/jobs", json={"image_base64": "AAAA", **job["params"], **page.asked[0]})
    assert answer.json()["code"] != "invalid_params"


def test_pointing_at_a_plot_lights_up(page: ResultPage, client: httpx.Client) -> None:
    """A cluster that is pointed at in a plot is marked among the tiles, and no more when it is left."""
    job = finished(client, FLOWER, algorithm="agglomerative", n_clusters=4, **SMALL)
    shown = page.show(job, FLOWER)
    shown.get_by_role("tab", name="Dendrogram").click()
    leaf = shown.locator("[data-label='2'] > .leaf").first
    leaf.hover()
    expect(shown.locator(".under > .tile")).to_have_attribute("data-label", "2")
    page.page.mouse.move(1, 1)
    expect(shown.locator(".under > .tile")).to_have_count(0)


CASES: list[tuple[str, bytes, dict[str, Any]]] = [
    ("all noise", encoded(noise(40, 40)), {"algorithm": "hdbscan", "min_cluster_size": 500, "outputs": "plot,points"}),
    ("no valley", encoded(noise(40, 40)), {"algorithm": "optics", "min_cluster_size": 1500, "outputs": "plot,points"}),
    ("one colour", encoded(np.full((9, 9, 3), 70, np.uint8)), {"n_clusters": "auto", "outputs": "plot,points,sweep"}),
    ("one branch", encoded(np.full((9, 9, 3), 70, np.uint8)), {"algorithm": "agglomerative", "outputs": "plot,points"}),
    ("given", FLOWER, {"algorithm": "assign", "palette": ["#ff0000", "#00ff00", "#123456"], "outputs": "points"}),
    ("hundred", FLOWER, {"n_clusters": 100, "outputs": "plot,points,card"}),
    ("wide", encoded(noise(1, 3000)), {"n_clusters": 3, "outputs": "points"}),
]


@pytest.mark.parametrize(("image", "params"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_every_kind_of_result(page: ResultPage, client: httpx.Client, image: bytes, params: dict[str, Any]) -> None:
    """Nothing is missing and nothing is said on the console, whatever there is: each tab has its content, each note
    stands there once.
    """
    job = finished(client, image, **params)
    shown = page.show(job, image)
    for note in job["result"]["notes"]:
        expect(shown.get_by_text(note["detail"], exact=True)).to_have_count(1)
    for tab in shown.get_by_role("tab").all():
        tab.click()
        panel = shown.locator(f"[id='{tab.get_attribute('aria-controls')}']")
        expect(panel).not_to_have_attribute("aria-busy", "true")
        expect(panel.locator("> *")).not_to_have_count(0)
        expect(shown.get_by_role("alert")).to_have_count(0)
    text = shown.inner_text()
    assert not re.search(r"undefined|NaN|Infinity|\[object", text), text


def test_a_plot_that_was_not_asked_for(page: ResultPage, client: httpx.Client) -> None:
    """A button asks for it."""
    shown = page.show(finished(client, FLOWER, algorithm="agglomerative", max_pixels=5000), FLOWER)
    shown.get_by_role("tab", name="Dendrogram").click()
    shown.get_by_role("tabpanel", name="Dendrogram").get_by_role("button", name="Make it").click()
    assert page.asked == [{"outputs": ["plot"]}]
