// How the view is turned, and where a point is then seen. Angles in radians; the eye looks at 0.

export const FIRST = { yaw: -0.6, pitch: 0.35, zoom: 1 };
export const DISTANCE = 3; // of the eye, in lengths of the box's longest side
const FOCAL = 3.1; // so that the box's corners stay in view, whichever way it is turned
const TEXT = 24; // CSS pixels that the axes' texts take around the box
const STEEPEST = Math.PI / 2;

/** The view turned by so much; it never turns over. */
export const turned = (view, yaw, pitch) => ({
  ...view, yaw: view.yaw + yaw, pitch: Math.min(Math.max(view.pitch + pitch, -STEEPEST), STEEPEST),
});

export const enlarged = (view, factor) => ({ ...view, zoom: Math.min(Math.max(view.zoom * factor, 0.5), 12) });

/** The rows of the rotation, one after the other: about the upright axis, then up and down. */
export function rotation({ yaw, pitch }) {
  const [c, s, d, t] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  return [c, 0, s, t * s, d, -t * c, -d * s, t, d * c];
}

/** [across, down] by which what is seen is enlarged, in half widths and half heights of a room [width, height]. */
export function focal(view, [width, height]) {
  const least = Math.min(width, height) - TEXT;
  return [(FOCAL * view.zoom * least) / width, (FOCAL * view.zoom * least) / height];
}

/** The point at `at` of a Float32Array as [x, y, depth]: CSS pixels in the room, and how far it is from the eye. */
export function projected(points, at, rows, [fx, fy], [width, height]) {
  const [x, y, z] = [points[at], points[at + 1], points[at + 2]];
  const depth = DISTANCE - (rows[6] * x + rows[7] * y + rows[8] * z);
  const right = ((rows[0] * x + rows[1] * y + rows[2] * z) * fx) / depth;
  const up = ((rows[3] * x + rows[4] * y + rows[5] * z) * fy) / depth;
  return [((1 + right) * width) / 2, ((1 - up) * height) / 2, depth];
}

/** The frontmost point within `reach` CSS pixels of [x, y], or -1. */
export function nearest(points, view, room, [x, y], reach) {
  const [rows, by] = [rotation(view), focal(view, room)];
  let [found, front] = [-1, Infinity];
  for (let at = 0; at < points.length; at += 3) {
    const [px, py, depth] = projected(points, at, rows, by, room);
    if (depth < front && (px - x) ** 2 + (py - y) ** 2 <= reach ** 2) [found, front] = [at / 3, depth];
  }
  return found;
}
