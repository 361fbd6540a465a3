// The names and ends of the three axes, as text that goes with the box.

import { html, styled } from "../dom.js";
import { plain } from "../../numbers.js";
import { focal, projected, rotation } from "./turn.js";

const APART = 18; // CSS pixels between an edge and its text
const END = 0.78; // of the way from the middle of an edge to its corner, where another axis begins
const LEAST_LONG = 64; // CSS pixels of an edge that has room for numbers
const SIGNS = [[-1, -1], [-1, 1], [1, -1], [1, 1]];

/** Nine texts in an element: `move(box, view, room)` puts them where they belong. */
export function axisTexts() {
  const texts = Array.from({ length: 9 }, () => html("span", {}));
  const element = html("div", { class: "axes", "aria-hidden": "true" }, ...texts);
  const move = (box, view, room) => {
    const [rows, by] = [rotation(view), focal(view, room)];
    const see = (corner) => projected(corner, 0, rows, by, room);
    const center = see([0, 0, 0]);
    box.axes.forEach((axis, at) => {
      const edge = outermost(box.half, at, see);
      const [from, to] = [see(edge(-1)), see(edge(1))];
      const long = Math.hypot(to[0] - from[0], to[1] - from[1]) >= LEAST_LONG;
      const words = [long ? plain(axis.ends[0]) : "", axis.name, long ? plain(axis.ends[1]) : ""];
      [-END, 0, END].forEach((along, place) => put(texts[3 * at + place], words[place], see(edge(along)), center));
    });
  };
  return { element, move };
}

/** Of the four edges along an axis the one that lies outermost: at the left for the upright one, below for others. */
function outermost(half, axis, see) {
  const along = SIGNS.map(([one, other]) => (end) => {
    const corner = [0, 0, 0];
    corner[axis] = end * half[axis];
    corner[(axis + 1) % 3] = one * half[(axis + 1) % 3];
    corner[(axis + 2) % 3] = other * half[(axis + 2) % 3];
    return corner;
  });
  const rank = (edge) => (axis === 1 ? see(edge(0))[0] : -see(edge(0))[1]);
  return along.reduce((best, edge) => (rank(edge) < rank(best) ? edge : best));
}

function put(text, words, [x, y], [cx, cy]) {
  const far = Math.hypot(x - cx, y - cy) || 1;
  const [px, py] = [x + ((x - cx) / far) * APART, y + ((y - cy) / far) * APART];
  text.textContent = words;
  styled(text, { translate: `calc(${px}px - 50%) calc(${py}px - 50%)` });
}
