// Where a picture lies in its stage: numbers only. A view is {x, y, zoom}: the picture's corner in CSS pixels, and how
// many times larger it is than where it fits.

const LEAST_SIDE = 48; // CSS pixels: a picture that is thinner is stretched across
const LARGEST_PIXEL = 48; // CSS pixels
const LEAST_MOST_ZOOM = 8;

/** How a picture of [width, height] fits into `stage` [width, height]: CSS pixels that one of its pixels takes. */
export function fitted([width, height], [across, down]) {
  const scale = Math.min(across / width, down / height);
  const stretched = (side, room) => Math.max(scale, Math.min(LEAST_SIDE, room) / side);
  const [x, y] = [stretched(width, across), stretched(height, down)];
  return { x, y, stretched: x !== y };
}

/** The most that it can be enlarged. */
export const mostZoom = (fit) => Math.max(LEAST_MOST_ZOOM, LARGEST_PIXEL / Math.min(fit.x, fit.y));

/** The view, moved so that the picture fills the stage, or stands in its middle where it is smaller. */
export function settled(view, size, stage, fit) {
  const zoom = Math.min(Math.max(view.zoom, 1), mostZoom(fit));
  const place = (at, side, scale, room) => {
    const long = side * scale * zoom;
    return long <= room ? (room - long) / 2 : Math.min(0, Math.max(room - long, at));
  };
  return { zoom, x: place(view.x, size[0], fit.x, stage[0]), y: place(view.y, size[1], fit.y, stage[1]) };
}

/** The view enlarged by `factor` about the point (x, y) of the stage. */
export function zoomed(view, factor, [x, y], most) {
  const zoom = Math.min(Math.max(view.zoom * factor, 1), most);
  const by = zoom / view.zoom;
  return { zoom, x: x - (x - view.x) * by, y: y - (y - view.y) * by };
}

/** The point (x, y) of the stage as fractions of the picture. */
export function fractions(view, size, fit, [x, y]) {
  return [(x - view.x) / (size[0] * fit.x * view.zoom), (y - view.y) / (size[1] * fit.y * view.zoom)];
}
