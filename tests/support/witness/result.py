"""All of a result, number by number, against the label map and the image."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from tests.support.witness import measures
from tests.support.witness.colors import STEPS, code_of, coordinates, difference, srgb_of
from tests.support.witness.measures import Labelled, near
from tests.support.witness.palette import check_accents, check_contrasts, check_entry
from tests.support.witness.pixels import Picture, picture

Floats = NDArray[np.float64]
BY_MEANS = ("hdbscan", "optics", "agglomerative")
"""Methods that have no centres of their own: the means are taken."""


class Witness:
    """A stranger with a result as JSON, its label map int[h, w], and the image u8[h, w, 3 or 4]; `mask` bool[h, w]."""

    def __init__(
        self, result: dict[str, Any], labels: NDArray[Any], image: NDArray[np.uint8], mask: Any = None
    ) -> None:
        self.result, self.labels, self.image = result, labels, image
        self.params, self.palette = result["params"], result["palette"]
        wished = {name: value for name, value in self.params.items() if value is not None}
        self.seen: Picture = picture(image, wished, (labels.shape[1], labels.shape[0]), mask)
        counted = self.seen.counted
        self.rgb, self.mine = self.seen.rgb[counted], labels[counted]
        self.weights = self.seen.weights[counted]
        y, x = np.nonzero(counted)
        self.places = np.stack([(x + 0.5) / labels.shape[1], (y + 0.5) / labels.shape[0]], axis=1)
        self.scaler = StandardScaler(with_mean=self.params["standardize"], with_std=self.params["standardize"])
        self.coords = self.scaler.fit_transform(coordinates(self.rgb, self.space), sample_weight=self.weights)
        self.clustered = self.mine >= 0
        self.sure = True  # whether the centres can be known from what is told

    @property
    def space(self) -> str:
        return str(self.params["color_space"])

    @property
    def step(self) -> float:
        """One 8-bit step in the space of the clustering."""
        scale = self.scaler.scale_.mean() if self.params["standardize"] else 1.0
        return float(STEPS[self.space] / scale)

    @property
    def found(self) -> Labelled:
        """The pixels in clusters."""
        return Labelled(self.coords[self.clustered], self.weights[self.clustered], self.mine[self.clustered])

    def check(self) -> None:
        self.check_image()
        self.check_shares()
        self.check_palette()
        self.check_quality()
        self.check_method()
        self.check_notes()
        if self.result["selection"] is not None:
            self.check_selection()

    def check_image(self) -> None:
        """Sizes and counts; what is left out has the label -2, and nothing else has."""
        told, counted = self.result["image"], self.seen.counted
        height, width = self.labels.shape
        assert [told["width"], told["height"], told["pixels"]] == [width, height, width * height]
        whole = [self.image.shape[1], self.image.shape[0]]
        assert told["scaled_from"] == (None if whole == [width, height] else whole)
        assert width * height <= (self.params["max_pixels"] or math.inf)
        assert told["clustered_pixels"] == counted.sum()
        assert told["excluded_pixels"] == (~counted).sum()
        assert told["unique_colors"] == len(np.unique(self.rgb, axis=0))
        assert ((self.labels == -2) == ~counted).all()
        assert self.result["labels"]["shape"] == [height, width]

    def check_shares(self) -> None:
        """Counts, and shares of the weight, noise included."""
        total = self.weights.sum()
        assert [entry["label"] for entry in self.palette] == list(range(len(self.palette)))
        for entry, share in zip(self.palette, self.result["proportions"], strict=True):
            mine = self.mine == entry["label"]
            assert entry["pixels"] == mine.sum()
            assert entry["proportion"] == share == pytest.approx(self.weights[mine].sum() / total, rel=1e-12)
        noise = self.mine == -1
        assert self.mine.max(initial=-1) < len(self.palette)
        assert self.result["noise"]["pixels"] == noise.sum()
        assert self.result["noise"]["proportion"] == pytest.approx(self.weights[noise].sum() / total, abs=1e-12)
        if self.params["algorithm"] != "assign":
            assert self.result["proportions"] == sorted(self.result["proportions"], reverse=True)

    def centers(self) -> Floats:
        """The clusters' centres in the space of the clustering, f64[k, 3]; checks them where they are means.

        Where the centre that is told was clipped to sRGB's gamut, the mean is taken.
        """
        told = np.array(self.result["centroids"], np.float64).reshape(-1, 3)
        means = self.found.means(len(self.palette))
        by_means = self.params["algorithm"] in BY_MEANS or self.params.get("tol") == 0
        if by_means:
            still = np.array([self.is_fixed(one) for one in told], bool)
            expected = srgb_of(self.plain(means[~still]), self.space)
            assert told[~still] == pytest.approx(expected, abs=1e-6)
        centers = self.scaler.transform(coordinates(told, self.space)) if len(told) else told
        if self.space == "rgb":
            return centers
        clipped = ((told < 1e-9) | (told > 255 - 1e-9)).any(axis=1) & ~np.isnan(means).any(axis=1)
        clipped &= [not self.is_fixed(one) for one in told] if len(told) else False
        self.sure = not clipped.any() or by_means
        return np.where(clipped[:, None], means, centers)

    def plain(self, coords: Floats) -> Floats:
        return self.scaler.inverse_transform(coords) if len(coords) else coords

    def is_fixed(self, rgb: Floats) -> bool:
        """Whether that is a colour that the request gives."""
        given = self.params.get("fixed") or self.params.get("palette") or []
        known = [list(bytes.fromhex(one[1:])) if isinstance(one, str) else one for one in given]
        return any(np.allclose(rgb, one, atol=1e-6) for one in known)

    def check_palette(self) -> None:
        centers = self.centers()
        for entry, rgb, center in zip(self.palette, self.result["centroids"], centers, strict=True):
            assert np.abs(np.array(entry["rgb"]) - rgb).max() <= 0.5 + 1e-6
            mine = self.mine == entry["label"]
            about = (self.rgb[mine], self.places[mine], self.coords[mine])
            check_entry(entry, *about, center if self.sure else None, self.params["names"])
        check_contrasts(self.result["palette_contrast"], [entry["hex"] for entry in self.palette])
        check_accents(self.palette)

    def check_quality(self) -> None:
        """Of the picture as it is painted with the palette, and of the clusters."""
        told, pixels = self.result["quality"], int(self.clustered.sum())
        silhouette = measures.silhouette(self.found)
        assert told["silhouette"]["exact"] is True
        assert told["silhouette"]["error"] == 0
        assert told["silhouette"]["value"] == near(silhouette, abs=1e-9)
        if silhouette is not None:
            assert told["silhouette"]["sample"] == round(self.found.weights.sum())
        if not pixels:
            assert [told[name] for name in ("mse", "psnr", "delta_e", "explained")] == [None] * 4
            return
        painted = np.array([entry["rgb"] for entry in self.palette])[self.mine[self.clustered]]
        errors = np.square(self.rgb[self.clustered].astype(float) - painted)
        assert told["mse"] == pytest.approx(errors.sum() / pixels, rel=1e-12)
        assert told["psnr"] == near(10 * np.log10(255**2 / errors.mean()) if errors.any() else None, rel=1e-12)
        pairs = zip(self.rgb[self.clustered], painted.astype(np.uint8), strict=True)
        apart = np.array([difference(code_of(one), code_of(other)) for one, other in pairs])
        expected = {"mean": apart.mean(), "p95": np.percentile(apart, 95), "max": apart.max()}
        assert told["delta_e"] == pytest.approx(expected, abs=1e-6)
        assert told["explained"] == (apart <= 5).mean()

    def check_method(self) -> None:
        """What the method says of itself, as far as the labels tell it."""
        told, found, count = self.result["quality"], self.found, len(self.palette)
        bounds: dict[str, float] = {"rel": 1e-8, "abs": 1e-9 * float(self.weights.sum()) * self.step**2}
        match self.params["algorithm"]:
            case "kmeans":
                around = measures.inertia(found, self.centers())
                if self.sure:
                    assert told["inertia"] == pytest.approx(around, **bounds)
                else:
                    assert told["inertia"] >= around - bounds["abs"]
            case "assign":
                assert told["empty"] == count - len(np.unique(found.labels))
                assert told["metric"] == self.params["metric"]
            case "agglomerative" if self.params["linkage"] == "ward" and count <= 32 and found.plain:
                # Each merge adds half of its squared height to the inertia.
                whole = measures.inertia(
                    Labelled(found.coords, found.weights, 0 * found.labels), found.coords.mean(axis=0)[None]
                )
                last = np.array(told["last_heights"][len(told["last_heights"]) + 1 - count :])
                assert whole - measures.inertia(found, found.means(count)) == pytest.approx(
                    (last**2).sum() / 2, **bounds
                )
            case "hdbscan":
                assert len(told["persistence"]) == count
                assert told["resolution"] == pytest.approx(self.step)
                if count > 1 and self.params["cluster_selection_method"] in ("auto", "plscan"):
                    sizes = np.bincount(found.labels, found.weights, count)
                    assert sizes.min() >= told["min_cluster_size"] * (1 - 1e-12) >= 2
            case "optics":
                assert len(told["heights"]) == count

    def check_notes(self) -> None:
        """What is to be said is said, with the right numbers, and nothing else is."""
        asked, made, colors = self.params.get("n_clusters"), len(self.palette), self.result["image"]["unique_colors"]
        least = 2 if asked == "auto" else asked["min"] if isinstance(asked, dict) else asked or 0
        wanted = self.result["selection"]["chosen"] if self.result["selection"] else least
        expected = {
            "fewer_colors": colors < least,
            "empty_clusters": made < wanted <= colors,
            "all_noise": made == 0,
            "unused_colors": any(not entry["pixels"] for entry in self.palette),
        }
        told = {note["note"]: note["detail"] for note in self.result["notes"]}
        assert set(told) == {note for note, due in expected.items() if due}
        if "fewer_colors" in told:
            assert told["fewer_colors"].startswith(f"The image has {colors} distinct colour")
            assert f" the {least} clusters asked for; {made} cluster" in told["fewer_colors"]
        if "empty_clusters" in told:
            assert told["empty_clusters"].startswith(f"{wanted - made} of the {wanted} clusters")

    def check_selection(self) -> None:
        """The chosen number's entry of the curve, and that it is the criterion's choice."""
        told = self.result["selection"]
        numbers = [one["n_clusters"] for one in told["curve"]]
        (chosen,) = [one for one in told["curve"] if one["n_clusters"] == told["chosen"]]
        centers = self.centers()
        measures.check_candidate(chosen, self.found, centers if self.sure else None, self.step)
        asked = self.params["n_clusters"]
        low, high = (2, 15) if asked == "auto" else (asked["min"], asked["max"])
        most = self.result["image"]["unique_colors"]
        low = max(min(low, most), len(self.params.get("fixed") or []))
        assert numbers == list(range(low, max(min(high, most), low) + 1))
        assert self.params["criterion"] in (None, told["criterion"])
        assert told["chosen"] == numbers[best_place(told["curve"], told["criterion"], self.weights.sum(), self.step)]
        assert str(told["chosen"]) in told["reason"]


def best_place(curve: list[dict[str, Any]], criterion: str, pixels: float, step: float) -> int:
    """The place in the curve that the criterion prefers."""
    if criterion == "elbow":
        return int(np.argmax(elbow(curve, pixels, step)))
    sign = -1 if criterion in ("davies_bouldin", "bic") else 1
    scores = [-math.inf if one[criterion] is None else sign * one[criterion] for one in curve]
    if criterion == "calinski_harabasz":
        # scikit-learn's word for a ratio without bound.
        scores = [math.inf if score == 1 else score for score in scores]
    return int(np.argmax(scores))


def elbow(curve: list[dict[str, Any]], pixels: float, step: float) -> Floats:
    """How far the curve of logarithms bends below the line between its ends, both scaled to 0..1."""
    x = np.array([one["n_clusters"] for one in curve], float)
    y = np.log(np.array([one["inertia"] for one in curve]) / pixels + step**2 / 4)
    if len(x) < 3 or y[0] <= y[-1]:
        return np.zeros(len(x))
    heights: Floats = (x[-1] - x) / (x[-1] - x[0]) - (y - y[-1]) / (y[0] - y[-1])
    return heights
