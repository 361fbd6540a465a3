// The label map from its PNG: label i is palette entry i, then comes noise, then what is left out.
//
// The browser's own decoder would give colours: two clusters may have the same, and 20 megapixels are 80 MB of them.
// Read here, a label is one byte, and the compressed rows are unpacked piece by piece.

const SIGNATURE = 8; // bytes
const INDEXED = 3;
const TRUECOLOR_ALPHA = 6;
const NOISE_RGBA = 0x80808080;

export const NOISE = -1;
export const EXCLUDED = -2;

/**
 * Reads a label map of a palette [[r, g, b], ...]. Gives {width, height, entries, labelAt(x, y)}: `entries` has for
 * each pixel its label, the palette's length for noise and that plus one for what is left out.
 */
export async function readLabels(blob, palette) {
  const file = new Uint8Array(await blob.arrayBuffer());
  const { header, data } = chunks(file);
  const [width, height] = [header.getUint32(0), header.getUint32(4)];
  const [depth, kind] = [header.getUint8(8), header.getUint8(9)];
  if (header.getUint8(12) !== 0 || (kind !== INDEXED && kind !== TRUECOLOR_ALPHA)) {
    throw new Error("The label map is not as the service writes it.");
  }
  const indexed = kind === INDEXED;
  const entries = new (indexed ? Uint8Array : Uint32Array)(width * height);
  const rowBytes = 1 + Math.ceil((width * (indexed ? depth : 32)) / 8);
  const unpack = indexed ? unpackBits(depth, width) : unpackColors(palette, width);
  await eachRow(data, rowBytes, height, (row, at) => unpack(row, entries, at * width));
  const labelAt = (x, y) => {
    const entry = entries[y * width + x];
    return entry < palette.length ? entry : palette.length - 1 - entry;
  };
  return { width, height, entries, labelAt };
}

function chunks(file) {
  const view = new DataView(file.buffer);
  const data = [];
  let header = null;
  for (let at = SIGNATURE; at + 12 <= file.length;) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...file.subarray(at + 4, at + 8));
    const body = file.subarray(at + 8, at + 8 + length);
    if (name === "IHDR") header = new DataView(file.buffer, at + 8, length);
    if (name === "IDAT") data.push(body);
    at += 12 + length;
  }
  if (header === null || data.length === 0) throw new Error("The label map is no PNG.");
  return { header, data };
}

/** Call `take(row, number)` for each of `height` rows of `rowBytes`; the first byte of a row is its filter. */
async function eachRow(data, rowBytes, height, take) {
  const reader = new Blob(data).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const row = new Uint8Array(rowBytes);
  let filled = 0;
  let number = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    let at = 0;
    while (at < piece.value.length) {
      const more = Math.min(rowBytes - filled, piece.value.length - at);
      row.set(piece.value.subarray(at, at + more), filled);
      [filled, at] = [filled + more, at + more];
      if (filled < rowBytes) continue;
      if (row[0] !== 0) throw new Error("The label map's rows are filtered, as the service never does.");
      take(row, number++);
      filled = 0;
    }
  }
  if (number !== height) throw new Error("The label map is cut off.");
}

/** Samples of `depth` bits, the first in the highest ones. */
function unpackBits(depth, width) {
  const [perByte, mask] = [8 / depth, (1 << depth) - 1];
  return (row, entries, to) => {
    for (let x = 0; x < width; x++) {
      const shift = 8 - depth * (1 + (x % perByte));
      entries[to + x] = (row[1 + Math.floor(x / perByte)] >> shift) & mask;
    }
  };
}

/** With more clusters than a byte can number, the pixels have their colours: of equal ones the first is taken. */
function unpackColors(palette, width) {
  const entryOf = new Map([[NOISE_RGBA, palette.length], [0, palette.length + 1]]);
  palette.forEach(([red, green, blue], label) => {
    const color = rgba(red, green, blue, 255);
    if (!entryOf.has(color)) entryOf.set(color, label);
  });
  return (row, entries, to) => {
    for (let x = 0; x < width; x++) {
      const at = 1 + 4 * x;
      entries[to + x] = entryOf.get(rgba(row[at], row[at + 1], row[at + 2], row[at + 3]));
    }
  };
}

const rgba = (red, green, blue, alpha) => ((red << 24) | (green << 16) | (blue << 8) | alpha) >>> 0;
