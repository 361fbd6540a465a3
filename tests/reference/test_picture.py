"""The measures of a painted picture, recomputed from its pixels with numpy and an independent colour library."""

import numpy as np
import pytest
from coloraide import Color

from tests.support.labelled import with_noise
from worker.color.counting import count_colors
from worker.progress import Meter
from worker.quality import picture
from worker.quality.members import spreads
from worker.quality.picture import differences, painted

PALETTE = np.array([[200, 40, 30], [40, 60, 90], [220, 220, 210], [0, 0, 0]], np.uint8)


def drawn(seed: int) -> np.ndarray:
    """Pixels near the palette's colours, many of them equal."""
    random = np.random.default_rng(seed)
    near = PALETTE[random.integers(0, 4, (20, 30))] + random.integers(-9, 10, (20, 30, 3)) // random.choice(
        [4, 1], (20, 30, 1)
    )
    return np.clip(near, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("noisy", [False, True])
def test_every_number_follows_from_the_pixels(noisy: bool) -> None:
    """mse, psnr, mean, percentile and largest difference, share explained, spread: over the pixels but the noise."""
    pixels = drawn(3)
    colors = count_colors(pixels)
    plain = np.square(colors.colors[:, None].astype(int) - PALETTE).sum(axis=2).argmin(axis=1).astype(np.int32)
    labels = with_noise(plain, 5) if noisy else plain
    found_differences = differences(colors.colors, labels, PALETTE, Meter())
    found = painted(colors.colors, colors.counts, labels, PALETTE, found_differences)

    label_map = colors.label_map(labels)
    kept = label_map >= 0
    original, copy = pixels[kept], PALETTE[label_map[kept]]
    errors = np.square(original.astype(float) - copy)
    apart = np.array(
        [
            Color("srgb", one / 255).delta_e(Color("srgb", other / 255), method="2000")
            for one, other in zip(original, copy, strict=True)
        ]
    )
    assert found is not None
    assert found.mse == pytest.approx(errors.sum() / len(errors), rel=1e-12)
    assert found.psnr == pytest.approx(10 * np.log10(255**2 / errors.mean()), rel=1e-12)
    assert found.delta_e.mean == pytest.approx(apart.mean(), abs=1e-6)
    assert found.delta_e.p95 == pytest.approx(np.percentile(apart, 95), abs=1e-6)
    assert found.delta_e.max == pytest.approx(apart.max(), abs=1e-6)
    assert found.explained == (apart <= 5).mean()
    assert 0 < found.explained < 1
    assert np.isnan(found_differences).any() == noisy
    for j, spread in enumerate(spreads(found_differences, colors.counts, labels, len(PALETTE))):
        assert spread == pytest.approx(np.sqrt(np.square(apart[label_map[kept] == j]).mean()), abs=1e-6)


def test_an_equal_picture_has_no_error() -> None:
    """Painted in its own colours: nothing differs, all is explained, and there is no ratio to an error of 0."""
    colors = count_colors(drawn(4))
    labels = np.arange(len(colors), dtype=np.int32)
    found = painted(
        colors.colors, colors.counts, labels, colors.colors, differences(colors.colors, labels, colors.colors, Meter())
    )
    assert found is not None
    assert (found.mse, found.psnr, found.explained) == (0, None, 1)
    assert (found.delta_e.mean, found.delta_e.p95, found.delta_e.max) == (0, 0, 0)


def test_all_noise_is_no_picture() -> None:
    """Where nothing is painted nothing can be measured."""
    colors = count_colors(drawn(4))
    labels = np.full(len(colors), -1, np.int32)
    apart = differences(colors.colors, labels, PALETTE, Meter())
    assert painted(colors.colors, colors.counts, labels, PALETTE, apart) is None


def test_the_number_of_threads_changes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each colour's is computed by itself."""
    colors = count_colors(drawn(5))
    labels = (np.arange(len(colors)) % 4).astype(np.int32)
    here = differences(colors.colors, labels, PALETTE, Meter())
    monkeypatch.setattr(picture, "_WORTH_THREADS", 0)
    assert differences(colors.colors, labels, PALETTE, Meter(threads=3)).tobytes() == here.tobytes()
