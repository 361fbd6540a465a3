"""Image files with known pixels, in every format and mode that is read. What Pillow does not write is written here."""

import io
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from tests.support import heic


@dataclass(frozen=True)
class Sample:
    """A file, and what a person sees in it."""

    name: str
    data: bytes
    seen: np.ndarray  # u8[h, w, 3 or 4]
    error: float = 0  # greatest difference of a sample
    found: dict[str, Any] = field(default_factory=dict)


HEIGHT, WIDTH = 13, 21  # odd, so that no row, block or byte is full


def smooth(height: int = HEIGHT, width: int = WIDTH, channels: int = 3) -> np.ndarray:
    """Ramps that lossy codecs keep well."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 255 // (width + height - 2)]
    alpha = np.where(x < 3, 0, np.where(x < 6, 128, 255))
    return np.stack([*planes[: 3 if channels >= 3 else 1], *([alpha] if channels in (2, 4) else [])], -1).astype(
        np.uint8
    )


def deep(channels: int, seed: int = 1) -> np.ndarray:
    """Random samples of 16 bits, u16, with those at which rounding and cutting off differ."""
    samples = np.random.default_rng(seed).integers(0, 65536, (HEIGHT, WIDTH, channels), np.uint16)
    samples[0, : len(EDGES), 0] = EDGES
    if channels in (2, 4):
        samples[:, :2, -1] = 0
    return samples


EDGES = (0, 1, 128, 129, 255, 256, 385, 386, 32767, 32768, 65279, 65406, 65407, 65534, 65535)


def rounded(samples: np.ndarray, greatest: int = 65535) -> np.ndarray:
    """round(v * 255 / greatest), by exact arithmetic of its own."""
    return ((samples.astype(object) * 255 * 2 + greatest) // (2 * greatest)).astype(np.uint8)


def rgb(samples: np.ndarray) -> np.ndarray:
    """Grey or grey and alpha as RGB or RGBA."""
    if samples.shape[2] >= 3:
        return samples
    return np.concatenate([np.repeat(samples[..., :1], 3, axis=2), samples[..., 1:]], axis=2)


# --- PNG --------------------------------------------------------------------------------------------------------------


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def png(
    samples: np.ndarray, bits: int, color_type: int, extra: dict[bytes, bytes] | None = None, interlaced: bool = False
) -> bytes:
    """A PNG of `samples` int[h, w, channels]; `extra` chunks stand before the pixels."""
    height, width = samples.shape[:2]
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    rows = b""
    for top, left, down, right in passes:
        part = samples[top::down, left::right]
        if part.shape[1]:
            rows += b"".join(b"\0" + _packed(row, bits) for row in part)
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, interlaced)
    chunks = {b"IHDR": header, **(extra or {}), b"IDAT": zlib.compress(rows), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in chunks.items())


def _packed(row: np.ndarray, bits: int) -> bytes:
    flat = row.reshape(-1)
    if bits == 16:
        return flat.astype(">u2").tobytes()
    places = flat[:, None] >> np.arange(bits)[::-1] & 1
    return np.packbits(places.astype(np.uint8)).tobytes()


def _pngs() -> list[Sample]:
    made = []
    random = np.random.default_rng(2)
    for interlaced in (False, True):
        suffix = " interlaced" if interlaced else ""
        for bits in (1, 2, 4, 8, 16):
            grey = random.integers(0, 1 << bits, (HEIGHT, WIDTH, 1), np.uint16) if bits < 16 else deep(1)
            seen = rgb(rounded(grey, (1 << bits) - 1))
            made.append(Sample(f"png grey {bits}{suffix}", png(grey, bits, 0, None, interlaced), seen))
            key = int(grey[3, 3, 0])
            alpha = np.where(grey == key, 0, 255).astype(np.uint8)
            keyed = png(grey, bits, 0, {b"tRNS": struct.pack(">H", key)}, interlaced)
            made.append(Sample(f"png grey {bits} key{suffix}", keyed, np.concatenate([seen, alpha], axis=2)))
            if bits <= 8:
                palette = random.integers(0, 256, (1 << bits, 3), np.uint8)
                alphas = random.integers(0, 256, 1 << bits, np.uint8)
                chunks = {b"PLTE": palette.tobytes()}
                colors = palette[grey[..., 0]]
                made.append(Sample(f"png palette {bits}{suffix}", png(grey, bits, 3, chunks, interlaced), colors))
                chunks[b"tRNS"] = alphas[:-1].tobytes()
                alphas[-1] = 255
                both = np.dstack([colors, alphas[grey[..., 0]]])
                made.append(Sample(f"png palette {bits} alpha{suffix}", png(grey, bits, 3, chunks, interlaced), both))
        for channels, color_type, what in ((2, 4, "grey alpha"), (3, 2, "rgb"), (4, 6, "rgba")):
            for bits in (8, 16):
                samples = deep(channels)
                samples = samples if bits == 16 else rounded(samples)
                seen = rgb(rounded(samples, (1 << bits) - 1))
                data = png(samples.astype(np.uint16), bits, color_type, None, interlaced)
                made.append(Sample(f"png {what} {bits}{suffix}", data, seen, found={"bits": bits}))
        for bits in (8, 16):
            samples = deep(3) if bits == 16 else rounded(deep(3)).astype(np.uint16)
            key = samples[2, 2]
            alpha = np.where((samples == key).all(axis=2), 0, 255).astype(np.uint8)
            data = png(samples, bits, 2, {b"tRNS": struct.pack(">3H", *map(int, key))}, interlaced)
            made.append(
                Sample(f"png rgb {bits} key{suffix}", data, np.dstack([rounded(samples, (1 << bits) - 1), alpha]))
            )
    return made


# --- TIFF -------------------------------------------------------------------------------------------------------------


def tiff(
    samples: np.ndarray,
    photometric: int,
    *,
    order: str = "<",
    deflate: bool = False,
    tile: int = 0,
    extra: int | None = None,
    tags: dict[int, tuple[int, bytes]] | None = None,
) -> bytes:
    """A TIFF of `samples` u8 or u16[h, w, channels] in one strip, or in tiles of `tile` pixels a side."""
    height, width, channels = samples.shape
    stored = samples.astype(samples.dtype.newbyteorder(order))
    if tile:
        down, across = -(-height // tile), -(-width // tile)
        padded = np.zeros((down * tile, across * tile, channels), stored.dtype)
        padded[:height, :width] = stored
        parts = [
            padded[y * tile : (y + 1) * tile, x * tile : (x + 1) * tile].tobytes()
            for y in range(down)
            for x in range(across)
        ]
    else:
        parts = [stored.tobytes()]
    parts = [zlib.compress(part) for part in parts] if deflate else parts
    offsets = np.cumsum([8, *map(len, parts)])[:-1]

    def shorts(*values: int) -> tuple[int, bytes]:
        return 3, struct.pack(f"{order}{len(values)}H", *values)

    def longs(*values: int) -> tuple[int, bytes]:
        return 4, struct.pack(f"{order}{len(values)}I", *values)

    entries = {
        256: longs(width),
        257: longs(height),
        258: shorts(*[8 * samples.itemsize] * channels),
        259: shorts(8 if deflate else 1),
        262: shorts(photometric),
        277: shorts(channels),
        **({338: shorts(extra)} if extra is not None else {}),
        **(tags or {}),
    }
    sizes = longs(*map(len, parts))
    if tile:
        entries |= {322: longs(tile), 323: longs(tile), 324: longs(*map(int, offsets)), 325: sizes}
    else:
        entries |= {273: longs(*map(int, offsets)), 278: longs(height), 279: sizes}
    return _tiff_file(b"".join(parts), dict(sorted(entries.items())), order)


def _tiff_file(body: bytes, entries: dict[int, tuple[int, bytes]], order: str) -> bytes:
    begin = 8 + len(body) + len(body) % 2
    behind = begin + 2 + 12 * len(entries) + 4
    directory, values = struct.pack(f"{order}H", len(entries)), b""
    for tag, (kind, data) in entries.items():
        count = len(data) // {1: 1, 3: 2, 4: 4, 7: 1}[kind]
        if len(data) <= 4:
            directory += struct.pack(f"{order}HHI", tag, kind, count) + data.ljust(4, b"\0")
        else:
            directory += struct.pack(f"{order}HHII", tag, kind, count, behind + len(values))
            values += data + b"\0" * (len(data) % 2)
    magic = {"<": b"II\x2a\x00", ">": b"MM\x00\x2a"}[order]
    head = magic + struct.pack(f"{order}I", begin)
    return head + body + b"\0" * (len(body) % 2) + directory + bytes(4) + values


def _unmultiplied(samples: np.ndarray) -> np.ndarray:
    """What premultiplied RGBA u16 stands for."""
    alpha = np.maximum(samples[..., 3:].astype(float), 1)
    colors = np.minimum(np.rint(samples[..., :3].astype(float) * 65535 / alpha), 65535)
    return np.concatenate([colors.astype(np.uint16), samples[..., 3:]], axis=2)


def _tiffs() -> list[Sample]:
    made = []
    for deflate in (False, True):
        for order in "<>":
            for tile in (0, 16):
                how = {"deflate": deflate, "order": order, "tile": tile}
                suffix = f" {order}{' deflate' if deflate else ''}{' tiles' if tile else ''}"
                for channels, photometric, extra, what in (
                    (1, 1, None, "grey"),
                    (2, 1, 2, "grey alpha"),
                    (3, 2, None, "rgb"),
                    (4, 2, 2, "rgba"),
                ):
                    for bits in (8, 16):
                        samples = deep(channels) if bits == 16 else rounded(deep(channels))
                        seen = rgb(rounded(samples, (1 << bits) - 1))
                        data = tiff(samples, photometric, extra=extra, **how)
                        made.append(Sample(f"tiff {what} {bits}{suffix}", data, seen, found={"bits": bits}))
                ink = np.zeros((HEIGHT, WIDTH, 4), np.uint16)
                ink[..., 3] = deep(1)[..., 0]
                data = tiff(ink, 5, **how)
                made.append(
                    Sample(f"tiff cmyk 16{suffix}", data, 255 - rgb(rounded(ink[..., 3:])), found={"mode": "CMYK"})
                )
                half = deep(4)
                half[..., :3] = (half[..., :3].astype(np.uint64) * half[..., 3:] // 65535).astype(np.uint16)
                data = tiff(half, 2, extra=1, **how)
                made.append(Sample(f"tiff premultiplied 16{suffix}", data, rounded(_unmultiplied(half))))
    white = deep(1)
    made.append(Sample("tiff white is zero 16", tiff(white, 0), 255 - rgb(rounded(white))))
    made.append(Sample("tiff white is zero 8", tiff(rounded(white), 0), 255 - rgb(rounded(white))))
    return made


# --- the others -------------------------------------------------------------------------------------------------------


def saved(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def _without_adobe(jpeg: bytes) -> bytes:
    """The file without Adobe's mark, which says how its colours are stored."""
    mark = jpeg.index(b"Adobe") - 4
    return jpeg[:mark] + jpeg[mark + 16 :]


def _ycck(seen: np.ndarray) -> bytes:
    """A JPEG of luma, chroma and black, as Adobe writes it: inks of what is not `seen`, inverted, as YCbCr."""
    planes = np.dstack(
        [np.asarray(Image.fromarray(255 - seen).convert("YCbCr")), np.full(seen.shape[:2], 255, np.uint8)]
    )
    # Pillow inverts what it saves as CMYK, and knows no other transform than none (0): 2 is YCCK.
    data = bytearray(
        saved(Image.frombytes("CMYK", seen.shape[1::-1], (255 - planes).tobytes()), "JPEG", quality=95, subsampling=0)
    )
    data[data.index(b"Adobe") + 11] = 2
    return bytes(data)


def _small_frame(gif: bytes) -> bytes:
    """A GIF whose frame stands 4 pixels to the right and 2 down on a screen of 5 more each way."""
    screen, place = struct.pack("<HH", WIDTH + 5, HEIGHT + 5), struct.pack("<HH", 4, 2)
    frame = gif.index(b"\x2c\0\0\0\0" + struct.pack("<HH", WIDTH, HEIGHT))
    return gif[:6] + screen + gif[10 : frame + 1] + place + gif[frame + 5 :]


def _by_pillow() -> list[Sample]:
    color, clear = smooth(), smooth(channels=4)
    image, both = Image.fromarray(color), Image.fromarray(clear)
    grey = Image.fromarray(color[..., 1])
    indexed = image.quantize(16)
    few = np.asarray(indexed.convert("RGB"))
    cut = indexed.copy()
    both_opaque = np.dstack([few, np.full((HEIGHT, WIDTH), 255, np.uint8)])
    first = np.asarray(indexed)
    holes = np.dstack([few, np.where(first == 3, 0, 255).astype(np.uint8)])
    ink = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    ink[..., 3] = color[..., 2]
    printed = Image.frombytes("CMYK", (WIDTH, HEIGHT), ink.tobytes())
    black = 255 - rgb(ink[..., 3:])
    flat = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    flat[7:, 5:] = (9, 200, 30)
    large = smooth(64, 96)
    lossy = Image.fromarray(large)
    return [
        Sample("jpeg", saved(lossy, "JPEG", quality=95, subsampling=0), large, 6, {"mode": "RGB", "steps": []}),
        Sample("jpeg progressive", saved(lossy, "JPEG", quality=95, subsampling=0, progressive=True), large, 6),
        Sample("jpeg restarts", saved(lossy, "JPEG", quality=95, subsampling=0, restart_marker_rows=1), large, 6),
        Sample("jpeg grey", saved(grey, "JPEG", quality=98), rgb(color[..., 1:2]), 4, {"mode": "grey"}),
        Sample("jpeg cmyk", saved(printed, "JPEG", quality=98, subsampling=0), black, 5, {"mode": "CMYK"}),
        Sample("jpeg cmyk unmarked", _without_adobe(saved(printed, "JPEG", quality=98, subsampling=0)), black, 5),
        Sample("jpeg ycck", _ycck(large), large, 6, {"mode": "CMYK"}),
        Sample("gif", saved(indexed, "GIF"), few, found={"mode": "palette"}),
        Sample("gif small frame", _small_frame(saved(indexed, "GIF")), np.pad(both_opaque, ((2, 3), (4, 1), (0, 0)))),
        Sample("gif clear", saved(cut, "GIF", transparency=3), holes),
        Sample(
            "gif frames", saved(indexed, "GIF", save_all=True, append_images=[grey.quantize(4)]), few, 0, {"frames": 2}
        ),
        Sample("bmp", saved(image, "BMP"), color),
        Sample("bmp grey", saved(grey, "BMP"), rgb(color[..., 1:2])),
        Sample("bmp palette", saved(indexed, "BMP"), few),
        Sample("jpeg 2000", saved(image, "JPEG2000", no_jp2=False), color),
        Sample("jpeg 2000 stream", saved(image, "JPEG2000", no_jp2=True), color),
        Sample("jpeg 2000 alpha", saved(both, "JPEG2000"), clear),
        Sample("qoi", saved(image, "QOI"), color),
        Sample("qoi runs", saved(Image.fromarray(flat), "QOI"), flat),
        Sample("qoi alpha", saved(both, "QOI"), clear),
        Sample("tiff strips", saved(image, "TIFF", tiffinfo={278: 3}), color),
        Sample("tiff lzw strips", saved(image, "TIFF", compression="tiff_lzw", strip_size=200), color),
        Sample("tiff cmyk 8", saved(printed, "TIFF"), black, found={"mode": "CMYK"}),
        Sample("tiff lzw", saved(image, "TIFF", compression="tiff_lzw"), color),
        Sample("tiff pages", saved(image, "TIFF", save_all=True, append_images=[grey]), color, 0, {"frames": 2}),
        Sample("tiff palette", saved(indexed, "TIFF"), few),
        Sample(
            "tiff bitmap",
            saved(grey.convert("1"), "TIFF", compression="group4"),
            rgb(255 * np.asarray(grey.convert("1")).astype(np.uint8)[..., None]),
        ),
        Sample(
            "apng", saved(image, "PNG", save_all=True, append_images=[grey.convert("RGB")]), color, 0, {"frames": 2}
        ),
    ]


def _webps_and_avifs() -> list[Sample]:
    color, clear, large = smooth(), smooth(channels=4), smooth(64, 96)
    image, both, lossy = Image.fromarray(color), Image.fromarray(clear), Image.fromarray(large)
    grey, wide = Image.fromarray(color[..., 1]), smooth(64, 96, 4)
    return [
        Sample("webp", saved(lossy, "WEBP", quality=95), large, 24),
        Sample("webp lossless", saved(image, "WEBP", lossless=True), color),
        Sample("webp alpha", saved(both, "WEBP", lossless=True, exact=True), clear),
        Sample(
            "webp frames",
            saved(image, "WEBP", lossless=True, save_all=True, append_images=[grey.convert("RGB")]),
            np.dstack([color, np.full((HEIGHT, WIDTH), 255, np.uint8)]),  # animations are written with alpha
            0,
            {"frames": 2},
        ),
        Sample("avif", saved(lossy, "AVIF", quality=95, subsampling="4:4:4"), large, 12),
        Sample("avif alpha", saved(Image.fromarray(wide), "AVIF", quality=100, subsampling="4:4:4"), wide, 8),
    ]


def _ppms() -> list[Sample]:
    made = []
    size = f"{WIDTH} {HEIGHT}".encode()
    for channels, plain, raw in ((1, b"P2", b"P5"), (3, b"P3", b"P6")):
        for greatest in (1, 7, 255, 1000, 65535):
            samples = (deep(channels).astype(np.uint32) * (greatest + 1) // 65536).astype(np.uint16)
            head = b"# made here\n" + size + b"\n%d\n" % greatest
            seen = rgb(rounded(samples, greatest))
            text = b" ".join(b"%d" % value for value in samples.reshape(-1))
            stored = samples.astype(">u2" if greatest > 255 else np.uint8).tobytes()
            made.append(Sample(f"ppm plain {channels} {greatest}", plain + b"\n" + head + text + b"\n", seen))
            made.append(Sample(f"ppm raw {channels} {greatest}", raw + b"\n" + head + stored, seen))
    bits = deep(1)[..., 0] & 1
    seen = rgb((255 * (1 - bits)).astype(np.uint8)[..., None])
    rows = b"\n".join(b"".join(b"%d" % bit for bit in row) for row in bits)
    made.append(Sample("pbm plain", b"P1\n" + size + b"\n" + rows, seen, found={"mode": "bitmap"}))
    made.append(Sample("pbm raw", b"P4\n" + size + b"\n" + np.packbits(bits.astype(np.uint8), axis=1).tobytes(), seen))
    return made


def _heics() -> list[Sample]:
    seen = heic.QUADRANTS.repeat(32, axis=0).repeat(48, axis=1)
    alpha = np.full((64, 96, 1), 255, np.uint8)
    alpha[:32, :48] = 0
    return [
        Sample("heic", heic.PLAIN, seen, 3, {"format": "HEIC"}),
        Sample("heic alpha", heic.ALPHA, np.concatenate([seen, alpha], axis=2), 3, {"mode": "RGBA"}),
        Sample("heic turned", heic.TURNED, np.rot90(seen, -1), 3, {"orientation": 6}),
    ]


def corpus() -> list[Sample]:
    """Every sample; names are unique."""
    return [*_pngs(), *_tiffs(), *_by_pillow(), *_webps_and_avifs(), *_ppms(), *_heics()]
