// What is painted from a label map, on canvases that no window sees: all of this runs in the worker.

/** The size at which a picture is shown: at most `most` pixels, as many as there are where that is less. */
export function shownSize(width, height, most) {
  const part = Math.min(1, Math.sqrt(most / (width * height)));
  return [Math.max(1, Math.floor(width * part)), Math.max(1, Math.floor(height * part))];
}

/** The label map's entries at the shown size, each that of the pixel in the middle: none is mixed. */
export function sampled(map, [width, height]) {
  if (width === map.width && height === map.height) return map.entries;
  const entries = new map.entries.constructor(width * height);
  const columns = middles(width, map.width);
  middles(height, map.height).forEach((row, y) => {
    for (let x = 0; x < width; x++) entries[y * width + x] = map.entries[row * map.width + columns[x]];
  });
  return entries;
}

const middles = (shown, whole) => Array.from({ length: shown }, (_, at) => Math.floor(((at + 0.5) * whole) / shown));

/** Pixels as ImageData, `colors` [[r, g, b, a], ...] being looked up by `entries`. */
export function painted(entries, [width, height], colors) {
  const words = new Uint32Array(new Uint8Array(colors.flat()).buffer);
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let at = 0; at < pixels.length; at++) pixels[at] = words[entries[at]];
  return image;
}

/** Colours that hide all but the cluster `label` (-1: the noise) behind `veil` [r, g, b, a], of `count` clusters. */
export function veiled(label, veil, count) {
  const lit = label < 0 ? count : label;
  return Array.from({ length: count + 2 }, (_, entry) => (entry === lit ? [0, 0, 0, 0] : veil));
}

const CLEAR = [0, 0, 0, 0];

/** The palette's colours, noise and what is left out clear: they show what lies below. */
export const overlaid = (palette) => [...palette.map((color) => [...color, 255]), CLEAR, CLEAR];

/** The same where nothing lies below: noise is half-clear grey, as in the label map itself. */
export const alone = (palette) => [...palette.map((color) => [...color, 255]), [128, 128, 128, 128], CLEAR];
