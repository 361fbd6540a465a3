// The stage that a picture lies on: layers that move together, a clip between them, a pointer for the keyboard.

import { described, html, onSize, styled } from "../dom.js";
import { listen } from "./gestures.js";
import { fitted, fractions, mostZoom, settled, zoomed } from "./viewport.js";

const STEP = 8; // CSS pixels that a key moves the pointer
const HELP = "Arrow keys move a pointer and tell the colour under it; plus and minus enlarge, 0 shows all; "
  + "1, 2 and 3 show the original, both, and the result.";

/** A stage for a picture of `size` [width, height]. */
export function makeStage(size, signal) {
  const layer = (name) => html("canvas", { class: `layer ${name}` });
  const canvases = { original: layer("original"), result: layer("recolored"), lit: layer("lit") };
  const range = { type: "range", min: 0, max: 100, step: "any" };
  const slider = html("input", { ...range, "aria-label": "Original or result", class: "split" });
  const [line, cross] = [html("div", { class: "line" }), html("div", { class: "cross", hidden: true })];
  const over = html("div", { class: "clipped" }, canvases.result);
  const element = html("div", { class: "picture-stage", tabindex: 0, role: "application", "aria-label": "Picture" },
    canvases.original, over, canvases.lit, line, cross, slider);
  const help = described(element, HELP, signal);

  const hears = { point: [], split: [] };
  const now = { size, room: [1, 1], fit: fitted(size, [1, 1]), view: { x: 0, y: 0, zoom: 1 }, cross: null };
  const set = (view) => {
    now.view = settled(view, now.size, now.room, now.fit);
    place(element, Object.values(canvases), now);
  };
  const point = (at) => hears.point.forEach((tell) => tell(at && fractions(now.view, now.size, now.fit, at)));
  const middle = () => now.cross ?? now.room.map((side) => side / 2);
  const wish = {
    zoom: (factor, at) => set(zoomed(now.view, factor, at ?? middle(), mostZoom(now.fit))),
    pan: (dx, dy) => set({ ...now.view, x: now.view.x + dx, y: now.view.y + dy }),
    fit: () => set({ x: 0, y: 0, zoom: 1 }),
    point(at) {
      now.cross = null;
      cross.hidden = true;
      point(at);
    },
    step(dx, dy) {
      now.cross = stepped(middle(), [dx * STEP, dy * STEP], now.room, wish.pan);
      cross.hidden = false;
      styled(cross, { translate: now.cross.map((at) => `${at}px`).join(" ") });
      point(now.cross);
    },
  };
  const split = (at) => {
    slider.value = at;
    slider.setAttribute("aria-valuetext", valueText(at));
    styled(element, { "--split": `${at}%` });
    hears.split.forEach((tell) => tell(Number(at)));
  };
  slider.addEventListener("input", () => split(slider.value), { signal });
  listen(element, wish, () => now.view.zoom > 1, signal);
  onSize(element, (...room) => {
    now.room = room;
    now.fit = fitted(now.size, now.room);
    set(now.view);
  }, signal);
  split(50);
  return {
    element, help, canvases, split,
    zoom: (factor) => wish.zoom(factor, null),
    fit: wish.fit,
    isStretched: () => now.fit.stretched,
    onPoint: (tell) => hears.point.push(tell),
    onSplit(tell) {
      hears.split.push(tell);
      tell(Number(slider.value));
    },
    /** The picture is drawn, with these pixels. */
    show(shown) {
      now.size = shown;
      now.fit = fitted(shown, now.room);
      set(now.view);
      element.classList.add("drawn");
    },
    /** There is nothing but the result. */
    only() {
      split(0);
      slider.hidden = line.hidden = true;
    },
  };
}

const valueText = (at) => `${Math.round(at)} percent original, ${Math.round(100 - at)} percent result`;

/** The pointer moved by [dx, dy] within the room; where it would leave it, the picture moves instead. */
function stepped(from, by, room, pan) {
  const wanted = from.map((at, axis) => at + by[axis]);
  const kept = wanted.map((at, axis) => Math.min(Math.max(at, 0), room[axis] - 1));
  pan(kept[0] - wanted[0], kept[1] - wanted[1]);
  return kept;
}

function place(element, canvases, { view, fit }) {
  const [across, down] = [fit.x * view.zoom, fit.y * view.zoom];
  const transform = `translate(${view.x}px, ${view.y}px) scale(${across}, ${down})`;
  for (const canvas of canvases) styled(canvas, { transform });
  // Labels are never mixed. A photograph is not either once it is enlarged, by hand or because it is small.
  const squares = Math.min(across, down) * devicePixelRatio;
  element.classList.toggle("pixelated", squares >= 1);
  element.classList.toggle("squares", squares >= 2 || (squares >= 1 && view.zoom > 1));
  element.classList.toggle("zoomed", view.zoom > 1);
  styled(element, { "--square": `${8 / across}px` });
}
