"""A result's colours in a real browser: bar, tiles and table say the same, are to scale, and copy."""

from typing import Any

import httpx
import numpy as np
from playwright.sync_api import Locator, expect

from tests.support.calls import finished
from tests.support.images import encoded
from tests.support.result_page import ResultPage, boxes, colors_of

WINDOW = {"viewport": {"width": 1000, "height": 800}}


def test_the_bar_is_to_scale(shown: Locator, job: dict[str, Any]) -> None:
    """Each colour is as wide as its share, touches the next, and stands for no other; a small one is named under the
    bar, at a hairline from its middle."""
    palette = job["result"]["palette"]
    segments = boxes(shown.locator(".segment"))
    width = segments[-1, 2] - segments[0, 0]
    np.testing.assert_allclose((segments[:, 2] - segments[:, 0]) / width, job["result"]["proportions"], atol=1e-4)
    np.testing.assert_allclose(segments[1:, 0], segments[:-1, 2], atol=0.02)
    assert colors_of(shown.locator(".segment")) == [entry["hex"] for entry in palette]
    small = [entry for entry in palette if entry["proportion"] < 0.03]
    assert len(small) >= 3
    middles = (segments[:, 0] + segments[:, 2]) / 2
    lines, flags = boxes(shown.locator(".hairline")), shown.locator(".flag").all_inner_texts()
    for entry in small[:3]:
        place = next(at for at, text in enumerate(flags) if entry["hex"] in text)
        assert abs(lines[place, 0] - middles[entry["label"]]) < 1
        assert shown.locator(".segment").nth(entry["label"]).inner_text() == ""
    for entry in palette[:3]:
        assert entry["hex"] in shown.locator(".segment").nth(entry["label"]).inner_text()


def test_texts_under_the_bar_cross_nothing(shown: Locator) -> None:
    """No text lies on another, and no hairline goes through a text."""
    flags, lines = boxes(shown.locator(".flag")), boxes(shown.locator(".hairline"))
    assert len(flags) >= 3
    for at, (left, top, right, bottom) in enumerate(flags):
        others = np.delete(flags, at, axis=0)
        beside = (others[:, 2] <= left + 0.5) | (others[:, 0] >= right - 0.5)
        assert (beside | (others[:, 1] >= bottom - 0.5) | (others[:, 3] <= top + 0.5)).all()
        through = (lines[:, 0] > left + 1) & (lines[:, 2] < right - 1) & (lines[:, 3] > top + 4)
        assert not through.any()


def test_tiles_touch(shown: Locator, job: dict[str, Any]) -> None:
    """Tiles fill their rows without a gap, each in its colour and with its numbers."""
    tiles = shown.locator(".tile")
    places = boxes(tiles)
    for top in np.unique(places[:, 1]):
        row = places[places[:, 1] == top]
        np.testing.assert_allclose(row[1:, 0], row[:-1, 2], atol=0.02)
        np.testing.assert_allclose(row[[0, -1], [0, 2]], boxes(shown.locator(".bar-strip"))[0, [0, 2]], atol=0.5)
    assert colors_of(tiles) == [entry["hex"] for entry in job["result"]["palette"]]
    ranks = sorted(job["result"]["palette"], key=lambda entry: -entry["accent"])
    for entry, text in zip(job["result"]["palette"], tiles.all_inner_texts(), strict=True):
        best = max(entry["contrast"].values())
        for part in (
            entry["name"]["name"],
            entry["hex"],
            f"{100 * entry['proportion']:.1f}",
            f"{int(best * 10) / 10}:1",
        ):
            assert part in text.replace("\xa0", " ")
        rank = ranks.index(entry) + 1
        assert (f"accent {rank}" in text) == (rank <= 3)


def test_one_click_copies(page: ResultPage, shown: Locator, job: dict[str, Any], client: httpx.Client) -> None:
    """A click copies the colour in the notation that is chosen; the variables are those of the palette's stylesheet."""
    css = client.get(f"{job['links']['self']}/palette.css").text
    for entry in job["result"]["palette"]:
        lightness, chroma, hue = entry["oklch"]
        expected = {
            "hex": entry["hex"],
            "rgb": "rgb({} {} {})".format(*entry["rgb"]),
            "oklch": f"oklch({100 * lightness:.2f}% {chroma:.4f} {hue:.2f})",
            "CSS variable": css.splitlines()[2 + entry["label"]].strip(),
        }
        for notation, text in expected.items() if entry["label"] in (0, 11) else [("CSS variable", None)]:
            shown.get_by_role("radio", name=notation, exact=True).check()
            shown.locator(f".tile[data-label='{entry['label']}']").click()
            expect(shown.locator("[role=status]")).to_have_text(f"Copied {text or expected[notation]}")
            assert page.clipboard == (text or expected[notation])


def test_tiles_and_bar_are_sorted(page: ResultPage, client: httpx.Client) -> None:
    """By share, hue or lightness, bar and tiles alike; greys, which have no hue, stand behind all others."""
    colors = ["#808080", "#c02010", "#1030d0", "#e8e8e8", "#20a040", "#e0d020", "#d04090"]
    row = [bytes.fromhex(color[1:]) for number, color in enumerate(colors) for _ in range(60 - number**2)]
    picture = encoded(np.frombuffer(b"".join(row[::-1]), np.uint8).reshape(1, -1, 3))
    job = finished(client, picture, algorithm="assign", palette=colors[::2] + colors[1::2])
    shown = page.show(job, picture)
    palette = job["result"]["palette"]
    expected = {
        "share": sorted(palette, key=lambda entry: -entry["proportion"]),
        "hue": sorted(palette, key=lambda entry: (entry["hex"] in ("#808080", "#e8e8e8"), entry["oklch"][2])),
        "lightness": sorted(palette, key=lambda entry: -entry["oklch"][0]),
    }
    assert [entry["hex"] for entry in expected["share"]] == colors
    for name in ("share", "hue", "lightness", "share"):
        shown.get_by_role("radio", name=name, exact=True).check()
        for kind in (".tile", ".segment"):
            found = colors_of(shown.locator(kind))
            if name == "hue":
                assert set(found[-2:]) == {"#808080", "#e8e8e8"}
                assert found[:-2] == [entry["hex"] for entry in expected["hue"]][:-2]
            else:
                assert found == [entry["hex"] for entry in expected[name]]


def test_the_table_says_the_same(page: ResultPage, shown: Locator, job: dict[str, Any]) -> None:
    """A row for each colour with a heading; copied, it has the numbers as they are, between tabs."""
    shown.get_by_role("tab", name="Table").click()
    rows = shown.get_by_role("row")
    expect(rows).to_have_count(13)
    names = rows.nth(0).get_by_role("columnheader").all_inner_texts()
    shown.get_by_role("button", name="Copy the table").click()
    expect(shown.locator("[role=status]")).to_have_text("Copied the table")
    lines = [line.split("\t") for line in page.clipboard.splitlines()]
    assert lines[0] == names
    for entry, line in zip(job["result"]["palette"], lines[1:], strict=True):
        values = dict(zip(names, line, strict=True))
        assert values["Hex"] == rows.nth(1 + entry["label"]).get_by_role("rowheader").inner_text() == entry["hex"]
        assert float(values["Share"]) == entry["proportion"]
        assert (int(values["Pixels"]), float(values["Accent"])) == (entry["pixels"], entry["accent"])
        assert (values["Nearest in the image"], values["Most frequent"]) == (entry["medoid"], entry["mode"])
