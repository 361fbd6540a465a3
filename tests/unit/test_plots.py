"""The curve, the scatter, and what holds for all plots."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from shared.contract.params import AgglomerativeParams, ColorSpace, HdbscanParams, OpticsParams
from tests.support.pictures import colors_in, decoded
from tests.support.plots import Found, blobs, clustered
from worker.color.spaces import from_srgb
from worker.rendering.plots import condensed_tree, curve, dendrogram, reachability, scatter
from worker.rendering.points import AXES, PointCloud


def selection(criterion: str, chosen: int, **missing: None) -> Found:
    curve_ = [
        {"n_clusters": k, "inertia": 4e9 / k, "silhouette": 0.5 - 0.01 * abs(k - 6), "calinski_harabasz": 9000.0 * k,
         "davies_bouldin": 1.0 + 0.1 * k, "bic": -1e7 + k, **missing} for k in range(2, 16)
    ]  # fmt: skip
    return {"criterion": criterion, "chosen": chosen, "reason": "", "curve": curve_}


@pytest.mark.parametrize(
    ("criterion", "title"),
    [
        ("silhouette", "Silhouette is highest at 6 colours"),
        ("calinski_harabasz", "Calinski-Harabasz index is highest at 6 colours"),
        ("davies_bouldin", "Davies-Bouldin index is lowest at 6 colours"),
        ("bic", "BIC is lowest at 6 colours"),
        ("elbow", "The inertia bends most at 6 colours"),
    ],
)
def test_a_curves_title_says_what_is_seen(criterion: str, title: str) -> None:
    """Which measure is best where; and the picture has its one size."""
    assert curve._title(criterion, 6) == title
    assert decoded(curve.draw(selection(criterion, 6))).shape[:2] == (810, 1200)


def test_a_curve_passes_over_what_is_not_known() -> None:
    """A silhouette that is null throughout, or in one place, and a range of one number."""
    whole = selection("silhouette", 6)
    gap = {
        **whole,
        "curve": [{**entry, "silhouette": None} if entry["n_clusters"] == 4 else entry for entry in whole["curve"]],
    }
    pictures = {curve.draw(shown) for shown in (whole, gap, selection("elbow", 6, silhouette=None))}
    assert len(pictures) == 3
    assert curve.draw({**whole, "curve": whole["curve"][4:5]}) not in pictures


@pytest.mark.parametrize(("last", "chosen"), [(15, 3), (15, 14), (15, 15), (9, 2), (4, 2), (4, 3), (3, 3), (2, 2)])
def test_the_choice_hides_no_part_of_the_curve(last: int, chosen: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside its label the curve, which falls, is whole, and stands where it would stand without one."""
    whole = selection("silhouette", chosen)
    shown = {**whole, "curve": whole["curve"][: last - 1]}
    labelled = decoded(curve.draw(shown))[30:400, :, :3]  # below the title
    monkeypatch.setattr(curve, "_mark", lambda *_: None)
    ink = (decoded(curve.draw(shown))[30:400, :, :3] < 80).all(axis=2)
    assert (labelled[ink] < 80).all()
    assert ((labelled < 80).all(axis=2) & ~ink).sum() > 100, "there is a label"


def test_a_curve_of_one_number_claims_nothing() -> None:
    """There was no choice: the title says so."""
    whole = selection("elbow", 2)
    assert curve._only(1) == "Only 1 colour could be tried"
    one = curve.draw({**whole, "curve": whole["curve"][:1]})
    assert decoded(one).shape[:2] == (810, 1200)
    assert (decoded(one)[:30] != decoded(curve.draw(whole))[:30]).any()


def cloud(space: ColorSpace, clusters: int) -> tuple[PointCloud, np.ndarray]:
    random = np.random.default_rng(1)
    colors = np.unique(random.integers(0, 256, (500, 3), np.uint8), axis=0)
    labels = (
        random.integers(-1, clusters, len(colors)).astype(np.int32) if clusters else np.full(len(colors), -1, np.int32)
    )
    palette = random.integers(0, 256, (clusters, 3), np.uint8)
    coords, centers = from_srgb(colors, space), from_srgb(palette, space)
    return PointCloud(colors, labels, random.integers(1, 900, len(colors)), coords, centers, AXES[space]), palette


@pytest.mark.parametrize(("space", "clusters"), [*((space, 6) for space in AXES), ("lab", 0), ("rgb", 1)])
def test_a_scatter_has_the_clusters_colours(space: ColorSpace, clusters: int) -> None:
    """Each cluster's colour in the right half, most colours as they are in the left one."""
    points, palette = cloud(space, clusters)
    picture = decoded(scatter.draw(points, palette))
    assert picture.shape[:2] == (750, 1500)
    assert {"#" + bytes(color).hex() for color in palette} <= colors_in(picture[:, 750:])
    own = {"#" + bytes(color).hex() for color in points.colors}
    assert len(own & colors_in(picture[:, :750])) > 0.8 * len(own)


def pictured(colors: np.ndarray, labels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """The scatter of colours u8[M, 3] of one pixel each, in rgb."""
    pixels = np.ones(len(colors), np.int64)
    points = PointCloud(
        colors, labels.astype(np.int32), pixels, colors.astype(float), palette.astype(float), AXES["rgb"]
    )
    return decoded(scatter.draw(points, palette))[..., :3]


def test_both_views_are_whole() -> None:
    """Where each colour is a cluster of its own both views are the same, axes and names and all; none is cut off."""
    colors = np.unique(np.random.default_rng(2).integers(0, 256, (60, 3), np.uint8), axis=0)
    sheet = pictured(colors, np.arange(len(colors)), colors)[100:]
    ink = (sheet != 255).any(axis=(0, 2)).nonzero()[0]
    left, right = ink[ink < 750], ink[ink >= 750]
    assert ink.max() < 1490
    assert left.max() - left.min() == right.max() - right.min()
    assert (sheet[:, left.min() : left.max()] == sheet[:, right.min() : right.max()]).all()


@pytest.mark.parametrize(("lightest", "outlined"), [(255, True), (120, False)])
def test_pale_colours_have_an_outline(lightest: int, outlined: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would vanish on the pane has a darker one, in both views; what is seen has none."""
    colors = lightest - np.indices((4, 4, 4), np.uint8).reshape(3, -1).T * 10
    sheet = pictured(colors, np.zeros(64), colors[:1]).astype(int)
    monkeypatch.setattr(scatter, "LEAST_CONTRAST", 0)
    darker = (pictured(colors, np.zeros(64), colors[:1]) - sheet).max(axis=2) > 40
    assert [half.sum() > 500 for half in (darker[:, :750], darker[:, 750:])] == [outlined, outlined]


def test_noise_hides_no_cluster() -> None:
    """Noise that stands before a cluster is drawn behind it: the cluster shows as many pixels as without it."""
    grid = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3, indexing="ij"), -1).reshape(-1, 3).astype(np.uint8)
    inside = (abs(grid.astype(int) - 128) < 40).all(axis=1)
    red = np.array([[200, 30, 40]], np.uint8)
    with_noise = pictured(grid, np.where(inside, 0, -1), red)[:, 750:]
    # Its corners alone keep the axes as they are.
    corners = np.isin(grid, (0, 255)).all(axis=1)
    without = pictured(grid[inside | corners], np.where(inside, 0, -1)[inside | corners], red)[:, 750:]
    seen = [int((view == red[0]).all(axis=2).sum()) for view in (with_noise, without)]
    assert seen[0] == pytest.approx(seen[1], rel=0.01)
    assert seen[1] > 10_000


def test_many_centres_are_small() -> None:
    """A hundred rings do not hide the points below them."""
    colors = np.unique(np.random.default_rng(3).integers(0, 256, (100, 3), np.uint8), axis=0)
    few, many = (pictured(colors, np.zeros(len(colors)), colors[:count]) for count in (10, 100))
    ink = [int((abs(view.astype(int) - 0x33) < 3).all(axis=2).sum()) for view in (few, many)]
    assert ink[1] < 4 * ink[0]


def digests() -> Iterator[str]:
    """Of a picture of each kind."""
    pixels = blobs(30, 40)
    points, found, palette = clustered(pixels, OpticsParams())
    yield _digest(reachability.draw(reachability.data(found.details.plot, found.labels, "rgb"), palette))
    points, found, palette = clustered(pixels, HdbscanParams(min_cluster_size=20))
    yield _digest(condensed_tree.draw(condensed_tree.data(found.details, found.labels, points.weights), palette))
    points, found, palette = clustered(pixels, AgglomerativeParams(n_clusters=5))
    yield _digest(dendrogram.draw(dendrogram.data(found.details, found.labels, points.weights, 5, "ward"), palette))
    yield _digest(curve.draw(selection("silhouette", 6)))
    yield _digest(scatter.draw(*cloud("lab", 4)))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_equal_data_give_equal_bytes() -> None:
    """Twice here, and in another process."""
    program = "from tests.unit.test_plots import digests; print(*digests())"
    elsewhere = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    here = list(digests())
    assert list(digests()) == here
    assert elsewhere.split() == here


def test_a_plotting_package_is_loaded_by_the_first_plot_only() -> None:
    """Data, cards and CSS's names need none: jobs that draw no plot do not wait for it."""
    program = (
        "import sys, numpy as np\n"
        "from worker.rendering import card, masks, recolored, side_by_side, sweep, points\n"
        "from worker.rendering.plots import condensed_tree, curve, dendrogram, reachability, scatter, style\n"
        "from worker.color import names\n"
        "names.nearest(np.zeros((1, 3), np.uint8), 'css')\n"
        "card.card(np.zeros((5, 5, 3), np.uint8), [], 1.0, '')\n"
        "assert 'matplotlib' not in sys.modules\n"
        "style.png(style.figure())\n"
        "assert 'matplotlib' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
