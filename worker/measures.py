"""What a person wants to know of a clustering beside its labels: what its colours say of themselves, how good it is."""

import colorsys
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.hex_color import hex_of_rgb
from shared.contract.results import ColorName, Contrast, Note, PaletteEntry
from worker.color import contrast
from worker.color.spaces import from_srgb
from worker.progress import Meter
from worker.quality import members
from worker.quality.accent import accents
from worker.quality.labelings import add_up, label
from worker.quality.picture import differences, painted
from worker.quality.silhouette import Silhouette, silhouettes
from worker.segmentation import Segmentation

MOST_CONTRASTED = 32
"""Clusters of which the contrast of each pair is told."""
EXACT_SILHOUETTE_COLORS = 1 << 13
"""Up to so many colours the silhouette is exact: some 30 ms. Where a number is chosen, it is exact up to 2^15."""
# Above, so many distances are spent on a sample; the error is told. More precision would cost more than the clustering.
_DISTANCES = 1 << 26
_GREY_CHROMA = 1e-4  # of Oklab; below it a hue would be made of rounding


@dataclass(frozen=True)
class Measures:
    """The parts of a result that are made here."""

    palette: list[PaletteEntry]
    palette_contrast: list[list[float]] | None
    quality: dict[str, Any]  # see shared.contract.results.Quality
    notes: list[Note]


def measure(segmentation: Segmentation, meter: Meter) -> Measures:
    """All of it, in O(U) and one pass over the label map. Raises Stopped."""
    colors, labels = segmentation.colors, segmentation.clustering.labels
    with meter.part(0.0, 0.3) as part:
        apart = differences(colors.colors, labels, segmentation.palette, part)
    with meter.part(0.3, 0.5) as part:
        palette = _palette(segmentation, apart, part)
    picture = painted(colors.colors, colors.counts, labels, segmentation.palette, apart)
    with meter.part(0.5, 1.0) as part:
        silhouette = _silhouette(segmentation, part)
    nothing = {"mse": None, "psnr": None, "delta_e": None, "explained": None}
    quality = {**(asdict(picture) if picture else nothing), "silhouette": asdict(silhouette)}
    return Measures(
        palette,
        _contrasts(segmentation.luminance),
        {**segmentation.clustering.details.summary(), **quality},
        _notes(segmentation),
    )


def _palette(segmentation: Segmentation, apart: NDArray[np.float64], meter: Meter) -> list[PaletteEntry]:
    """`apart` f64[U]: of each colour to its cluster's."""
    colors, clustering, rgb = segmentation.colors, segmentation.clustering, segmentation.palette
    count = len(rgb)
    chosen = members.choose(segmentation.points, colors.counts, clustering.labels, clustering.centers)
    spreads = members.spreads(apart, colors.counts, clustering.labels, count)
    positions = members.positions(segmentation.labels, count, meter)
    accent = accents(rgb, segmentation.shares)
    lab, oklch = from_srgb(rgb, "lab"), _oklch(rgb)
    on_white, on_black = contrast.ratio(segmentation.luminance, 1.0), contrast.ratio(segmentation.luminance, 0.0)
    return [
        PaletteEntry(
            label=i,
            hex=hex_of_rgb(_triple(rgb[i])),
            rgb=_triple(rgb[i]),
            pixels=int(segmentation.pixels[i]),
            proportion=float(segmentation.shares[i]),
            hsl=_hsl(*_triple(rgb[i])),
            lab=_triple(lab[i]),
            oklch=_triple(oklch[i]),
            name=ColorName(
                name=segmentation.names[i].name,
                list=segmentation.params.names,
                delta_e=segmentation.names[i].delta_e,
            ),
            medoid=_hex_at(colors.colors, int(chosen.medoids[i])),
            mode=_hex_at(colors.colors, int(chosen.modes[i])),
            spread=_number(spreads[i]),
            position=None if math.isnan(positions[i, 0]) else (float(positions[i, 0]), float(positions[i, 1])),
            contrast=Contrast(white=float(on_white[i]), black=float(on_black[i])),
            text=segmentation.texts[i],
            accent=float(accent[i]),
        )
        for i in range(count)
    ]


def _triple(values: NDArray[Any]) -> tuple[Any, Any, Any]:
    first, second, third = values.tolist()
    return first, second, third


def _hex_at(colors: NDArray[np.uint8], at: int) -> str | None:
    return None if at < 0 else hex_of_rgb(_triple(colors[at]))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _hsl(red: int, green: int, blue: int) -> tuple[float, float, float]:
    hue, lightness, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    return 360 * hue, saturation, lightness


def _oklch(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Oklab in polar coordinates (CSS Color 4, section 9.4), f64[k, 3]; the hue of greys is 0."""
    lightness, green_red, blue_yellow = from_srgb(rgb, "oklab").T
    chroma = np.hypot(green_red, blue_yellow)
    hue = np.degrees(np.arctan2(blue_yellow, green_red)) % 360
    return np.column_stack([lightness, chroma, np.where(chroma < _GREY_CHROMA, 0.0, hue)])


def _contrasts(luminance: NDArray[np.float64]) -> list[list[float]] | None:
    """The contrast ratio of each pair; None where there are too many to look at."""
    if len(luminance) > MOST_CONTRASTED:
        return None
    ratios: list[list[float]] = contrast.ratio(luminance[:, None], luminance[None, :]).tolist()
    return ratios


def _silhouette(segmentation: Segmentation, meter: Meter) -> Silhouette:
    labelled = label(segmentation.points, [segmentation.clustering.labels], [len(segmentation.palette)])
    with meter.part(0.0, 0.2) as part:
        sums = add_up(labelled, part)
    sample = max(64, _DISTANCES // max(len(segmentation.points), 1) // 2 * 2)
    with meter.part(0.2, 1.0) as part:
        return silhouettes(labelled, sums, part, EXACT_SILHOUETTE_COLORS, sample)[0]


def _notes(segmentation: Segmentation) -> list[Note]:
    """What should be known, each with a word that stays."""
    params, count = segmentation.params, len(segmentation.palette)
    asked = getattr(params, "n_clusters", None)
    notes = []
    if isinstance(asked, int) and count < asked:
        has = "colour" if count == 1 else "colours"
        detail = (
            f"The image has {count:,} distinct {has}: no more clusters than that were made of the {asked:,} asked for."
        )
        notes.append(Note(note="fewer_colors", detail=detail))
    if not count:
        detail = (
            "No cluster was found: all pixels are noise. Smaller min_cluster_size and min_samples find smaller ones."
        )
        notes.append(Note(note="all_noise", detail=detail))
    empty = int((segmentation.pixels == 0).sum())
    if empty:
        detail = f"{empty:,} of the {count:,} colours are nearest to no pixel."
        notes.append(Note(note="unused_colors", detail=detail))
    return notes
