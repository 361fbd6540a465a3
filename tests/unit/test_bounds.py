"""Whatever a client can make large has an end: lists, texts, depth, errors; and no number is too large."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from shared.contract.errors import HuemillError, InvalidParams
from shared.contract.params import MODELS, parse_params, read_object
from shared.contract.params import parse as parsing
from shared.contract.params.parse import MOST_ERRORS
from shared.contract.params.schema import json_schema
from shared.formats import Limits
from tests.support.images import encoded, noise
from tests.support.params import least
from worker import pipeline

Place = tuple[str | int, ...]
FAR = 10_000
# Around the ends of the integers and floats that code behind the parameters may put them into.
LARGE: dict[str, list[float]] = {
    "integer": [2**31, 2**53, 2**63 - 1, 2**63, 2**64 - 1],
    "number": [1e18, 1e300, 1.7e308],
}
IMAGE = encoded(noise(24, 24))
LIMITS = Limits(10**6, 1000, 1)


def parts_of(schema: dict[str, Any], place: Place = ()) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Each part of a schema that is no choice between others, with its place; a list's entries at 0."""
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        for branch in branches:
            yield from parts_of(branch, place)
        return
    yield place, schema
    if "items" in schema:
        yield from parts_of(schema["items"], (*place, 0))
    for name, part in schema.get("properties", {}).items():
        yield from parts_of(part, (*place, name))


PARTS = [(algorithm, *part) for algorithm, model in MODELS.items() for part in parts_of(json_schema(model))]


def of_type(*kinds: str) -> list[Any]:
    return [
        pytest.param(algorithm, place, schema, id=f"{algorithm}-{'.'.join(map(str, place))}")
        for algorithm, place, schema in PARTS
        if schema.get("type") in kinds and place
    ]


def at(place: Place, value: Any) -> dict[str, Any]:
    """Parameters with the value at that place: a list there has one entry, an object one member."""
    for step in reversed(place):
        value = [value] if isinstance(step, int) else {step: value}
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize(("algorithm", "place", "schema"), of_type("array"))
def test_every_list_has_an_end(algorithm: str, place: Place, schema: dict[str, Any]) -> None:
    """The document says which, and one entry more is refused, as are thousands, by the name of the list or its part."""
    most = schema["maxItems"]
    entry = {"type": "k", "integer": 1, "number": 1.0, "array": [1, 1], "string": "#ffffff", "object": {}}
    inner = schema["items"].get("anyOf", [schema["items"]])[0]
    for number in (most + 1, FAR):
        given = at(place, [entry.get(inner.get("type", ""), 1)] * number)
        with pytest.raises(InvalidParams) as told:
            parse_params({**least(algorithm), **given, "algorithm": algorithm})
        assert any(error["field"].startswith(str(place[0])) for error in told.value.errors), told.value.errors
        assert len(str(told.value)) < 2000


@pytest.mark.parametrize(("algorithm", "place", "schema"), of_type("string"))
def test_every_text_has_an_end(algorithm: str, place: Place, schema: dict[str, Any]) -> None:
    """It is one of some, or of a pattern that says how long: a text that begins rightly and goes on is refused."""
    assert "enum" in schema or "const" in schema or not {"*", "+"} & set(schema["pattern"].replace("++", ""))
    begin = str((schema.get("enum") or [schema.get("const") or "#ffffff"])[0])
    with pytest.raises(InvalidParams) as told:
        parse_params({"algorithm": algorithm, **least(algorithm), **at(place, begin + "f" * FAR)})
    assert len(str(told.value)) < 2000


@pytest.mark.parametrize(("algorithm", "place", "schema"), of_type("object"))
def test_no_object_takes_any_name(algorithm: str, place: Place, schema: dict[str, Any]) -> None:
    """A name that is none is refused, and so are thousands of them."""
    assert schema["additionalProperties"] is False
    with pytest.raises(InvalidParams) as told:
        parse_params({**least(algorithm), **at(place, {f"n{i}": 1 for i in range(FAR)}), "algorithm": algorithm})
    assert told.value.errors[0]["field"].startswith(str(place[0]))


def test_only_what_is_told_is_worded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thousands of wrong names a few are told, and likely ones are sought for those alone: that takes long."""
    asked: list[str] = []
    real = parsing.unknown

    def counted(name: str, algorithm: str) -> str:
        asked.append(name)
        return real(name, algorithm)

    monkeypatch.setattr(parsing, "unknown", counted)
    with pytest.raises(InvalidParams) as told:
        parse_params({f"n_cluster{number}": 1 for number in range(FAR)})
    assert len(told.value.errors) == len(asked) == MOST_ERRORS


@pytest.mark.parametrize("depth", [100, 1000, 20_000])
@pytest.mark.parametrize(("begin", "end"), [('{"a":', "}"), ("[", "]")])
def test_depth_has_an_end(depth: int, begin: str, end: str) -> None:
    """JSON of any depth is an error of the request, never one of ours."""
    text = f'{{"exclude": {begin * depth}1{end * depth}}}'.encode()
    with pytest.raises(HuemillError):
        parse_params(read_object(text, "The body", "{}"))


@pytest.mark.parametrize(
    ("algorithm", "place", "schema"),
    [case for case in of_type("integer", "number") if "region" not in case.values[1]],
)
def test_no_number_is_too_large(algorithm: str, place: Place, schema: dict[str, Any]) -> None:
    """Where a number has no end, the largest that JSON brings is worked with, whatever it is computed with; else it is
    refused."""
    more: dict[str, Any] = {"n_clusters": None} if place == ("distance_threshold",) else {}
    if place == ("eps",):
        more["cluster_method"] = "dbscan"
    for value in LARGE[schema["type"]]:
        for alpha in ("ignore", "weight"):
            given = {**least(algorithm), **more, **at(place, value), "algorithm": algorithm, "alpha": alpha}
            if schema.get("maximum", np.inf) < value or schema.get("exclusiveMaximum", np.inf) <= value:
                with pytest.raises(InvalidParams):
                    parse_params(given)
                continue
            assert pipeline.run(IMAGE, parse_params(given), lambda *_: True, limits=LIMITS, threads=1).result


@pytest.mark.parametrize(
    "region",
    [
        {"box": [-1e308, -1e308, 1e308, 1e308]},
        {"polygon": [[-1e308, -1e308], [1e308, -1e308], [1e308, 1e308], [-1.7e308, 1.7e308]]},
        {"polygon": [[0, 0], [1e300, 5], [0, 1e300]]},
        {"polygon": [[0, 0.5], [1e300, 0.5000000000000001], [5, 9]]},
        {"polygon": [[1e308, 0.5], [-1e308, 9], [3, 24]]},
        {"polygon": [[1e308, -1e308], [-1e308, 1e308], [1.7e308, 1.7e308]]},
    ],
)
def test_no_region_is_too_large(region: dict[str, Any]) -> None:
    """What reaches beyond the image is cut off, however far it does."""
    outcome = pipeline.run(IMAGE, parse_params({"region": region}), lambda *_: True, limits=LIMITS, threads=1)
    assert outcome.result.image.pixels == 24 * 24
