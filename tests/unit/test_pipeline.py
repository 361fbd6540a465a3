"""From image bytes to result and files, without any server; and the files' own forms."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shared.contract.errors import BrokenImage, ImageTooLarge, NothingToCluster, TooManyClusters, UnsupportedImage
from shared.contract.params import parse_params
from shared.formats import Limits
from tests.support.images import encoded, noise, two_colors
from worker import pipeline
from worker.clustering.registry import method_of
from worker.decoding.decode import decode
from worker.progress import Stopped
from worker.rendering.label_png import EXCLUDED_RGBA, NOISE_RGBA, label_png

LIMITS = Limits(pixels=10**6)


def run(data: bytes, **params: Any) -> pipeline.Outcome:
    return pipeline.run(data, parse_params(params), lambda _, __: True, limits=LIMITS)


def labels_of(outcome: pipeline.Outcome) -> np.ndarray:
    return np.load(io.BytesIO(outcome.files["labels.npy"]))


def test_one_pixel() -> None:
    """One pixel is one cluster, whatever was asked for."""
    outcome = run(encoded(np.array([[[1, 2, 3]]], np.uint8)))
    assert outcome.result.centroids == [(1, 2, 3)]
    assert outcome.result.proportions == [1.0]
    assert labels_of(outcome).tolist() == [[0]]


@pytest.mark.parametrize(
    ("palette", "told"), [(2, "1 of the 2 colours is nearest"), (3, "2 of the 3 colours are near")]
)
def test_a_note_of_one_and_of_several(palette: int, told: str) -> None:
    """A sentence for people is right for one too."""
    black = encoded(np.zeros((1, 1, 3), np.uint8))
    (note,) = run(black, algorithm="assign", palette=["#000000", "#ffffff", "#ff0000"][:palette]).result.notes
    assert note.detail.startswith(told)


def test_one_colour() -> None:
    """An image of one colour is one cluster."""
    outcome = run(encoded(np.full((5, 7, 3), 9, np.uint8)), n_clusters=4)
    assert outcome.result.palette[0].hex == "#090909"
    assert outcome.result.image.unique_colors == 1
    assert labels_of(outcome).tolist() == [[0] * 7] * 5


def test_clusters_are_ordered_by_share_then_colour() -> None:
    """The largest cluster is 0; equal ones are ordered by colour."""
    pixels = np.array([[[9, 0, 0], [1, 0, 0], [5, 5, 5], [5, 5, 5]]], np.uint8)
    outcome = run(encoded(pixels), n_clusters=3)
    assert outcome.result.centroids == [(5, 5, 5), (1, 0, 0), (9, 0, 0)]
    assert labels_of(outcome).tolist() == [[2, 1, 0, 0]]


ONE_COLOR, NOISE = np.full((60, 60, 3), 90, np.uint8), noise(40, 40)


@pytest.mark.parametrize(
    ("pixels", "params", "helps", "clusters"),
    [
        (ONE_COLOR, {"algorithm": "hdbscan"}, {"allow_single_cluster": True}, 1),
        (
            ONE_COLOR,
            {"algorithm": "hdbscan", "cluster_selection_method": "leaf", "allow_single_cluster": True},
            {"cluster_selection_method": "auto"},
            1,
        ),
        (NOISE, {"algorithm": "hdbscan", "min_cluster_size": 900}, {"min_cluster_size": 16}, 2),
        (NOISE, {"algorithm": "optics", "cluster_method": "dbscan", "eps": 0.5}, {"eps": 500}, 1),
        (NOISE, {"algorithm": "optics", "cluster_method": "dbscan", "max_eps": 0.5}, {"max_eps": 500}, 1),
        (NOISE, {"algorithm": "optics", "max_eps": 0.5}, {"max_eps": 500}, 2),
        (NOISE, {"algorithm": "optics", "max_eps": 20, "min_samples": 99}, {"min_samples": 2}, 2),
    ],
    ids=str,
)
def test_what_is_said_of_nothing_but_noise_helps(
    pixels: np.ndarray, params: dict[str, Any], helps: dict[str, Any], clusters: int
) -> None:
    """The note names what finds clusters, and a parameter that the method does not look at is not named."""
    (note,) = run(encoded(pixels), **params).result.notes
    assert note.note == "all_noise"
    for name in helps:
        assert name in note.detail
    assert ("min_cluster_size" in note.detail) is (params["algorithm"] == "hdbscan")
    found = run(encoded(pixels), **{**params, **helps}).result
    assert len(found.palette) >= clusters
    assert "all_noise" not in [note.note for note in found.notes]


BLUE, RED, ORANGE = (0, 0, 200), (200, 0, 0), (200, 24, 0)  # 24 from red to orange, 200 * sqrt(2) from red to blue
APART, FAR_APART = 24, 200 * 2**0.5


@pytest.mark.parametrize("engine", ["exact", "reference"])
@pytest.mark.parametrize("method", ["auto", "xi"])
def test_heights_stand_in_the_order_of_the_clusters(engine: str, method: str) -> None:
    """OPTICS' height of each cluster stands where its colour does, whichever comes first in the image."""
    params = {"algorithm": "optics", "cluster_method": method, "min_samples": 10, "xi": 0.5}
    result = run(three_colors(), engine=engine, **params).result
    assert result.centroids == [RED, ORANGE, BLUE]
    assert result.quality.heights == pytest.approx([APART, APART, FAR_APART])


def test_persistence_stands_in_the_order_of_the_clusters() -> None:
    """HDBSCAN's persistence of each cluster: the share of densities, from one step of 255, at which it stands alone."""
    result = run(three_colors(), algorithm="hdbscan", cluster_selection_method="eom").result
    assert result.centroids == [RED, ORANGE, BLUE]
    assert result.quality.persistence == pytest.approx([1 - 1 / APART, 1 - 1 / APART, 1 - 1 / FAR_APART])


def three_colors() -> bytes:
    """Few blue pixels, then the most, red, then orange ones."""
    pixels = np.repeat(np.array([BLUE, RED, ORANGE], np.uint8), [400, 3000, 1500], axis=0)
    return encoded(pixels.reshape(-1, 100, 3))


def test_transparent_pixels_are_left_out() -> None:
    """Alpha 0 is left out; any other alpha counts as an ordinary pixel."""
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[0] = (10, 20, 30, 1)
    outcome = run(encoded(pixels), n_clusters=1)
    assert (outcome.result.image.clustered_pixels, outcome.result.image.excluded_pixels) == (3, 3)
    assert labels_of(outcome).tolist() == [[0] * 3, [-2] * 3]


def test_all_transparent() -> None:
    """Where every pixel is left out there is nothing to cluster, and the error says so."""
    with pytest.raises(NothingToCluster, match="left out"):
        run(encoded(np.zeros((2, 2, 4), np.uint8)))


def test_more_clusters_than_a_result_holds() -> None:
    """A threshold that keeps every colour apart is refused with the number of clusters, the limit and the way out."""
    pixels = np.zeros((257, 256, 3), np.uint8)
    pixels[:, :, 0], pixels[:, :, 1] = np.arange(256), np.arange(257)[:, None] % 256
    pixels[256, :, 2] = 255
    with pytest.raises(TooManyClusters, match=r"65,792 clusters.* at most 65,536. Use a larger distance_threshold, or"):
        run(encoded(pixels), algorithm="agglomerative", linkage="single", distance_threshold=0)


@pytest.mark.parametrize(("given", "told"), [("eps", "larger eps or"), ("max_eps", "larger max_eps or")])
def test_fewer_clusters_of_a_cut(given: str, told: str) -> None:
    """OPTICS cut at one height names what says the height: `max_eps` where no `eps` is given."""
    params = parse_params({"algorithm": "optics", "cluster_method": "dbscan", given: 0.5})
    assert told in method_of("optics").fewer(params)


def test_stages_are_told_in_order_and_a_no_stops() -> None:
    """Each stage tells its progress, growing from 0; an answer of no ends the work."""
    told: list[tuple[str, float]] = []
    params = parse_params({"n_clusters": 3})
    pipeline.run(encoded(noise(30, 30)), params, lambda *it: told.append(it) is None, limits=LIMITS)
    assert list(dict.fromkeys(stage for stage, _ in told)) == ["decode", "count", "cluster", "measure", "render"]
    assert [fraction for _, fraction in told] == sorted(fraction for _, fraction in told)
    for stage in ("decode", "count", "cluster", "measure", "render"):
        with pytest.raises(Stopped):
            pipeline.run(encoded(two_colors()), params, lambda at, _, last=stage: at != last, limits=LIMITS)


def test_threads_change_nothing() -> None:
    """One thread and several give the same bytes."""
    data, params = encoded(noise(120, 120)), parse_params({"n_clusters": 7})
    outcomes = [pipeline.run(data, params, lambda _, __: True, limits=LIMITS, threads=n) for n in (1, 3)]
    assert outcomes[0].files == outcomes[1].files
    assert outcomes[0].result.centroids == outcomes[1].result.centroids


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_is_decoded_as_pillow_sees_it(mode: str) -> None:
    """Grey, palette, CMYK and transparent images are read as the colours that a person sees."""
    image = Image.fromarray(noise(5, 6, channels=4)).convert("RGBA" if mode in ("LA", "RGBA") else "RGB").convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "TIFF" if mode == "CMYK" else "PNG")
    raster = decode(buffer.getvalue(), LIMITS)
    assert (raster.height, raster.width) == (5, 6)
    assert np.array_equal(raster.pixels, np.asarray(image.convert("RGBA" if mode in ("LA", "RGBA") else "RGB")))


def test_an_image_stands_upright() -> None:
    """The orientation that a camera noted is applied."""
    exif = Image.Exif()
    exif[0x0112] = 6
    raster = decode(encoded(two_colors(4, 9), "PNG", exif=exif), LIMITS)
    assert (raster.height, raster.width) == (9, 4)


def test_what_cannot_be_decoded() -> None:
    """No image, too large, and cut off are three errors; 16 bits a channel is none that is read yet."""
    whole = encoded(noise(40, 40))
    with pytest.raises(UnsupportedImage):
        decode(b"text", LIMITS)
    with pytest.raises(ImageTooLarge, match="1,600"):
        decode(whole, Limits(pixels=1599))
    with pytest.raises(BrokenImage):
        decode(whole[: len(whole) // 2], LIMITS)


@pytest.mark.parametrize("clusters", [1, 2, 3, 14, 15, 254])
@pytest.mark.parametrize("width", [1, 7, 8, 9])
def test_label_png(clusters: int, width: int) -> None:
    """Label i is index i in colour i, at every bit depth; noise is half-transparent, excluded pixels fully."""
    colors = noise(1, clusters)[0]
    labels = np.random.default_rng(1).integers(-2, clusters, (9, width)).astype(np.int16)
    image = Image.open(io.BytesIO(label_png(labels, colors)))
    image.load()
    assert image.mode == "P"
    expected = np.where(labels == -1, clusters, np.where(labels == -2, clusters + 1, labels))
    assert np.array_equal(np.asarray(image), expected)
    seen = np.asarray(image.convert("RGBA"))
    assert np.array_equal(seen[labels >= 0][:, :3], colors[labels[labels >= 0]])
    assert (seen[labels >= 0][:, 3] == 255).all()
    assert (seen[labels == -1] == NOISE_RGBA).all()
    assert (seen[labels == -2][:, 3] == EXCLUDED_RGBA[3]).all()


def test_label_png_of_more_clusters_than_a_palette_has() -> None:
    """Beyond 254 clusters the picture is in true colour."""
    colors = noise(1, 300)[0]
    labels = np.arange(-2, 300).reshape(2, 151).astype(np.int16)
    seen = np.asarray(Image.open(io.BytesIO(label_png(labels, colors))))
    assert seen.shape == (2, 151, 4)
    assert np.array_equal(seen[labels >= 0][:, :3], colors[labels[labels >= 0]])
    assert (seen[labels == -1] == NOISE_RGBA).all()
    assert (seen[labels == -2] == EXCLUDED_RGBA).all()
