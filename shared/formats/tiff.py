"""TIFF 6.0: what the tags of the first picture say of its samples, and which of that is read here."""

from dataclasses import dataclass

from shared.contract.errors import BrokenImage, ImageTooLarge, UnsupportedImage
from shared.formats.header import Header, Limits, Window
from shared.formats.tiff_directory import Directory, first_directory

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, ORIENTATION = 256, 257, 258, 259, 262, 266, 274
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_SIZES, PLANES = 273, 277, 278, 279, 284
PREDICTOR, PRIMARIES, PALETTE, TRANSFER = 317, 319, 320, 301
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 322, 323, 324, 325
INK_SET, EXTRA, SAMPLE_FORMAT, JPEG_TABLES = 332, 338, 339, 347
COEFFICIENTS, SUBSAMPLING, REFERENCE, PROFILE = 529, 530, 532, 34675
_KIND, _DNG = 254, 50706  # what of the picture this is: bit 0, a smaller copy; and the version of Adobe's raw format

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTED, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
_COLORS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTED: 1, CMYK: 4, YCBCR: 3}
UNSPECIFIED, ASSOCIATED, UNASSOCIATED = 0, 1, 2  # what a sample beside the colours is
PLAIN, LZW, JPEG, DEFLATE, OLD_DEFLATE, PACKBITS, LZMA, ZSTD = 1, 5, 7, 8, 32946, 32773, 34925, 50000
FAX = {2, 3, 4}  # CCITT's, of bitmaps
# libtiff predicts nothing before PackBits, and never says that it does; who says so does it.
_PREDICTED = {LZW, DEFLATE, OLD_DEFLATE, PACKBITS, LZMA, ZSTD}
_READ = {PLAIN, JPEG, *FAX, *_PREDICTED}
_COMPRESSIONS = {
    **{6: "old-style JPEG", 32766: "NeXT", 32771: "CCITT in words", 32809: "ThunderScan", 32909: "PixarLog"},
    **{33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 22610: "JPEG XR", 34934: "JPEG XR"},
    **{34676: "SGI LogLuv", 34677: "SGI LogLuv", 34887: "LERC", 34892: "lossy JPEG of DNG", 34933: "PNG"},
    **{34927: "WebP", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL", 34661: "JBIG", 32895: "run lengths"},
}
MAX_SAMPLES = 8  # of a pixel: colours, alpha and what printers add


@dataclass(frozen=True)
class Layout:
    """How the samples of the first picture are stored."""

    directory: Directory
    width: int
    height: int
    bits: int
    photometric: int
    colors: int  # the number of samples that are colours; `extra` follow them
    extra: tuple[int, ...]  # what each sample beside the colours is
    planar: bool  # whether each sample has a plane of its own
    compression: int
    predicted: bool  # whether differences to the left neighbour are stored
    reversed_bits: bool  # whether the lowest bit of a byte is the leftmost
    subsampling: tuple[int, int]  # pixels across and down that share YCbCr's colour
    tile: tuple[int, int] | None  # width and height of a tile; None: there are strips
    rows_per_strip: int

    @property
    def samples(self) -> int:
        return self.colors + len(self.extra)

    @property
    def alpha(self) -> int | None:
        """Which sample is opacity: the first that says so."""
        kinds = [kind in (ASSOCIATED, UNASSOCIATED) for kind in self.extra]
        return self.colors + kinds.index(True) if True in kinds else None

    @property
    def premultiplied(self) -> bool:
        return self.alpha is not None and self.extra[self.alpha - self.colors] == ASSOCIATED

    @property
    def part(self) -> tuple[int, int]:
        """Width and height of a tile or strip; the last strip may be lower."""
        return self.tile or (self.width, min(self.rows_per_strip, self.height))


def read(window: Window, limits: Limits) -> Header:
    directory, frames = first_directory(window, limits.frames)
    found = layout(directory)
    if found.tile is not None:
        (wide, high), pixels = found.tile, found.width * found.height
        padded = -(-found.width // wide) * wide * -(-found.height // high) * high
        if padded > limits.pixels + pixels:
            raise ImageTooLarge(f"The TIFF file's tiles hold {padded:,} pixels; the limit here is {limits.pixels:,}.")
    noted = directory.number(ORIENTATION, 1)
    return Header(
        "TIFF",
        found.width,
        found.height,
        found.bits,
        frames,
        transparent=found.alpha is not None,
        orientation=noted if 1 <= noted <= 8 else 1,
    )


def layout(directory: Directory) -> Layout:
    """Raises UnsupportedImage for what is not read, BrokenImage where a tag is missing or makes no sense."""
    width, height = directory.number(WIDTH, 0), directory.number(HEIGHT, 0)
    if width <= 0 or height <= 0:
        raise BrokenImage("The TIFF file does not say how large it is.")
    if directory.number(_KIND, 0) & 1 or _DNG in directory:
        raise UnsupportedImage(
            "The TIFF file begins with a small copy of its picture, as raw files of cameras do: "
            "develop it, and send the picture as JPEG, PNG or TIFF."
        )
    bits, photometric, colors, extra = _samples(directory)
    compression = directory.number(COMPRESSION, PLAIN)
    found = Layout(
        directory=directory,
        width=width,
        height=height,
        bits=bits,
        photometric=photometric,
        colors=colors,
        extra=extra,
        planar=directory.number(PLANES, 1) == 2 and colors + len(extra) > 1,
        compression=compression,
        predicted=directory.number(PREDICTOR, 1) != 1 and compression in _PREDICTED,
        reversed_bits=directory.number(FILL_ORDER, 1) == 2,
        subsampling=_subsampling(directory) if photometric == YCBCR else (1, 1),
        tile=_tile(directory),
        rows_per_strip=max(1, directory.number(ROWS_PER_STRIP, height)),
    )
    _check_packing(found)
    return found


def _samples(directory: Directory) -> tuple[int, int, int, tuple[int, ...]]:
    """Bits, the kind and number of colours, and what the samples beside them are."""
    if not set(directory.numbers(SAMPLE_FORMAT)) <= {1, 4}:
        raise UnsupportedImage(
            "TIFF files of signed or floating-point samples are not read: save it with 8 or 16 bits."
        )
    photometric = directory.number(PHOTOMETRIC, WHITE_IS_ZERO)
    if photometric not in _COLORS or (photometric == CMYK and directory.number(INK_SET, 1) != 1):
        raise UnsupportedImage("The TIFF file's colours are of a kind that is not read: save it as grey, RGB or CMYK.")
    samples, depths = directory.number(SAMPLES, 1), directory.numbers(BITS) or (1,)
    if photometric == YCBCR and samples == 1:
        photometric = BLACK_IS_ZERO  # luma alone
    colors, extra = _COLORS[photometric], directory.numbers(EXTRA)
    if samples < colors:
        raise BrokenImage(f"The TIFF file has {samples} samples a pixel; its colours need {colors}.")
    if photometric == RGB and samples == 4 and not extra:
        extra = (UNASSOCIATED,)  # a writer's omission, which all readers know
    extra = tuple(UNASSOCIATED if kind == 999 else kind for kind in extra[: samples - colors])  # 999: Corel Draw's
    if len(set(depths)) > 1 or not 1 <= depths[0] <= 16 or samples > MAX_SAMPLES or len(extra) != samples - colors:
        raise UnsupportedImage(
            "The TIFF file's samples are of a kind that is not read: save it as grey, RGB or CMYK, of 8 or 16 bits."
        )
    return depths[0], photometric, colors, extra


def _subsampling(directory: Directory) -> tuple[int, int]:
    across, down = (*directory.numbers(SUBSAMPLING), 2, 2)[:2] if SUBSAMPLING in directory else (2, 2)
    if across not in (1, 2, 4) or down not in (1, 2, 4):
        raise BrokenImage(f"The TIFF file's colours are subsampled by {across} x {down}; each must be 1, 2 or 4.")
    return across, down


def _tile(directory: Directory) -> tuple[int, int] | None:
    if TILE_OFFSETS not in directory and TILE_WIDTH not in directory:
        return None
    wide, high = directory.number(TILE_WIDTH, 0), directory.number(TILE_HEIGHT, 0)
    if wide <= 0 or high <= 0:
        raise BrokenImage("The TIFF file does not say how large its tiles are.")
    return wide, high


def _check_packing(found: Layout) -> None:
    """Raises UnsupportedImage for compressions, and combinations with one, that are not read."""
    if found.compression not in _READ:
        name = _COMPRESSIONS.get(found.compression, "of an unknown kind")
        raise UnsupportedImage(
            f"The TIFF file's compression {found.compression} ({name}) is not read: "
            "save it uncompressed, or with LZW or Deflate."
        )
    together = 1 if found.planar else found.samples
    odd = (
        (found.compression in FAX and (found.bits, together) != (1, 1))
        or (found.compression == JPEG and (found.bits != 8 or together not in (1, 3, 4)))
        or (found.predicted and (found.bits not in (8, 16) or found.directory.number(PREDICTOR, 1) != 2))
        or (found.photometric == YCBCR and found.bits != 8)
        or (found.subsampling != (1, 1) and found.compression != JPEG and (found.planar or found.extra))
        or (found.subsampling != (1, 1) and found.compression == JPEG and found.planar)
    )
    if odd:
        raise UnsupportedImage(
            f"The TIFF file's samples of {found.bits} bits are packed in a way that is not read: "
            "save it uncompressed, or with LZW or Deflate."
        )
