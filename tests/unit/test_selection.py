"""Which pixels count: transparency, regions, masks, excluded colours, and scaling down, through the pipeline."""

import io
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shared.contract.errors import BrokenImage, ImageTooLarge, InvalidParams, NothingToCluster, UnsupportedImage
from shared.contract.params import parse_params
from shared.formats import Limits
from tests.support.images import encoded, noise, two_colors
from worker import pipeline
from worker.color.scaling import scale_down, scaled_size
from worker.color.selection import select
from worker.decoding.decode import Raster
from worker.kernels.scaling import average
from worker.progress import Meter, Stopped

LIMITS = Limits(pixels=10**6)
WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)


def run(pixels: np.ndarray, mask: np.ndarray | None = None, **params: Any) -> pipeline.Outcome:
    given = parse_params({"n_clusters": 2, **params})
    file = None if mask is None else encoded(mask)
    return pipeline.run(encoded(pixels), given, lambda _, __: True, mask=file, limits=LIMITS)


def labels_of(outcome: pipeline.Outcome) -> np.ndarray:
    return np.load(io.BytesIO(outcome.files["labels.npy"]))


def selected(pixels: np.ndarray, mask: np.ndarray | None = None, **params: Any) -> np.ndarray:
    shape = None if mask is None else Raster(mask, "PNG")
    return select(Raster(pixels, "PNG"), parse_params(params), shape, Meter())


def kept(pixels: np.ndarray, **params: Any) -> np.ndarray:
    """Which pixels are left by a selection, bool[h, w]."""
    return selected(pixels, **params)[..., 3] > 0


def faded(*alphas: int) -> np.ndarray:
    """A row of red pixels, then of as many blue ones, with these alphas each."""
    pixels = np.zeros((2, len(alphas), 4), np.uint8)
    pixels[0, :, 0] = pixels[1, :, 2] = 255
    pixels[..., 3] = alphas
    return pixels


def test_an_opaque_image_is_passed_on_as_it_is() -> None:
    """Where nothing is to be left out no pixel is copied."""
    pixels = noise(5, 6)
    for alpha in ("ignore", "weight", "opaque", "blend:#ffffff"):
        assert selected(pixels, alpha=alpha) is pixels


def test_transparent_pixels_are_left_out_and_others_count_whole() -> None:
    """`ignore`: alpha 0 is left out, alpha 1 is a pixel like any other."""
    outcome = run(faded(0, 1, 255), alpha="ignore")
    assert outcome.result.proportions == [0.5, 0.5]
    assert (outcome.result.image.clustered_pixels, outcome.result.image.excluded_pixels) == (4, 2)
    assert labels_of(outcome).tolist() == [[-2, 1, 1], [-2, 0, 0]]


def test_only_opaque_pixels_count() -> None:
    """`opaque`: alpha 254 is left out."""
    assert labels_of(run(faded(0, 254, 255), alpha="opaque")).tolist() == [[-2, -2, 1], [-2, -2, 0]]


def test_pixels_count_by_their_alpha() -> None:
    """`weight`: shares are of the alphas, pixels are counted as they stand in the label map."""
    pixels = faded(0, 51, 255)
    pixels[1, 1] = (255, 0, 0, 102)
    result = run(pixels, alpha="weight").result
    assert result.proportions == [(255 + 51 + 102) / 663, 255 / 663]
    assert [entry.pixels for entry in result.palette] == [3, 1]
    assert result.image.clustered_pixels == 4


def test_an_image_on_a_background() -> None:
    """`blend`: every pixel counts, as it looks on the background; rounded to the nearest byte."""
    pixels = noise(40, 50, channels=4)
    share = pixels[..., 3:] / 255
    expected = np.rint(share * pixels[..., :3] + (1 - share) * [16, 200, 255])
    np.testing.assert_array_equal(selected(pixels, alpha="blend:#10C8ff"), expected)
    outcome = run(faded(0, 255), alpha="blend:#ff0000")
    assert outcome.result.image.excluded_pixels == 0
    assert outcome.result.proportions == [0.75, 0.25]


def test_a_jpeg_may_have_any_alpha() -> None:
    """An image without transparency is the same under every reading of it."""
    data = encoded(noise(20, 20), "JPEG")
    files = [
        pipeline.run(data, parse_params({"alpha": alpha}), lambda _, __: True, limits=LIMITS).files
        for alpha in ("ignore", "weight", "opaque", "blend:#00ff00")
    ]
    assert all(other == files[0] for other in files[1:])


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ([2, 1, 5, 3], slice(1, 3), slice(2, 5)),
        ([1.5, 0.5, 2.5, 1.5], slice(0, 1), slice(1, 2)),
        ([1.6, 0.6, 3.6, 2.6], slice(1, 3), slice(2, 4)),
        ([-9, -9, 1e9, 2], slice(0, 2), slice(0, 8)),
    ],
)
def test_a_box_in_pixels(box: list[float], rows: slice, columns: slice) -> None:
    """A pixel is inside if its centre is: left and top borders belong to the box, right and bottom ones do not."""
    expected = np.zeros((6, 8), bool)
    expected[rows, columns] = True
    np.testing.assert_array_equal(kept(noise(6, 8), region={"box": box}), expected)


def test_a_box_in_fractions() -> None:
    """Fractions are of the width and of the height."""
    expected = np.zeros((6, 8), bool)
    expected[3:, 2:6] = True
    region = {"box": [0.25, 0.5, 0.75, 1], "unit": "fraction"}
    np.testing.assert_array_equal(kept(noise(6, 8), region=region), expected)


def inside(corners: list[list[float]], x: Fraction, y: Fraction) -> bool:
    """Even-odd by the book, in exact arithmetic: crossings of the ray from (x, y) to the left."""
    crossings = 0
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        ax, ay, bx, by = (Fraction(value) for value in (ax, ay, bx, by))
        if (ay <= y) != (by <= y) and ax + (y - ay) / (by - ay) * (bx - ax) <= x:
            crossings += 1
    return crossings % 2 == 1


POLYGONS: dict[str, list[list[float]]] = {
    "triangle": [[0, 0], [20, 5], [3, 13]],
    "star": [[10, 0], [14, 14], [0, 5], [20, 5], [4, 14]],
    "through the centres": [[0.5, 0.5], [10.5, 0.5], [10.5, 8.5], [0.5, 8.5]],
    "beyond the image": [[-7, 3], [9, -8], [60, 9], [11, 33]],
}


@pytest.mark.parametrize("name", POLYGONS)
@pytest.mark.parametrize("turned", [False, True])
def test_a_polygon(name: str, turned: bool) -> None:
    """A pixel is inside by the even-odd rule at its centre, whichever way the outline is walked."""
    corners = POLYGONS[name][::-1] if turned else POLYGONS[name]
    expected = [[inside(corners, x + Fraction(1, 2), y + Fraction(1, 2)) for x in range(20)] for y in range(14)]
    np.testing.assert_array_equal(kept(noise(14, 20), region={"polygon": corners}), expected)


def test_a_polygon_in_fractions() -> None:
    """Fractions are of the width and of the height for polygons, too."""
    fractions = kept(noise(14, 20), region={"polygon": [[0.5, 0], [1, 1], [0, 1]], "unit": "fraction"})
    np.testing.assert_array_equal(fractions, kept(noise(14, 20), region={"polygon": [[10, 0], [20, 14], [0, 14]]}))


def test_a_mask_leaves_dark_pixels_out() -> None:
    """A mask keeps a luma of 128 and more; its transparent parts are dark."""
    mask = np.array([[[128] * 3, [127] * 3, [0, 255, 0], [255, 0, 0]]], np.uint8)
    assert (selected(noise(1, 4), mask)[..., 3] > 0).tolist() == [[True, False, True, False]]
    clear = np.array([[[255, 255, 255, 128], [255, 255, 255, 127], [200, 200, 200, 255], [0, 0, 0, 255]]], np.uint8)
    assert (selected(noise(1, 4), clear)[..., 3] > 0).tolist() == [[True, False, True, False]]


def test_the_result_depends_on_the_mask() -> None:
    """Two masks, two digests; what a mask leaves out is -2 in the label map."""
    mask = np.full((6, 8), 255, np.uint8)
    all_of_it = run(two_colors(), mask)
    mask[:3] = 0
    half = run(two_colors(), mask)
    assert (labels_of(half)[:3] == -2).all()
    assert (labels_of(half)[3:] == labels_of(all_of_it)[3:]).all()
    assert len({all_of_it.result.digest, half.result.digest, run(two_colors()).result.digest}) == 3


def test_a_mask_of_another_size() -> None:
    """The mask must have the image's size, and the error names both."""
    with pytest.raises(InvalidParams, match=r"mask should have the image's size.*8 x 6 pixels.*8 x 7"):
        run(two_colors(6, 8), np.zeros((7, 8), np.uint8))


@pytest.mark.parametrize(
    ("mask", "kind"),
    [
        (b"text", UnsupportedImage),
        (encoded(noise(30, 30))[:-900], BrokenImage),
        (encoded(np.zeros((1001, 1000), np.uint8)), ImageTooLarge),
    ],
)
def test_a_mask_that_cannot_be_read(mask: bytes, kind: type[Exception]) -> None:
    """What is wrong with the mask is said to be the mask's."""
    with pytest.raises(kind, match="mask cannot be read"):
        pipeline.run(encoded(two_colors()), parse_params({}), lambda _, __: True, mask=mask, limits=LIMITS)


def test_excluded_colours() -> None:
    """Pixels that look like an excluded colour are left out, get -2, and are in no share; the others count."""
    pixels = np.array([[WHITE, (250, 252, 249), RED, BLACK, (200, 200, 200)]], np.uint8)
    outcome = run(pixels, n_clusters=3, exclude=[{"color": "#ffffff", "tolerance": 5}])
    assert labels_of(outcome).tolist() == [[-2, -2, 2, 0, 1]]
    assert (outcome.result.image.excluded_pixels, outcome.result.image.unique_colors) == (2, 3)
    assert outcome.result.proportions == [1 / 3] * 3
    two = run(pixels, exclude=[{"color": "#ffffff"}, {"color": "#FF0000"}])
    assert (labels_of(two) == -2).tolist() == [[True, False, True, False, False]]


def test_one_pixel_left() -> None:
    """One pixel that counts is a palette of one colour."""
    outcome = run(noise(9, 9), region={"box": [4, 5, 5, 6]}, n_clusters=5)
    assert outcome.result.centroids == [tuple(noise(9, 9)[5, 4])]
    assert outcome.result.image.excluded_pixels == 80
    assert labels_of(outcome)[5, 4] == 0


NOTHING: dict[str, dict[str, Any]] = {
    "excluded": {"exclude": [{"color": "#ff0000"}, {"color": "#0000ff"}]},
    "outside": {"region": {"box": [8, 0, 9, 9]}},
    "thin": {"region": {"polygon": [[0, 0], [8, 0.4], [0, 0.4]]}},
    "without area": {"region": {"polygon": [[0, 0], [8, 6], [8, 6]]}},
    "masked": {"mask": np.zeros((6, 8), np.uint8)},
    "between": {"mask": np.tile([255] * 3 + [0] * 5, (6, 1)).astype(np.uint8), "region": {"box": [4, 0, 8, 6]}},
}


@pytest.mark.parametrize("algorithm", ["kmeans", "hdbscan"])
@pytest.mark.parametrize("case", NOTHING)
def test_nothing_left(case: str, algorithm: str) -> None:
    """Where no pixel counts there is an error, never an empty palette."""
    params = {name: value for name, value in NOTHING[case].items() if name != "mask"}
    with pytest.raises(NothingToCluster):
        pipeline.run(
            encoded(two_colors()),
            parse_params({"algorithm": algorithm, **params}),
            lambda _, __: True,
            mask=encoded(NOTHING[case]["mask"]) if "mask" in NOTHING[case] else None,
            limits=LIMITS,
        )


@pytest.mark.parametrize("alpha", ["ignore", "weight", "opaque"])
def test_all_transparent(alpha: str) -> None:
    """A wholly transparent image has nothing to cluster, unless it stands on a background."""
    with pytest.raises(NothingToCluster):
        run(np.zeros((4, 4, 4), np.uint8), alpha=alpha)
    assert run(np.zeros((4, 4, 4), np.uint8), alpha="blend:#010203").result.palette[0].hex == "#010203"


@pytest.mark.parametrize(
    ("size", "most", "expected"),
    [
        ((640, 427), 68_000, (319, 212)),
        ((100, 100), 9_999, (99, 99)),
        ((1_000_000, 1), 100, (100, 1)),
        ((1, 1_000_000), 100, (1, 100)),
        ((3000, 2), 10, (10, 1)),
        ((7, 5), 1, (1, 1)),
    ],
)
def test_the_size_of_a_smaller_image(size: tuple[int, int], most: int, expected: tuple[int, int]) -> None:
    """It has at most the pixels that were asked for, and the same shape as nearly as can be."""
    assert scaled_size(*size, most) == expected


def test_light_is_averaged_not_bytes() -> None:
    """A checkerboard of black and white is as bright as half of the light is: #bcbcbc."""
    board = np.where(np.indices((8, 8)).sum(axis=0)[..., None] % 2, 255, 0).repeat(3, axis=2).astype(np.uint8)
    assert (scale_down(board, 16, Meter()) == 188).all()


def test_the_average_is_over_areas() -> None:
    """Three pixels over two: the middle one is shared half and half."""
    row = np.array([[[255] * 3, [255] * 3, [0] * 3]], np.uint8)
    third = round(255 * (1.055 * (1 / 3) ** (1 / 2.4) - 0.055))
    assert scale_down(row, 2, Meter())[0, :, 0].tolist() == [255, third]


def test_what_is_transparent_has_no_colour() -> None:
    """The colour of a smaller image's pixel is the mean of what is visible, its alpha the mean alpha."""
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (200, 100, 50, 255)
    pixels[1, 1] = (0, 255, 0, 0)
    assert scale_down(pixels, 1, Meter()).tolist() == [[[200, 100, 50, 64]]]
    pixels[0, 0, 3] = 1
    assert scale_down(pixels, 1, Meter()).tolist() == [[[200, 100, 50, 1]]]


@pytest.mark.parametrize("most", [1, 500, 1700])
def test_a_smaller_image_is_the_mean_of_repeated_pixels(most: int) -> None:
    """On any number of threads it is what comes out when every pixel is repeated until the areas have whole sides."""
    pixels = noise(61, 47)
    wide, high = scaled_size(47, 61, most)
    repeated = pixels.repeat(high, axis=0).repeat(wide, axis=1) / 255
    light = np.where(repeated <= 0.04045, repeated / 12.92, ((repeated + 0.055) / 1.055) ** 2.4)
    mean = light.reshape(high, 61, wide, 47, 3).mean(axis=(1, 3))
    expected = np.rint(255 * np.where(mean <= 0.0031308, mean * 12.92, 1.055 * mean ** (1 / 2.4) - 0.055))
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(scale_down(pixels, most, Meter(threads=threads)), expected)
        opaque = np.dstack([pixels, np.full((61, 47), 255, np.uint8)])
        assert np.array_equal(scale_down(opaque, most, Meter(threads=threads))[..., :3], expected)


def test_every_byte_of_one_colour_is_kept() -> None:
    """An image of one colour stays of that colour, whatever the size: no byte is rounded to another."""
    for value in range(256):
        pixels = np.full((5, 7, 4), value, np.uint8)
        assert (scale_down(pixels[..., :3], 12, Meter()) == value).all()
        assert (scale_down(pixels, 12, Meter()) == value).all() or value == 0


def test_scaling_down_can_be_stopped() -> None:
    """Scaling tells how far it is, and ends where the answer is no: the kernel at the next row."""
    told: list[float] = []
    scale_down(noise(70, 150), 1000, Meter(lambda fraction: told.append(fraction) is None))
    assert (told[0], told[-1]) == (0.0, 1.0)
    with pytest.raises(Stopped):
        scale_down(noise(30, 30), 100, Meter(lambda _: False))
    out, pixels = np.zeros((10, 10, 3), np.uint8), noise(30, 30)
    pixels.flags.writeable = False
    for stop, rows in ((0, 30), (1, 0)):
        progress = np.array([0, stop])
        average(0, 10, pixels, np.ones(256), np.full(256, np.inf), np.full(2, 7), out, progress)
        assert progress[0] == rows
        assert (out == 7).all()


def test_a_scaled_result_says_so() -> None:
    """With `max_pixels` the label map has the smaller size, and the result names the larger one."""
    outcome = run(noise(30, 60), max_pixels=200)
    image = outcome.result.image
    assert (image.width, image.height, image.scaled_from, image.pixels) == (20, 10, (60, 30), 200)
    assert outcome.result.labels.shape == labels_of(outcome).shape == (10, 20)
    assert Image.open(io.BytesIO(outcome.files["labels.png"])).size == (20, 10)
    unscaled = run(noise(30, 60), max_pixels=1800).result.image
    assert (unscaled.width, unscaled.scaled_from) == (60, None)


def test_what_is_left_out_does_not_bleed() -> None:
    """Regions and excluded colours are of the original: they add nothing to the pixels of the smaller image."""
    pixels = np.full((4, 4, 3), RED, np.uint8)
    pixels[:, 1] = WHITE
    outcome = run(pixels, n_clusters=1, max_pixels=4, exclude=[{"color": "#ffffff"}])
    assert outcome.result.palette[0].hex == "#ff0000"
    assert outcome.result.image.clustered_pixels == 4
    half = run(two_colors(6, 6), n_clusters=3, max_pixels=9, region={"box": [0, 0, 3, 6]})
    assert half.result.palette[0].hex == "#ff0000"
    assert labels_of(half).tolist() == [[0, 0, -2]] * 3
