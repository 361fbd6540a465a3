// Colours from one space to another, and as text.

const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const times = (rows, vector) => rows.map((row) => row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2]);

// sRGB to XYZ as a part of D65's white: IEC 61966-2-1, with the white of CSS Color 4, section 10.2.
const XYZ = [
  [0.41239079926595934, 0.357584339383878, 0.1804807884018343],
  [0.21263900587151027, 0.715168678767756, 0.07219231536073371],
  [0.01933081871559182, 0.11919477979462598, 0.9505321522496607],
];
const WHITE = [0.3127 / 0.329, 1, (1 - 0.3127 - 0.329) / 0.329];
// Oklab: Ottosson 2020, from linear sRGB.
const CONES = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
];
const OKLAB = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
];

/** [r, g, b] 0..255 in CIELAB under D65 (CIE 15): L* 0..100. */
export function lab(rgb) {
  const parts = times(XYZ, rgb.map((value) => linear(value / 255))).map((value, axis) => value / WHITE[axis]);
  const [x, y, z] = parts.map(curve);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const curve = (part) => (part > 216 / 24389 ? Math.cbrt(part) : (24389 / 27 * part + 16) / 116);

/** [r, g, b] 0..255 in Oklab: L 0..1. */
export const oklab = (rgb) => times(OKLAB, times(CONES, rgb.map((value) => linear(value / 255))).map(Math.cbrt));

/** `#rrggbb` as [r, g, b]. */
export function rgbOfHex(hex) {
  const number = Number.parseInt(hex.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/** Any colour of CSS as [r, g, b] 0..255: what a custom property of the page amounts to on this screen. */
export function rgbOfCss(text) {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  pen.fillStyle = text;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data.subarray(0, 3)];
}

/** The ways in which a palette entry can be copied, by name; `slug` is its name among the palette's. */
export const NOTATIONS = {
  hex: (entry) => entry.hex,
  rgb: (entry) => `rgb(${entry.rgb.join(" ")})`,
  oklch: ({ oklch: [lightness, chroma, hue] }) =>
    `oklch(${(100 * lightness).toFixed(2)}% ${chroma.toFixed(4)} ${hue.toFixed(2)})`,
  "CSS variable": (entry, slug) => `--${slug}: ${entry.hex};`,
};

/** Unique names of the entries in [a-z0-9-], as the service's stylesheets have them. */
export function slugs(palette) {
  const taken = new Map();
  return palette.map((entry) => {
    const plain = slug(entry.name.name);
    let number = taken.get(plain) ?? 0;
    let found = plain;
    while (number > 0 && taken.has(found)) found = `${plain}-${++number}`;
    taken.set(plain, Math.max(number, 1));
    if (found !== plain) taken.set(found, 1);
    return found;
  });
}

function slug(name) {
  const plain = name.toLowerCase().replaceAll("'", "").normalize("NFKD").replace(/[^\x00-\x7f]/g, "");
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "") || "color";
}
