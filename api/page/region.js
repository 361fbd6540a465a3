// A region drawn on the picture: a box or a polygon, by pointer or by keys. All of it in fractions of the picture.

import { drawn, element, say } from "./element.js";

const STEP = 0.01;
const COARSE = 10;
const NEAR = 0.02;
const FINGER = 22; // pixels that a finger may be off
const ARM = 0.02;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEYS =
  "Arrow keys move the cross, with Shift in larger steps; Enter sets a corner, where it stands twice it ends the " +
  "polygon; Backspace takes one back, Escape gives up.";

// To who sees them; the keys are told to all others.
export const WORDS = {
  box: "Drag a box, or click two of its corners.",
  polygon: "Click its corners. A double click, or one on the first corner, ends it.",
};

const held = (part) => Math.min(1, Math.max(0, part));
const rounded = (part) => Math.round(part * 1e4) / 1e4;
const percent = (part) => `${Math.round(part * 100)} %`;

// What lies on the picture. `kind`: "box" or "polygon" to draw one, null to show `region` alone. `done` gets the
// region, or undefined where somebody gave up.
export function regionOver(region, kind, done) {
  const whole = { viewBox: "0 0 1 1", preserveAspectRatio: "none" };
  const shape = drawn("svg", { ...whole, class: "region", "aria-hidden": "true" });
  const attributes = kind && { tabindex: 0, role: "application", "aria-label": `Draw a ${kind}. ${KEYS}` };
  const over = element("div", { class: kind ? "over drawing" : "over", ...attributes }, shape);
  if (kind) listen(over, new Drawing(kind, shape, done));
  else if (region) paint(shape, cornersOf(region), true);
  return over;
}

export function cornersOf({ box, polygon, unit }) {
  if (unit !== "fraction") return [];
  return polygon ?? rectangle([box[0], box[1]], [box[2], box[3]]);
}

const rectangle = ([left, top], [right, bottom]) => [[left, top], [right, top], [right, bottom], [left, bottom]];

class Drawing {
  constructor(kind, shape, done) {
    Object.assign(this, { kind, shape, done, corners: [], at: [0.5, 0.5], reach: NEAR });
    this.draw();
  }

  moveTo(x, y) {
    this.at = [held(x), held(y)];
    this.draw();
  }

  // A corner where the cross is. A box has two; a polygon ends where it began, or at `last`.
  set(last = false) {
    const [x, y] = this.at;
    if (this.kind === "box") {
      if (this.corners.length) return this.endBox();
      this.corners = [this.at];
    } else if (this.corners.length > 2 && (last || this.isNear(this.corners[0], this.reach))) return this.endPolygon();
    else if (!this.isAtLast()) this.corners.push(this.at);
    say(`Corner ${this.corners.length} at ${percent(x)}, ${percent(y)}`);
    this.draw();
  }

  takeBack() {
    this.corners.pop();
    this.draw();
  }

  isNear([x, y], reach = NEAR) {
    return Math.hypot(this.at[0] - x, this.at[1] - y) < reach;
  }

  isAtLast() {
    return this.corners.length > 0 && this.isNear(this.corners.at(-1));
  }

  endBox() {
    const [[x, y], [otherX, otherY]] = [this.corners[0], this.at];
    const box = [Math.min(x, otherX), Math.min(y, otherY), Math.max(x, otherX), Math.max(y, otherY)].map(rounded);
    if (box[0] < box[2] && box[1] < box[3]) this.done({ box, unit: "fraction" });
  }

  endPolygon() {
    this.done({ polygon: this.corners.map((corner) => corner.map(rounded)), unit: "fraction" });
  }

  draw() {
    const isBox = this.kind === "box" && this.corners.length;
    const corners = isBox ? rectangle(this.corners[0], this.at) : [...this.corners, this.at];
    paint(this.shape, corners, isBox, this.at);
  }
}

// A dark and a light line, so that it is seen on every picture.
function paint(shape, corners, closed, cross) {
  const points = corners.map((corner) => corner.join(",")).join(" ");
  const [x, y] = cross ?? [];
  const lines = ["dark", "light"].flatMap((tone) => [
    drawn(closed ? "polygon" : "polyline", { points, class: tone }),
    cross && drawn("path", { class: tone, d: `M${x - ARM} ${y}h${2 * ARM}M${x} ${y - ARM}v${2 * ARM}` }),
  ]);
  shape.replaceChildren(...lines.filter(Boolean));
}

function listen(over, drawing) {
  const place = ({ clientX, clientY, pointerType }) => {
    const { left, top, width, height } = over.getBoundingClientRect();
    drawing.reach = pointerType === "touch" ? Math.max(NEAR, FINGER / Math.min(width, height)) : NEAR;
    return [(clientX - left) / width, (clientY - top) / height];
  };
  over.addEventListener("pointerdown", (event) => {
    over.setPointerCapture(event.pointerId);
    drawing.moveTo(...place(event));
    drawing.set();
  });
  over.addEventListener("pointermove", (event) => drawing.moveTo(...place(event)));
  over.addEventListener("pointerup", (event) => {
    drawing.moveTo(...place(event));
    // A box is dragged, or its corners are clicked one by one.
    if (drawing.kind === "box" && drawing.corners.length && !drawing.isNear(drawing.corners[0])) drawing.set();
  });
  over.addEventListener("dblclick", () => drawing.set(true));
  over.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = event.shiftKey ? STEP * COARSE : STEP;
      drawing.moveTo(drawing.at[0] + arrow[0] * step, drawing.at[1] + arrow[1] * step);
      say(`${percent(drawing.at[0])}, ${percent(drawing.at[1])}`);
    } else if (event.key === "Enter") drawing.set(drawing.isAtLast());
    else if (event.key === "Backspace") drawing.takeBack();
    else if (event.key === "Escape") drawing.done(undefined);
    else return;
    event.preventDefault();
  });
}
