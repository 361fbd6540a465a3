"""The parameters' one declaration: defaults, bounds, and what is said of wrong ones."""

from typing import Any

import pytest

from shared.contract.errors import InvalidParams
from shared.contract.params import MODELS, check_region, json_schema, parse_params, resolve_count
from tests.support.params import NEEDED, least

BOX = {"box": [0, 0, 10, 10]}
# What is wrong, the place that the error names, and words of its message.
WRONG_SELECTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"alpha": "blend"}, "alpha", "'blend:#ffffff'"),
    ({"alpha": "blend:#fff"}, "alpha", "'weight'"),
    ({"alpha": 3}, "alpha", "'opaque'"),
    ({"max_pixels": 0}, "max_pixels", "from 1"),
    ({"max_pixels": 2.5}, "max_pixels", "integer"),
    ({"region": "left"}, "region", '{"box":[0.25,0,0.75,1],"unit":"fraction"}'),
    ({"region": {}}, "region", "either a box or a polygon"),
    ({"region": {**BOX, "polygon": [[0, 0], [1, 0], [1, 1]]}}, "region", "either a box or a polygon"),
    ({"region": {**BOX, "shape": "round"}}, "region", "an object such as"),
    ({"region": {**BOX, "unit": "cm"}}, "region.unit", "'fraction'"),
    ({"region": {**BOX, "unit": "fraction"}}, "region.box", "from 0 to 1"),
    ({"region": {"box": [0, 0, 10]}}, "region.box", "4 entries"),
    ({"region": {"box": [0, 0, 0, 10]}}, "region.box", "left < right"),
    ({"region": {"box": [0, 9, 10, 3]}}, "region.box", "top < bottom"),
    ({"region": {"box": [0, 0, True, 10]}}, "region.box[2]", "a number"),
    ({"region": {"polygon": [[0, 0], [1, 1]]}}, "region.polygon", "3 to 1000 entries"),
    ({"region": {"polygon": [[0, 0], [1, 1], [2]]}}, "region.polygon[2]", "2 entries"),
    ({"region": {"polygon": [[0, 0], [1, 1], [2, "x"]]}}, "region.polygon[2][1]", "a number"),
    ({"exclude": "#ffffff"}, "exclude", "a list of 0 to 16"),
    ({"exclude": ["#ffffff"]}, "exclude[0]", '{"color":"#ffffff","tolerance":5}'),
    ({"exclude": [{"color": "#000000"}, {"color": "white"}]}, "exclude[1].color", '"#ffffff"'),
    ({"exclude": [{"color": "#000000", "tolerance": -1}]}, "exclude[0].tolerance", "from 0 to 100"),
    ({"exclude": [{"tolerance": 1}]}, "exclude[0]", '"color"'),
    ({"exclude": [{"color": "#000000"}] * 17}, "exclude", "0 to 16"),
]

WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"n_clusters": 0}, "n_clusters", "from 1 to 256"),
    ({"n_clusters": True}, "n_clusters", "integer"),
    ({"n_clusters": "5"}, "n_clusters", "integer"),
    ({"n_clusters": 5.0}, "n_clusters", "integer"),
    ({"tol": -1}, "tol", "from 0"),
    ({"standardize": 1}, "standardize", "true or false"),
    ({"color_space": "hsv"}, "color_space", "'oklab'"),
    ({"init": [[1, 2, 3]], "n_clusters": 2}, "init", "n_clusters is 2"),
    ({"init": [[1, 2, 256]]}, "init", "255"),
    ({"algorithm": "meanshift"}, "algorithm", "kmeans, hdbscan, optics, agglomerative"),
    ({"clusters": 3}, "clusters", "n_clusters"),
    ({"linkage": "ward"}, "linkage", "of agglomerative, not of kmeans"),
    ({"algorithm": "hdbscan", "min_samples": 1.5}, "min_samples", "below 1"),
    ({"algorithm": "hdbscan", "resolution": 1e-200}, "resolution", "from 1e-09"),  # its square would be 0
    ({"algorithm": "hdbscan", "resolution": 1e200}, "resolution", "to 1000000.0"),  # its square would be infinite
    ({"algorithm": "optics", "xi": 0}, "xi", "above 0"),
    ({"algorithm": "agglomerative", "n_clusters": 3, "distance_threshold": 2}, "distance_threshold", "n_clusters"),
]


@pytest.mark.parametrize("algorithm", MODELS)
def test_no_parameters_are_the_defaults(algorithm: str) -> None:
    """Every algorithm runs with nothing but its name, and what it cannot do without."""
    assert parse_params(least(algorithm)) == MODELS[algorithm](**NEEDED.get(algorithm, {}))


def test_no_algorithm_is_kmeans() -> None:
    """Without a choice it is KMeans."""
    assert parse_params({}).algorithm == "kmeans"


@pytest.mark.parametrize(("data", "field", "words"), WRONG)
def test_a_wrong_parameter_is_named(data: dict[str, Any], field: str, words: str) -> None:
    """The error has the field, the value that came, and what is allowed."""
    with pytest.raises(InvalidParams) as caught:
        parse_params(data)
    (entry,) = caught.value.errors
    assert (entry["field"], entry["value"]) == (field, data[field])
    assert words in entry["message"]
    assert field in str(caught.value)
    assert repr(data[field]) in str(caught.value)


@pytest.mark.parametrize(("data", "field", "words"), WRONG_SELECTIONS, ids=str)
def test_the_wrong_part_of_a_selection_is_named(data: dict[str, Any], field: str, words: str) -> None:
    """Inside of a region or of a list of colours the error names the very entry, whatever the algorithm."""
    for algorithm in MODELS:
        with pytest.raises(InvalidParams) as caught:
            parse_params(least(algorithm, **data))
        (entry,) = caught.value.errors
        assert entry["field"] == field
        assert words in entry["message"]


@pytest.mark.parametrize(
    ("region", "outside"),
    [
        ({"box": [0, 0, 640, 427]}, False),
        ({"box": [639.4, 0, 9999, 1]}, False),
        ({"box": [639.6, 0, 9999, 1]}, True),
        ({"box": [640, 0, 700, 1]}, True),
        ({"box": [-50, 0, 0.4, 1]}, True),
        ({"box": [0.6, 0, 1.4, 1]}, True),
        ({"box": [0, 0, 0.0007, 1], "unit": "fraction"}, True),
        ({"box": [0, 0, 0.0008, 1], "unit": "fraction"}, False),
        ({"polygon": [[0, 427], [50, 430], [640, 500]]}, True),
        ({"polygon": [[-5, -5], [-5, 3], [3, -5]]}, False),
    ],
    ids=str,
)
def test_a_region_outside_of_the_image(region: dict[str, Any], outside: bool) -> None:
    """A region whose box holds the centre of no pixel is refused with the image's size."""
    params = parse_params({"region": region})
    if not outside:
        return check_region(params, 640, 427)
    with pytest.raises(InvalidParams, match="region has no pixel of the image, which is 640 x 427 pixels"):
        check_region(params, 640, 427)
    return None


def test_schemas_stand_alone() -> None:
    """An algorithm's JSON Schema refers to nothing outside of itself, so that the OpenAPI page can hold it."""
    for model in MODELS.values():
        schema = json_schema(model)
        assert "$ref" not in str(schema)
        assert schema["properties"]["exclude"]["items"]["properties"]["color"]["pattern"]


def test_every_parameter_says_what_is_allowed() -> None:
    """Whatever field of whatever algorithm gets an object, the message is a sentence of words, not of Pydantic's."""
    for algorithm, model in MODELS.items():
        for name in set(model.model_fields) - {"algorithm"}:
            with pytest.raises(InvalidParams) as caught:
                parse_params(least(algorithm, **{name: {"a": 1}}))
            entry = next(entry for entry in caught.value.errors if entry["field"] == name)
            assert entry["message"].startswith("should be "), entry
            assert "Input" not in entry["message"]


def test_given_centres_count_themselves() -> None:
    """With `init` colours, `n_clusters` need not be said."""
    params = parse_params({"init": [[0, 0, 0], [255, 255, 255]]})
    assert params.model_dump()["n_clusters"] == 2


def test_parameters_survive_json() -> None:
    """What a record stores is read back as the same parameters."""
    for algorithm, model in MODELS.items():
        params = parse_params(least(algorithm))
        assert model.model_validate_json(params.model_dump_json()) == params


@pytest.mark.parametrize(
    ("value", "pixels", "count"), [(7, 100, 7), (0.25, 100, 25), (0.001, 100, 1), (0.999, 3, 3), (1, 5, 1)]
)
def test_counts_and_shares(value: float, pixels: int, count: int) -> None:
    """A share is of the pixels, rounded, and never nothing."""
    assert resolve_count(value, pixels) == count


def test_counts_in_parts_of_a_pixel() -> None:
    """Where all counts are of 1/255 pixel, a number of pixels is too, and a share stays a share."""
    assert resolve_count(7, 100 * 255, units=255) == 7 * 255
    assert resolve_count(0.25, 100 * 255, units=255) == 25 * 255


@pytest.mark.parametrize("algorithm", MODELS)
def test_each_method_declares_what_the_service_needs(algorithm: str) -> None:
    """Queue, time limit and the reference engine's size are its own, inherited from no other method."""
    method = vars(MODELS[algorithm])["method"]
    assert method.queue == ("fast" if algorithm in ("kmeans", "assign") else "slow")
    assert method.timeout_seconds > 0
    assert method.reference_max_pixels >= (0 if algorithm == "assign" else 10_000)
