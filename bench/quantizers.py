"""KMeans beside those who make palettes: `python -m bench.quantizers [FOLDER OF IMAGES]`.

256 colours and a label for every pixel, pixels in, decoding apart. The error is the mean over the pixels of the squared
distance in RGB to the pixel's palette colour (summed over the channels). faiss clusters the unique colours with their
counts, and all pixels; Pillow and libimagequant take images only and are made for speed: where they are faster, the
error says what that costs.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench import common
from bench.common import Row, Work, measure, row
from shared.contract.params import KMeansParams
from worker.clustering import cluster
from worker.color.counting import count_colors
from worker.color.spaces import centers_to_srgb
from worker.warmup import warm_up

COLORS = 256
IMAGES = ("macaws.png", "fruits.png")
FAISS_ITERATIONS = 25  # its own default


def pixels_of(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path).convert("RGB"))


def error(pixels: NDArray[np.uint8], palette: NDArray[np.float64], labels: NDArray[np.integer]) -> float:
    """Mean squared distance of `pixels` u8[h, w, 3] to their colours in `palette` f64[k, 3]."""
    difference = pixels.reshape(-1, 3) - palette[labels.reshape(-1)]
    return float((difference**2).sum(axis=1).mean())


def huemill(path: Path) -> Work:
    warm_up()
    pixels = pixels_of(path)

    def work() -> float:
        colors = count_colors(pixels)
        points = colors.points()
        found = cluster(points, KMeansParams(n_clusters=COLORS))
        labels = colors.label_map(found.labels.astype(np.int16))
        return error(pixels, centers_to_srgb(points, found.centers), labels)

    return work


def faiss_all(path: Path) -> Work:
    return _faiss(pixels_of(path), unique=False)


def faiss_unique(path: Path) -> Work:
    return _faiss(pixels_of(path), unique=True)


def _faiss(pixels: NDArray[np.uint8], *, unique: bool) -> Work:
    import faiss

    def work() -> float:
        flat = pixels.reshape(-1, 3)
        weights = None
        data = flat.astype(np.float32)
        if unique:
            keys = flat.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
            found, counts = np.unique(keys, return_counts=True)
            data = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1).astype(np.float32)
            weights = counts.astype(np.float32)
        # Without these two it would cluster a sample of 256 points a centre.
        kmeans = faiss.Kmeans(
            3, COLORS, niter=FAISS_ITERATIONS, seed=1, max_points_per_centroid=len(data), min_points_per_centroid=1
        )
        kmeans.train(data, weights=weights)
        _, labels = kmeans.index.search(flat.astype(np.float32), 1)
        return error(pixels, kmeans.centroids.astype(np.float64), labels)

    return work


def pillow_median_cut(path: Path) -> Work:
    return _pillow(path, Image.Quantize.MEDIANCUT)


def pillow_octree(path: Path) -> Work:
    return _pillow(path, Image.Quantize.FASTOCTREE)


def _pillow(path: Path, method: Image.Quantize) -> Work:
    pixels = pixels_of(path)
    image = Image.fromarray(pixels)

    def work() -> float:
        # kmeans=1 lets it refine its palette until no pixel changes.
        found = image.quantize(COLORS, method=method, kmeans=1, dither=Image.Dither.NONE)
        palette = np.array(found.getpalette(), np.float64).reshape(-1, 3)
        return error(pixels, palette, np.asarray(found))

    return work


def libimagequant(path: Path) -> Work:
    import imagequant

    pixels = pixels_of(path)
    height, width = pixels.shape[:2]
    rgba = Image.fromarray(pixels).convert("RGBA").tobytes()

    def work() -> float:
        labels, palette = imagequant.quantize_raw_rgba_bytes(
            rgba, width, height, dithering_level=0.0, max_colors=COLORS
        )
        colors = np.array(palette, np.float64).reshape(-1, 4)[:, :3]
        return error(pixels, colors, np.frombuffer(labels, np.uint8))

    return work


PEERS = {
    "faiss, all pixels": faiss_all,
    "faiss, unique with weights": faiss_unique,
    "Pillow, median cut + kmeans": pillow_median_cut,
    "Pillow, fast octree + kmeans": pillow_octree,
    "libimagequant": libimagequant,
}


def rows(images: Path) -> Iterator[Row]:
    for name in IMAGES:
        ours = measure(huemill, images / name, repeat=5)
        for peer, prepare in PEERS.items():
            theirs = measure(prepare, images / name)
            note = f"error {ours.value:.2f}, peer {theirs.value:.2f}"
            yield row(f"{name}, {COLORS} colours", ours, peer, theirs, note=note)


if __name__ == "__main__":
    common.main(rows)
