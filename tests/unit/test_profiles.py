"""Embedded profiles, gammas and primaries are converted to sRGB, as formulas without LittleCMS say."""

import io
import struct
import zlib
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageCms

from shared.formats import Limits
from tests.support.corpus import chunk, png, saved, tiff
from worker.decoding.decode import Raster, decode
from worker.decoding.spaces import PRIMARIES, SRGB_CURVE, Space, as_profile

ADOBE_RGB = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290)
ADOBE_GAMMA = 563 / 256
DISPLAY_P3 = PRIMARIES[12]
P3_PROFILE = as_profile(Space(DISPLAY_P3, SRGB_CURVE, "Display P3"))
ADOBE_PROFILE = as_profile(Space(ADOBE_RGB, (ADOBE_GAMMA, 1, 0, 0, 0), "Adobe RGB (1998)"))
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

# Inside sRGB's gamut in every space here; greys, darks and saturated ones.
PATCHES = np.array(
    [
        [[0, 0, 0], [255, 255, 255], [128, 128, 128], [20, 20, 20], [200, 100, 90]],
        [[90, 150, 110], [100, 110, 190], [60, 50, 40], [180, 170, 60], [140, 90, 150]],
    ],
    np.uint8,
)


def seen(data: bytes) -> Raster:
    return decode(data, Limits())


def steps(raster: Raster) -> list[str]:
    return [step.step for step in raster.found.steps]


def rgb_to_xyz(primaries: tuple[float, ...]) -> np.ndarray:
    """The matrix from linear RGB to XYZ (Lindbloom), of 3 columns."""
    xy = np.array(primaries).reshape(4, 2)
    xyz = np.array([[x / y, 1, (1 - x - y) / y] for x, y in xy]).T
    return xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])


def encoded(light: np.ndarray) -> np.ndarray:
    """sRGB's curve (IEC 61966-2-1), 0..255."""
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def srgb_light(pixels: np.ndarray) -> np.ndarray:
    share = pixels / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def expected(light: np.ndarray, primaries: tuple[float, ...]) -> np.ndarray:
    """What linear light of `primaries`, whose white is sRGB's, is in sRGB."""
    matrix = np.linalg.solve(rgb_to_xyz(PRIMARIES[1]), rgb_to_xyz(primaries))
    return encoded(light @ matrix.T)


P3_SEEN = expected(srgb_light(PATCHES), DISPLAY_P3)
ADOBE_SEEN = expected((PATCHES / 255) ** ADOBE_GAMMA, ADOBE_RGB)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize(
    ("profile", "name", "colors"),
    [(P3_PROFILE, "Display P3", P3_SEEN), (ADOBE_PROFILE, "Adobe RGB (1998)", ADOBE_SEEN)],
)
def test_rgb_profiles(image_format: str, profile: bytes, name: str, colors: np.ndarray) -> None:
    """Patches of Display P3 and Adobe RGB come out as their formulas say, in every format with profiles."""
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(image_format, {})
    options = {"quality": 100, "subsampling": "4:4:4"} if image_format == "AVIF" else options
    large = PATCHES.repeat(16, axis=0).repeat(16, axis=1)
    raster = seen(saved(Image.fromarray(large), image_format, icc_profile=profile, **options))
    error = {"JPEG": 3, "AVIF": 5}.get(image_format, 1.01)
    assert np.abs(raster.pixels[8::16, 8::16].astype(float) - colors).max() <= error
    assert raster.found.profile == name
    assert steps(raster) == ["converted_profile"]
    assert name in raster.found.steps[0].detail


def test_a_profile_changes_colours_indeed() -> None:
    """The patches of the test above are far from what they would be without their profiles."""
    assert np.abs(P3_SEEN - PATCHES).max() > 10
    assert np.abs(ADOBE_SEEN - PATCHES).max() > 10


@pytest.mark.parametrize("profile", [SRGB_PROFILE, as_profile(Space(PRIMARIES[1], SRGB_CURVE, "my own name for it"))])
def test_srgb_profiles_change_nothing(profile: bytes) -> None:
    """A profile that is sRGB's, whatever its name, leaves every sample as it is."""
    raster = seen(saved(Image.fromarray(PATCHES), "PNG", icc_profile=profile))
    assert np.array_equal(raster.pixels, PATCHES)
    assert raster.found.profile
    assert steps(raster) == []


def test_alpha_stays_beside_a_profile() -> None:
    """A profile converts colours; alpha is as it was."""
    alpha = np.arange(10, dtype=np.uint8).reshape(2, 5) * 20
    raster = seen(saved(Image.fromarray(np.dstack([PATCHES, alpha])), "PNG", icc_profile=P3_PROFILE))
    assert np.array_equal(raster.pixels[..., 3], alpha)
    assert np.abs(raster.pixels[..., :3] - P3_SEEN).max() <= 1.01


def grey_profile(gamma: float) -> bytes:
    """A version 2 profile of grey samples that are light ** (1 / gamma)."""
    curve = b"curv" + struct.pack(">4xIH2x", 1, round(gamma * 256))
    white = b"XYZ " + struct.pack(">4x3i", 63190, 65536, 54061)
    name = b"desc" + struct.pack(">4xI", 5) + b"grey\0" + bytes(78)
    return _profile(b"GRAY", b"XYZ ", b"mntr", {b"desc": name, b"cprt": _text(), b"wtpt": white, b"kTRC": curve})


@cache
def cmyk_profile() -> bytes:
    """A version 2 profile of CMYK whose table holds the ends of each ink: a printer that mixes like filters."""
    table = b""
    for corner in range(16):
        cyan, magenta, yellow, black = (corner >> 3 & 1, corner >> 2 & 1, corner >> 1 & 1, corner & 1)
        light = np.array([1 - 0.9 * cyan, 1 - 0.8 * magenta, 1 - 0.85 * yellow]) * (1 - 0.95 * black)
        lab = _lab(light)
        table += bytes(int(np.clip(round(v), 0, 255)) for v in (lab[0] * 2.55, lab[1] + 128, lab[2] + 128))
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    ramp = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + table + ramp * 3
    white = b"XYZ " + struct.pack(">4x3i", 52000, 54000, 40000)  # a yellowish paper, which relative intents leave out
    name = b"desc" + struct.pack(">4xI", 6) + b"inks4\0" + bytes(78)
    return _profile(b"CMYK", b"Lab ", b"prtr", {b"desc": name, b"cprt": _text(), b"wtpt": white, b"A2B0": lut})


def _lab(light: np.ndarray) -> np.ndarray:
    """CIELAB (D50) of linear sRGB, near enough for a made-up printer."""
    xyz = rgb_to_xyz(PRIMARIES[1]) @ light / (rgb_to_xyz(PRIMARIES[1]) @ np.ones(3))
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def _text() -> bytes:
    return b"text" + bytes(4) + b"none\0"


def _profile(space: bytes, connection: bytes, kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    offset = 132 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4xI4s4s4s12x4s", offset + len(body), 0x02400000, kind, space, connection, b"acsp")
    return (header + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)).ljust(128, b"\0") + table + body


def test_grey_profiles() -> None:
    """A grey profile's curve is applied: gamma 1.0 lightens, and greys stay grey."""
    grey = np.arange(0, 256, 5, dtype=np.uint8).reshape(4, 13)
    for pixels, mode in ((grey, "L"), (np.dstack([grey, 255 - grey]), "LA")):
        image = Image.frombytes(mode, (13, 4), pixels.tobytes())
        raster = seen(saved(image, "PNG", icc_profile=grey_profile(1.0)))
        assert np.abs(raster.pixels[..., 0] - encoded(grey / 255)).max() <= 1.01
        assert (raster.pixels[..., 0] == raster.pixels[..., 1]).all()
        assert (raster.pixels[..., 1] == raster.pixels[..., 2]).all()
        assert steps(raster) == ["converted_profile"]


@pytest.mark.parametrize("image_format", ["JPEG", "TIFF"])
def test_cmyk_profiles(image_format: str) -> None:
    """CMYK with a profile goes the way that LittleCMS itself goes, which is not the naive one."""
    random = np.random.default_rng(0).integers(0, 256, (4, 5, 4), np.uint8)
    ink = np.ascontiguousarray(random.repeat(16, axis=0).repeat(16, axis=1))
    image = Image.frombytes("CMYK", (80, 64), ink.tobytes())
    options = {"quality": 100, "subsampling": 0} if image_format == "JPEG" else {}
    raster = seen(saved(image, image_format, icc_profile=cmyk_profile(), **options))
    direct = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(io.BytesIO(cmyk_profile())),
        ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        "RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    error = 4 if image_format == "JPEG" else 0
    middle = (slice(8, None, 16), slice(8, None, 16))
    assert np.abs(raster.pixels[middle].astype(int) - np.asarray(direct)[middle]).max() <= error
    assert np.abs(raster.pixels.astype(int) - np.asarray(image.convert("RGB"))).max() > 30
    assert raster.found.profile == "inks4"
    white = seen(saved(Image.new("CMYK", (16, 16)), image_format, icc_profile=cmyk_profile()))
    assert (white.pixels == 255).all()


@pytest.mark.parametrize(
    ("profile", "reason"),
    [(b"no profile", "read"), (SRGB_PROFILE[:200], "read"), (cmyk_profile(), "another kind"), (b"", "read")],
)
def test_a_wrong_profile_is_ignored_and_said(profile: bytes, reason: str) -> None:
    """A broken profile, or one for other samples, leaves the image as sRGB, and the result says so."""
    packed = chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))[8:-4] if profile else b"x\0\0no deflate"
    raster = seen(png(PATCHES, 8, 2, {b"iCCP": packed}))
    assert np.array_equal(raster.pixels, PATCHES)
    assert raster.found.profile is None
    assert steps(raster) == ["ignored_profile"]
    assert reason in raster.found.steps[0].detail


def test_gamma_of_png() -> None:
    """A gamma without a profile is applied; the one that stands for sRGB is not."""
    linear = seen(png(PATCHES, 8, 2, {b"gAMA": struct.pack(">I", 100_000)}))
    assert np.array_equal(linear.pixels, np.rint(encoded(PATCHES / 255)))
    assert steps(linear) == ["converted_gamma"]
    usual = seen(png(PATCHES, 8, 2, {b"gAMA": struct.pack(">I", 45_455)}))
    assert np.array_equal(usual.pixels, PATCHES)
    assert steps(usual) == []


def test_gamma_of_deep_png_keeps_its_shadows() -> None:
    """Linear samples of 16 bits are converted before they are rounded: two that differ in the low byte stay apart."""
    deep = np.array([[[40] * 3, [60] * 3, [900] * 3, [65535] * 3]], np.uint16)
    raster = seen(png(deep, 16, 2, {b"gAMA": struct.pack(">I", 100_000)}))
    assert np.array_equal(raster.pixels, np.rint(encoded(deep / 65535)))
    assert len(np.unique(raster.pixels[..., 0])) == 4


def _chrm(primaries: tuple[float, ...]) -> bytes:
    return struct.pack(">8I", *(round(100_000 * value) for value in (*primaries[6:], *primaries[:6])))


def test_primaries_of_png() -> None:
    """Gamma with primaries is a space of its own; primaries alone say too little."""
    gamma = struct.pack(">I", round(100_000 / ADOBE_GAMMA))
    raster = seen(png(PATCHES, 8, 2, {b"gAMA": gamma, b"cHRM": _chrm(ADOBE_RGB)}))
    assert np.abs(raster.pixels - ADOBE_SEEN).max() <= 1.01
    assert steps(raster) == ["converted_profile"]
    alone = seen(png(PATCHES, 8, 2, {b"cHRM": _chrm(ADOBE_RGB)}))
    assert np.array_equal(alone.pixels, PATCHES)
    broken = seen(png(PATCHES, 8, 2, {b"gAMA": gamma, b"cHRM": _chrm((0.3,) * 8)}))
    assert np.array_equal(broken.pixels, PATCHES)
    assert steps(broken) == ["ignored_profile"]


def test_code_points_of_png() -> None:
    """cICP's P3 is Display P3; light that sRGB cannot show is taken for sRGB, and said."""
    raster = seen(png(PATCHES, 8, 2, {b"cICP": bytes([12, 13, 0, 1])}))
    assert np.abs(raster.pixels - P3_SEEN).max() <= 1.01
    assert steps(raster) == ["converted_profile"]
    assert steps(seen(png(PATCHES, 8, 2, {b"cICP": bytes([1, 13, 0, 1])}))) == []
    bright = seen(png(PATCHES, 8, 2, {b"cICP": bytes([9, 16, 0, 1])}))
    assert np.array_equal(bright.pixels, PATCHES)
    assert steps(bright) == ["ignored_profile"]


@pytest.mark.parametrize("transfer", [1, 6, 14, 15])
@pytest.mark.parametrize("primaries", [1, 5, 6, 9])
@pytest.mark.parametrize("bits", [8, 16])
def test_videos_curve_is_shown_as_srgb_is(primaries: int, transfer: int, bits: int) -> None:
    """With a curve of video greys stay as they are, and colours are those of its primaries with sRGB's curve."""
    samples = PATCHES if bits == 8 else PATCHES.astype(np.uint16) * 257
    raster = seen(png(samples, bits, 2, {b"cICP": bytes([primaries, transfer, 0, 1])}))
    right = PATCHES if primaries == 1 else expected(srgb_light(PATCHES), PRIMARIES[primaries])
    assert np.abs(raster.pixels - right).max() <= (0 if primaries == 1 else 1.01)
    grey = PATCHES[0, :4]
    assert np.array_equal(raster.pixels[0, :4], grey)
    assert ("converted_profile" in steps(raster)) is (primaries != 1)


def test_the_order_of_colour_chunks() -> None:
    """cICP goes before iCCP, that before sRGB, that before gAMA (PNG, third edition, section 4.3)."""
    said = {
        b"cICP": bytes([12, 13, 0, 1]),
        b"iCCP": chunk(b"iCCP", b"x\0\0" + zlib.compress(ADOBE_PROFILE))[8:-4],
        b"sRGB": b"\0",
        b"gAMA": struct.pack(">I", 100_000),
    }
    ends = [seen(png(PATCHES, 8, 2, dict(list(said.items())[first:]))).pixels for first in range(len(said))]
    for end, colors in zip(ends, (P3_SEEN, ADOBE_SEEN, PATCHES, encoded(PATCHES / 255)), strict=True):
        assert np.abs(end - colors).max() <= 1.01


def test_a_grey_image_with_a_profile_of_colours() -> None:
    """Grey samples with an RGB profile are taken as equal red, green and blue."""
    grey = PATCHES[..., 0]
    raster = seen(saved(Image.fromarray(grey), "JPEG", quality=100, icc_profile=P3_PROFILE))
    assert np.abs(raster.pixels - grey[..., None].astype(int)).max() <= 2


def test_profiles_of_deep_tiffs() -> None:
    """Sixteen bits are rounded, then converted."""
    deep = PATCHES.astype(np.uint16) * 257
    raster = seen(tiff(deep, 2, tags={34675: (7, P3_PROFILE)}))
    assert np.abs(raster.pixels - P3_SEEN).max() <= 1.01
    assert steps(raster) == ["reduced_to_8_bits", "converted_profile"]
