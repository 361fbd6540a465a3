"""What a person wants to know of a clustering beside its labels: what its colours say of themselves, how good it is."""

import colorsys
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.hex_color import hex_of_rgb
from shared.contract.params import range_of
from shared.contract.results import ColorName, Contrast, Note, PaletteEntry
from worker.clustering.registry import method_of
from worker.color import contrast
from worker.color.spaces import from_srgb, oklch_of_srgb
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
    lab, oklch = from_srgb(rgb, "lab"), oklch_of_srgb(rgb)
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
    made, colors = len(segmentation.palette), len(segmentation.colors)
    notes = _notes_of_number(segmentation, made, colors)
    if not made:
        params = segmentation.params
        more = method_of(params.algorithm).more
        detail = f"No cluster was found: all pixels are noise. {more(params) if more else ''}".rstrip()
        notes.append(Note(note="all_noise", detail=detail))
    empty = int((segmentation.pixels == 0).sum())
    if empty:
        detail = f"{empty:,} of the {made:,} colours {'is' if empty == 1 else 'are'} nearest to no pixel."
        notes.append(Note(note="unused_colors", detail=detail))
    return notes


def _notes_of_number(segmentation: Segmentation, made: int, colors: int) -> list[Note]:
    """Where the number of clusters is not the one that was asked for: why."""
    asked = getattr(segmentation.params, "n_clusters", None)
    span, chosen = range_of(asked), segmentation.selection
    least = span.min if span is not None else asked
    if not isinstance(least, int):  # the method, or a threshold, says how many there are
        return []
    if colors < least:
        has, were = "colour" if colors == 1 else "colours", "cluster was" if made == 1 else "clusters were"
        detail = (
            f"The image has {colors:,} distinct {has}, fewer than the {least:,} clusters asked for; "
            f"{made:,} {were} made."
        )
        return [Note(note="fewer_colors", detail=detail)]
    wanted = least if chosen is None else chosen.chosen
    if made < wanted:
        detail = (
            f"{wanted - made:,} of the {wanted:,} clusters ended without a pixel and are left out. "
            "A larger max_iter, or other first centres, may fill them."
        )
        return [Note(note="empty_clusters", detail=detail)]
    return []
