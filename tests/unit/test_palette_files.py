"""Palette files, each read back by something that is not huemill."""

import csv
import io
import re
import struct
from typing import Any
from xml.etree import ElementTree

import coloraide
import orjson
import pytest
import tinycss2
from hypothesis import given
from hypothesis import strategies as st

from api.palette.registry import FORMATS
from api.palette.swatches import Swatches, from_result
from shared.contract.palettes import PALETTE_FORMATS

NAMES = ["steel blue", "steel blue", "robin's egg blue", "blue/grey", "black", "white", 'Größe, "grün"']
HEXES = ["#4682b4", "#4782b4", "#98eff9", "#758da3", "#000000", "#ffffff", "#2f4f4f"]
SHARES = [0.4, 0.2, 0.1, 0.08, 0.02, 0.0005, 0.1]


def test_what_a_client_may_name_can_be_written() -> None:
    """The endings that gateway and command line share have a writer each."""
    assert list(FORMATS) == list(PALETTE_FORMATS)


def rgb(hex_color: str) -> list[int]:
    return list(bytes.fromhex(hex_color[1:]))


def result(names: list[str], hexes: list[str], shares: list[float]) -> dict[str, Any]:
    """As much of a stored result as a palette is made of."""
    palette = [
        {
            "label": label,
            "name": {"name": name, "list": "xkcd", "delta_e": 1.0},
            "hex": hex_color,
            "rgb": rgb(hex_color),
            "text": "#ffffff" if sum(rgb(hex_color)) < 384 else "#000000",
            "pixels": round(10_000 * share),
            "proportion": share,
        }
        for label, (name, hex_color, share) in enumerate(zip(names, hexes, shares, strict=True))
    ]
    return {"palette": palette, "noise": {"pixels": 5, "proportion": 1 - sum(shares)}}


@pytest.fixture
def palette() -> Swatches:
    return from_result(result(NAMES, HEXES, SHARES), "photo */ of\nme.jpg")


def written(palette: Swatches, ending: str) -> bytes:
    return FORMATS[ending].write(palette)


def expected(palette: Swatches) -> list[tuple[str, list[int]]]:
    return [(color.name, list(color.rgb)) for color in palette.colors]


def test_names_are_unique_and_keep_their_order(palette: Swatches) -> None:
    """Of two colours with one name, the second one gets a number."""
    assert [color.name for color in palette.colors][:3] == ["steel blue", "steel blue 2", "robin's egg blue"]
    assert [color.slug for color in palette.colors] == [
        "steel-blue",
        "steel-blue-2",
        "robins-egg-blue",
        "blue-grey",
        "black",
        "white",
        "große-grun".replace("ß", ""),
    ]


@given(st.lists(st.sampled_from(["a", "a 2", "a-2", "A", "a 3", "é", "'", "2"]), max_size=12))
def test_no_two_colours_share_a_name_or_a_slug(names: list[str]) -> None:
    """Whatever the names are, numbers that look like ours included."""
    made = from_result(result(names, ["#123456"] * len(names), [0.01] * len(names)), "t")
    assert len({color.name for color in made.colors}) == len(names)
    assert len({color.slug for color in made.colors}) == len(names)
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", color.slug) for color in made.colors)


def test_json_has_every_colour(palette: Swatches) -> None:
    """Names, numbers and shares come back as they were."""
    read = orjson.loads(written(palette, "json"))
    assert [(color["name"], color["rgb"]) for color in read["colors"]] == expected(palette)
    assert [color["proportion"] for color in read["colors"]] == SHARES
    assert read["title"] == "photo */ of me.jpg"


def test_csv_is_read_by_pythons_reader(palette: Swatches) -> None:
    """Commas and quotes in a name stay in its column."""
    rows = list(csv.DictReader(io.StringIO(written(palette, "csv").decode(), newline="")))
    assert [(row["name"], [int(row[c]) for c in ("red", "green", "blue")]) for row in rows] == expected(palette)
    assert [float(row["proportion"]) for row in rows] == SHARES


@pytest.mark.parametrize(("ending", "prefix", "head"), [("css", "--", ":root"), ("tailwind.css", "--color-", "@theme")])
def test_style_sheets_parse(palette: Swatches, ending: str, prefix: str, head: str) -> None:
    """tinycss2 finds one block without an error, and in it one custom property for each colour."""
    (rule,) = tinycss2.parse_stylesheet(written(palette, ending).decode(), skip_comments=True, skip_whitespace=True)
    start = f"@{rule.at_keyword}" if rule.type == "at-rule" else tinycss2.serialize(rule.prelude).strip()
    assert start == head
    found = tinycss2.parse_declaration_list(rule.content, skip_comments=True, skip_whitespace=True)
    assert [item.type for item in found] == ["declaration"] * len(NAMES)
    values = {item.name: tinycss2.serialize(item.value).strip() for item in found}
    assert values == {f"{prefix}{color.slug}": color.hex for color in palette.colors}


def test_scss_declares_each_variable_before_the_map_uses_it(palette: Swatches) -> None:
    """Every entry of the map is one of the variables."""
    text = written(palette, "scss").decode()
    variables = dict(re.findall(r"^\$(color-[a-z0-9-]+): (#[0-9a-f]{6});$", text, re.M))
    assert variables == {f"color-{color.slug}": color.hex for color in palette.colors}
    entries = re.findall(r'^  "([a-z0-9-]+)": \$(color-[a-z0-9-]+),$', text, re.M)
    assert entries == [(color.slug, f"color-{color.slug}") for color in palette.colors]


def test_design_tokens_hold_to_their_specification(palette: Swatches) -> None:
    """Names without the reserved characters, an object for each value, components that are the hex code's colour."""
    group = orjson.loads(written(palette, "tokens.json"))["palette"]
    assert group.pop("$type") == "color"
    assert isinstance(group.pop("$description"), str)
    assert len(group) == len(NAMES)
    for name, token in group.items():
        assert not set(name) & set("{}.$")
        assert set(token) == {"$value", "$description"}
        value = token["$value"]
        assert set(value) == {"colorSpace", "components", "alpha", "hex"}
        assert value["colorSpace"] == "srgb"
        assert coloraide.Color("srgb", value["components"], value["alpha"]).to_string(hex=True) == value["hex"]


def test_gpl_follows_gimps_rules(palette: Swatches) -> None:
    """As GIMP's loader reads it: magic, name, columns, then three numbers from 0 to 255 and a name on a line."""
    lines = written(palette, "gpl").decode().splitlines()
    assert lines[0] == "GIMP Palette"
    assert lines[1] == "Name: photo */ of me.jpg"
    assert 0 <= int(lines[2].removeprefix("Columns: ")) <= 64
    read = []
    for line in lines[3:]:
        if line.startswith("#") or not line.strip():
            continue
        red, green, blue, name = re.split(r"[ \t]+", line.strip(), maxsplit=3)
        read.append((name, [int(red), int(green), int(blue)]))
    assert read == expected(palette)


def read_ase(data: bytes) -> tuple[list[str], list[tuple[str, list[int]]]]:
    """Groups' names, and colours: a reader of its own, from public descriptions of the format."""
    assert data[:4] == b"ASEF"
    major, minor, count = struct.unpack_from(">HHI", data, 4)
    assert (major, minor) == (1, 0)
    groups, colors, place, depth = [], [], 12, 0
    for _ in range(count):
        kind, length = struct.unpack_from(">HI", data, place)
        block, place = data[place + 6 : place + 6 + length], place + 6 + length
        if kind == 0xC002:
            depth -= 1
            continue
        (units,) = struct.unpack_from(">H", block)
        text = block[2 : 2 + 2 * units].decode("utf-16-be")
        assert text[-1] == "\0"
        if kind == 0xC001:
            depth += 1
            groups.append(text[:-1])
        else:
            assert (kind, block[2 + 2 * units :][:4]) == (1, b"RGB ")
            *channels, usage = struct.unpack(">3fH", block[6 + 2 * units :])
            assert usage in (0, 1, 2)
            colors.append((text[:-1], [round(255 * channel) for channel in channels]))
    assert (place, depth) == (len(data), 0)
    return groups, colors


def test_ase_is_read_back(palette: Swatches) -> None:
    """One group with the title's name, colours as three numbers from 0 to 1, names in UTF-16."""
    assert read_ase(written(palette, "ase")) == (["photo */ of me.jpg"], expected(palette))


def test_aco_is_read_back_in_both_versions(palette: Swatches) -> None:
    """Version 1 has the colours, version 2 behind it their names too."""
    data = written(palette, "aco")
    version, count = struct.unpack_from(">HH", data)
    assert (version, count) == (1, len(NAMES))
    plain, place = [], 4
    for _ in range(count):
        space, *channels, unused = struct.unpack_from(">5H", data, place)
        assert (space, unused) == (0, 0)
        plain.append([channel >> 8 for channel in channels])
        place += 10
    version, count = struct.unpack_from(">HH", data, place)
    assert (version, count) == (2, len(NAMES))
    named, place = [], place + 4
    for _ in range(count):
        _, *channels, _ = struct.unpack_from(">5H", data, place)
        (units,) = struct.unpack_from(">I", data, place + 10)
        text = data[place + 14 : place + 14 + 2 * units].decode("utf-16-be")
        assert text[-1] == "\0"
        named.append((text[:-1], [channel >> 8 for channel in channels]))
        place += 14 + 2 * units
    assert place == len(data)
    assert named == expected(palette)
    assert plain == [color for _, color in named]


def test_svg_is_to_scale(palette: Swatches) -> None:
    """Parts lie side by side without a gap, as wide as their shares; noise fills the rest; narrow ones are listed."""
    root = ElementTree.fromstring(written(palette, "svg"))
    space = {"svg": "http://www.w3.org/2000/svg"}
    bars = [part for part in root.findall("svg:rect", space) if part.get("height") == "120"]
    assert [part.get("fill") for part in bars] == [*HEXES, "url(#noise)"]
    left = 0.0
    for part, share in zip(bars, [*SHARES, 1 - sum(SHARES)], strict=True):
        assert float(part.get("x", "")) == pytest.approx(left, abs=0.01)
        assert float(part.get("width", "")) == pytest.approx(1200 * share, abs=0.01)
        left += 1200 * share
    said = " ".join("".join(text.itertext()) for text in root.findall("svg:text", space))
    assert all(hex_color in said for hex_color in HEXES)
    assert "< 0.1 %" in said


@pytest.mark.parametrize("ending", FORMATS)
def test_the_smallest_and_the_largest_palettes_are_written(ending: str) -> None:
    """No colour at all, one colour, and as many as a result can hold."""
    for count in (0, 1, 65_536):
        made = from_result(result(["teal"] * count, ["#008080"] * count, [1 / max(count, 1)] * count), "t")
        assert written(made, ending)
