// The colours of a picture as points of a space.

import { lab, oklab, rgbOfHex } from "../colors.js";

/**
 * The spaces by name: `of` gives an [r, g, b] its coordinates; each axis has a name and its ends (null: as far as the
 * colours reach, to the next `step`); `order` are the coordinates that go right, up and to the front. Lightness stands
 * upright, as people think of it.
 */
export const SPACES = {
  RGB: {
    of: (rgb) => rgb, order: [0, 2, 1],
    axes: [{ name: "red", ends: [0, 255] }, { name: "green", ends: [0, 255] }, { name: "blue", ends: [0, 255] }],
  },
  Lab: {
    of: lab, order: [1, 0, 2],
    axes: [{ name: "L*", ends: [0, 100] }, { name: "a*", ends: null, step: 20 }, { name: "b*", ends: null, step: 20 }],
  },
  Oklab: {
    of: oklab, order: [1, 0, 2],
    axes: [{ name: "L", ends: [0, 1] }, { name: "a", ends: null, step: 0.1 }, { name: "b", ends: null, step: 0.1 }],
  },
};

/** The service's own word for a clustering's space, as a name of SPACES. */
export const spaceOf = (colorSpace) => ({ rgb: "RGB", lab: "Lab", oklab: "Oklab" })[colorSpace] ?? "RGB";

/** What `points.json` holds: colours [r, g, b], the label and the pixels of each, the centres' colours. */
export function cloudOf(points, palette) {
  return {
    colors: points.colors.map(rgbOfHex), hex: points.colors, labels: points.labels, pixels: points.pixels,
    centers: palette.map((entry) => entry.rgb), centerHex: palette.map((entry) => entry.hex),
  };
}

/**
 * The cloud in a space: {points, centers} as Float32Array [x, y, z, ...] within a box around 0 whose longest side is 1,
 * and the `box`: {half: [x, y, z], axes: [{name, ends}, ...]} in the order right, up, front. All axes have one scale.
 */
export function placed(cloud, name) {
  const space = SPACES[name];
  const all = [...cloud.colors, ...cloud.centers].map(space.of);
  const axes = space.order.map((axis) => ({ ...space.axes[axis], ends: endsOf(space.axes[axis], all, axis) }));
  const longest = Math.max(...axes.map(({ ends }) => ends[1] - ends[0]));
  const flat = new Float32Array(3 * all.length);
  all.forEach((coords, at) => space.order.forEach((axis, to) => {
    const [low, high] = axes[to].ends;
    flat[3 * at + to] = (coords[axis] - (low + high) / 2) / longest;
  }));
  const split = 3 * cloud.colors.length;
  const half = axes.map(({ ends }) => (ends[1] - ends[0]) / longest / 2);
  return { points: flat.subarray(0, split), centers: flat.subarray(split), box: { half, axes } };
}

function endsOf({ ends, step }, all, axis) {
  if (ends) return ends;
  let [low, high] = [0, 0];
  for (const coords of all) {
    low = Math.min(low, coords[axis]);
    high = Math.max(high, coords[axis]);
  }
  const round = (value) => Number(value.toPrecision(6));
  const first = Math.floor(low / step);
  return [round(first * step), round(Math.max(Math.ceil(high / step), first + 1) * step)];
}

const LEAST_AREA = 6; // square CSS pixels: of a colour of one pixel
const AREAS = 160; // and of the most frequent one above it

/** Diameters in CSS pixels: areas grow with the root of the pixels, so that rare colours are still seen. */
export function diameters(pixels) {
  const most = Math.max(1, pixels.reduce((a, b) => Math.max(a, b), 0));
  return Float32Array.from(pixels, (number) => Math.sqrt(LEAST_AREA + AREAS * Math.sqrt(number / most)));
}
