"""What a person reads, takes away and asks for of a finished job, in a real browser: all of it, for everyone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from api.palette.registry import FORMATS
from tests.conftest import require
from tests.page.result.conftest import PICTURE
from tests.support.calls import finished, post_form
from tests.support.images import encoded, noise
from tests.support.result_page import ResultPage, boxes, colors_of

HOSTILE = '<img src=x onerror=alert(1)> it\'s; "a", $(id).png'
WINDOW = {"viewport": {"width": 1000, "height": 800}}


def test_quality_in_words(page: ResultPage, client: httpx.Client) -> None:
    """How close it is, what was done to the picture, how long it took, and what should be known: as sentences."""
    picture = encoded(np.array([[[200, 30, 30, 255], [20, 40, 200, 255], [0, 0, 0, 0]]], np.uint8).repeat(40, axis=0))
    job = finished(client, picture, n_clusters=5)
    shown = page.show(job, picture)
    note = job["result"]["notes"][0]["detail"]
    expect(shown.get_by_text(note, exact=True)).to_be_visible()
    shown.get_by_role("tab", name="Quality").click()
    said = shown.locator(".quality").inner_text().replace("\xa0", " ")
    for words in (
        "ΔE 0.0 on average", "100.0 % of the pixels within ΔE 5", "painted in these colours it is the original",
        "1.00 of at most 1, over all of the pixels: the colours are well apart", "40 pixels, in no share",
        "3 × 40 pixels", "2 distinct colours on 80 pixels", "PNG, RGBA, 8 bits a sample", "decoding", "for a worker",
    ):  # fmt: skip
        assert words in said
    timings = job["result"]["timings_ms"]
    stage = {"decode": "decoding", "count": "counting colours", "cluster": "clustering"}
    for name, words in stage.items():
        shown_time = "< 1 ms" if timings[name] < 1 else f"{int(timings[name] + 0.5)} ms"
        assert f"{words} {shown_time}" in said


@pytest.mark.parametrize(("size", "told"), [(500, []), (5, ["As a picture", "of the pixels in clusters within"])])
def test_quality_with_noise(page: ResultPage, client: httpx.Client, size: int, told: list[str]) -> None:
    """Where all is noise nothing was painted, and nothing is said of how close that is; with some noise, whose pixels
    count is said.
    """
    picture = encoded(np.concatenate([noise(20, 20), np.full((20, 20, 3), 90, np.uint8)]))
    job = finished(client, picture, algorithm="hdbscan", min_cluster_size=size)
    shown = page.show(job, picture)
    shown.get_by_role("tab", name="Quality").click()
    said = shown.locator(".quality").inner_text().replace("\xa0", " ")
    assert "belong to no cluster" in said
    assert ("As a picture" in said) == bool(told)
    for words in told:
        assert words in said


def saved(page: ResultPage, link: Locator) -> tuple[str, bytes]:
    with page.page.expect_download() as download:
        link.click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_everything_can_be_saved(page: ResultPage, client: httpx.Client) -> None:
    """Each palette format and each file is there under the image's name; saved, it is what the service has."""
    job = post_form(client, PICTURE, n_clusters="auto", outputs=["recolored", "card", "sweep", "masks"]).json()
    shown = page.show(job, PICTURE)
    links = shown.locator(".downloads a")
    hrefs = {f"palette.{ending}": f"{job['links']['self']}/palette.{ending}" for ending in FORMATS}
    hrefs |= {file["name"]: file["href"] for file in job["result"]["artifacts"]}
    assert sorted(links.all_inner_texts()) == sorted(hrefs)
    for name, href in hrefs.items():
        link = links.get_by_text(name, exact=True)
        assert link.get_attribute("href") == href
        assert link.get_attribute("download") == f"small-{name}"
    for name in ("palette.css", "palette.ase", "labels.npy", "recolored.png"):
        found = saved(page, links.get_by_text(name, exact=True))
        assert found == (f"small-{name}", client.get(hrefs[name]).content)
    shown.get_by_role("tab", name="Animation").click()
    image = shown.get_by_role("img", name="The picture in each number of colours")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 640


def posted_as(client: httpx.Client, filename: str, params: dict[str, Any]) -> dict[str, Any]:
    """The job of PICTURE under just that name, which httpx would write in a way of its own."""
    name = filename.replace('"', '\\"')
    parts = [
        f'Content-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'.encode() + PICTURE,
        b'Content-Disposition: form-data; name="params"\r\n\r\n' + json.dumps(params).encode(),
    ]
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Prefer": "wait=30"}
    job: dict[str, Any] = client.post("/v1/jobs", content=body, headers=headers).json()
    assert (job["status"], job["image"]["filename"]) == ("succeeded", filename)
    return job


def test_the_same_by_curl_python_and_javascript(page: ResultPage, client: httpx.Client, tmp_path: Path) -> None:
    """What is shown as code does just what was done, whatever the file is called and the parameters hold."""
    (tmp_path / HOSTILE).write_bytes(PICTURE)
    params = {
        "n_clusters": 3,
        "alpha": "blend:#ffffff",
        "standardize": True,
        "region": {"box": [0, 0, 0.5, 1], "unit": "fraction"},
        "exclude": [{"color": "#000000", "tolerance": 2.5}],
        "max_pixels": None,
        "outputs": ["card"],
        "client_reference": 'it\'s "mine" $HOME `id` \\',
    }
    job = posted_as(client, HOSTILE, params)
    shown = page.show(job, PICTURE, params)
    commands = {"curl": ["bash"], "Python": [sys.executable, "-"], "JavaScript": ["node", "--input-type=module", "-"]}
    for language, command in commands.items():
        require(command[0])
        shown.get_by_role("tab", name=language).click()
        panel = shown.get_by_role("tabpanel", name=language)
        panel.get_by_role("button", name="Copy").click()
        expect(shown.locator("[role=status]")).to_have_text(f"Copied the {language} code")
        code = page.clipboard
        assert code == panel.locator("code").inner_text()
        ran = subprocess.run(command, input=code, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
        done = client.get("/v1/jobs", params={"limit": 1}).json()["jobs"][0]
        assert done["id"] != job["id"]
        assert (done["params"], done["client_reference"]) == (job["params"], params["client_reference"])
        assert done["image"]["sha256"] == job["image"]["sha256"]
        assert job["result"]["palette"][0]["hex"] in ran.stdout


def test_what_cannot_be_fetched(page: ResultPage, client: httpx.Client) -> None:
    """A file that cannot be saved is said to be so, for all to see; a tab that could not be filled is tried again."""
    page.page.evaluate(
        """() => {
            const ask = window.fetch;
            const isAway = (href) => /palette|points/.test(href);
            window.fetch = (href) => isAway(href) ? Promise.reject(new Error('It is away.')) : ask(href);
            window.heal = () => void (window.fetch = ask);  // a function would be called
        }"""
    )
    shown = page.show(finished(client, PICTURE, n_clusters=3, outputs="points"), PICTURE)
    shown.get_by_text("palette.css", exact=True).click()
    said = shown.locator("[role=status]")
    expect(said).to_have_text("palette.css could not be fetched: It is away.")
    assert said.evaluate("one => one.clientHeight") > 16
    expect(shown.get_by_role("alert")).to_have_text("This could not be shown: It is away.")
    page.page.evaluate("window.heal()")
    shown.get_by_role("button", name="Try again").click()
    expect(shown.locator(".room canvas")).to_be_visible()
    shown.get_by_text("palette.css", exact=True).click()
    expect(said).to_have_text("Saved palette.css")
    assert said.evaluate("one => one.clientHeight") <= 1


def test_names_are_text(page: ResultPage, client: httpx.Client) -> None:
    """What an image is called is never markup."""
    job = posted_as(client, HOSTILE, {})
    shown = page.show(job, PICTURE)
    shown.get_by_role("tab", name="curl").click()
    expect(shown.locator("code").first).to_contain_text("<img src=x onerror=alert(1)>")
    assert shown.locator("img").count() == 0
    assert (
        shown.locator(".downloads a").first.get_attribute("download")
        == "_img src=x onerror=alert(1)_ it's; _a_, $(id)-palette.css"
    )


def test_keys_reach_everything(page: ResultPage, shown: Locator) -> None:
    """Tab goes from the picture to the files, each stop is seen to have the focus; arrows go along tabs and choices."""
    keyboard = page.page.keyboard
    shown.locator(".picture-stage").focus()
    stops = []
    for _ in range(60):
        keyboard.press("Tab")
        stop = page.page.evaluate("""() => {
            const one = document.activeElement;
            const seen = one.matches('.choice input') ? one.nextSibling : one;
            const style = getComputedStyle(seen);
            const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
            return [one.className || one.name || one.textContent, outlined || one.matches('.split')];
        }""")
        stops.append(stop)
        if "palette.css" in stop[0]:
            break
    assert all(seen for _, seen in stops), stops
    assert [name for name, _ in stops].count("tile") == 12
    shown.get_by_role("tab", name="3-D").focus()
    keyboard.press("ArrowRight")
    expect(shown.get_by_role("tab", name="Table")).to_be_focused()
    expect(shown.get_by_role("table")).to_be_visible()
    keyboard.press("End")
    expect(shown.locator(".quality")).to_be_visible()
    keyboard.press("ArrowRight")
    expect(shown.get_by_role("tab", name="3-D")).to_have_attribute("aria-selected", "true")
    shown.locator(".tile").first.focus()
    keyboard.press("Enter")
    expect(shown.locator("[role=status]")).to_contain_text("Copied #")


def test_two_results_share_nothing(page: ResultPage, job: dict[str, Any], client: httpx.Client) -> None:
    """Two stand side by side: no id is there twice, each copies its own; one that is closed leaves nothing behind, and
    the other goes on."""
    other = finished(client, n_clusters=2)
    shown = [page.show(job, PICTURE), page.show(other, None, place="second")]
    ids = page.page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))
    groups = page.page.evaluate(
        "new Set([...document.querySelectorAll('input[type=radio]')].map(one => one.name)).size"
    )
    assert groups >= 4
    assert len(page.page.workers) == 2
    page.close("first")
    expect(page.page.locator("#first")).to_be_empty()
    for _ in range(100):
        page.page.wait_for_timeout(20)
        if len(page.page.workers) == 1:
            break
    assert len(page.page.workers) == 1
    shown[1].locator(".tile").first.click()
    assert page.clipboard == other["result"]["palette"][0]["hex"]
    page.close("second")


@pytest.mark.parametrize(
    ("width", "media"),
    [(360, {"color_scheme": "dark"}), (640, {"reduced_motion": "reduce"}), (1440, {"forced_colors": "active"})],
)
def test_nothing_reaches_over(page: ResultPage, job: dict[str, Any], width: int, media: dict[str, Any]) -> None:
    """From a phone to a wide screen nothing is cut off or scrolls sideways, in dark and in forced colours too; axe-core
    finds nothing of any weight.
    """
    page.page.set_viewport_size({"width": width, "height": 800})
    page.page.emulate_media(**media)
    try:
        shown = page.show(job, PICTURE)
        for name in shown.get_by_role("tab").all_inner_texts():
            shown.get_by_role("tab", name=name, exact=True).click()
            assert page.page.evaluate("document.documentElement.scrollWidth") == width
            expect(shown.locator("[aria-busy]")).to_have_count(0)
            found = Axe().run(page.page).response["violations"]
            assert found == [], [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]
        wide = boxes(shown.locator(".tile > span"))
        tiles = boxes(shown.locator(".tile"))
        assert wide[:, 2].max() <= tiles[:, 2].max()
        assert colors_of(shown.locator(".tile")) == [entry["hex"] for entry in job["result"]["palette"]]
    finally:
        page.page.set_viewport_size({"width": 1000, "height": 800})
        page.page.emulate_media(color_scheme="light", reduced_motion="no-preference", forced_colors="none")
