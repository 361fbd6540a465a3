// The colours in space: turned by hand or by keys, each told when it is pointed at.

import { rgbOfCss } from "../colors.js";
import { choice, described, html, onSize, onTheme, pause, styled } from "../dom.js";
import { fileNamed, missing, shownFile, unshown } from "../missing.js";
import { count, counted } from "../../numbers.js";
import { labelText } from "../words.js";
import { axisTexts } from "./axes.js";
import { cloudOf, diameters, placed, spaceOf, SPACES } from "./cloud.js";
import { makePainter } from "./gl.js";
import { enlarged, FIRST, nearest, turned } from "./turn.js";

const REACH = 9; // CSS pixels around the pointer
const KEY_TURN = Math.PI / 36;
const TURNS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const HELP = "Arrow keys turn the colours and tell the one in the middle; plus and minus enlarge, 0 turns back.";

/** Loads the points and gives their view; where they cannot be drawn, the service's own picture of them. */
export async function spaceRoom(result, api, spot, ask, signal) {
  const file = fileNamed(result, "points.json");
  if (!file) return missing("The colours in space were not asked for.", "points", result, ask, signal);
  const cloud = cloudOf(await api.json(file.href), result.palette);
  await pause();
  signal.throwIfAborted();
  const canvas = html("canvas", { tabindex: 0, role: "application", "aria-label": "Colours in space" });
  const painter = await makePainter(canvas, cloud, diameters(cloud.pixels));
  if (!painter) return flat(result, api, ask, signal);
  await pause();
  signal.addEventListener("abort", painter.free);
  if (signal.aborted) painter.free();
  signal.throwIfAborted();
  const made = view(canvas, painter, cloud, result, spot, signal);
  // A graphics card may be taken away at any time.
  const replace = async () => made.replaceWith(await flat(result, api, ask, signal).catch(unshown));
  canvas.addEventListener("webglcontextlost", replace, { signal });
  return made;
}

async function flat(result, api, ask, signal) {
  const file = fileNamed(result, "scatter.png");
  const why = "This browser cannot draw the colours in space: it has no WebGL 2.";
  if (!file) return missing(`${why} There is a picture of the same.`, "scatter", result, ask, signal);
  const alt = "The colours in their space, in their own colours and in their clusters'.";
  const image = await shownFile(file, alt, api, signal);
  return html("div", { class: "space" }, image, html("p", { class: "note" }, why));
}

function view(canvas, painter, cloud, result, spot, signal) {
  const [texts, readout] = [axisTexts(), html("output", { class: "readout" })];
  const cross = html("div", { class: "cross", hidden: true });
  const stage = html("div", { class: "room" }, canvas, described(canvas, HELP, signal), texts.element, cross);
  const scene = { view: FIRST, room: null, clustered: false, lit: null, place: null };
  const draw = drawer(painter, texts, scene, signal);
  const tell = (at, byKey = false) => {
    cross.hidden = !byKey;
    const found = at ? under(at, scene, cloud) : null;
    readout.replaceChildren(...(found ? told(found, result) : []));
    spot.under(found ? found.label : null);
  };
  const change = (changes) => draw(Object.assign(scene, changes));
  const show = (name) => {
    const place = placed(cloud, name);
    painter.place(place);
    change({ place });
  };
  show(spaceOf(result.params.color_space));
  // Colours are known when the stage is on the page, and so has a size.
  onSize(stage, (...room) => change({ room, ...colorsOf(stage) }), signal);
  onTheme(() => change(colorsOf(stage)), signal);
  spot.hear({ lit: (lit) => change({ lit }) }, signal);
  byPointer(canvas, scene, change, tell, signal);
  byKeys(canvas, scene, change, tell, signal);
  const tools = html("div", { class: "tools" },
    choice("Axes", Object.keys(SPACES), show, signal, spaceOf(result.params.color_space)),
    choice("Colour", ["its own", "its cluster's"], (value) => change({ clustered: value !== "its own" }), signal),
    readout);
  return html("div", { class: "space" }, stage, tools, html("p", { class: "note" }, summary(cloud, result)));
}

function summary(cloud, result) {
  const all = result.image.unique_colors;
  const some = cloud.colors.length < all ? `${count(cloud.colors.length)} of ` : "";
  return `${some}${counted(all, "colour")}, larger the more pixels have them; the rings are the clusters' centres.`;
}

const colorsOf = (stage) => {
  const style = getComputedStyle(stage);
  return { ground: rgbOfCss(style.backgroundColor), ink: rgbOfCss(style.color) };
};

/** At most one frame for each of the screen's. */
function drawer(painter, texts, scene, signal) {
  let asked = 0;
  signal.addEventListener("abort", () => cancelAnimationFrame(asked));
  return () => {
    if (asked || !scene.room || signal.aborted) return;
    asked = requestAnimationFrame(() => {
      asked = 0;
      painter.draw(scene);
      texts.move(scene.place.box, scene.view, scene.room);
    });
  };
}

/** The centre or else the colour at a place of the room: {hex, label, pixels}, without pixels for a centre; or null. */
function under(at, { place, view: turn, room }, cloud) {
  const center = nearest(place.centers, turn, room, at, REACH);
  if (center >= 0) return { hex: cloud.centerHex[center], label: center };
  const point = nearest(place.points, turn, room, at, REACH);
  return point < 0 ? null : { hex: cloud.hex[point], label: cloud.labels[point], pixels: cloud.pixels[point] };
}

function told({ hex, label, pixels }, result) {
  const chip = styled(html("span", { class: "chip" }), { "--color": hex });
  const what = pixels === undefined ? "centre of " : `${hex}, ${counted(pixels, "pixel")}, in `;
  return [chip, what + labelText(label, result)];
}

function byPointer(canvas, scene, change, tell, signal) {
  const fingers = new Map();
  const on = (name, act, options = {}) => canvas.addEventListener(name, act, { signal, ...options });
  on("pointerdown", (event) => {
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    canvas.setPointerCapture(event.pointerId);
  });
  on("pointermove", (event) => {
    const to = [event.offsetX, event.offsetY];
    const from = fingers.get(event.pointerId);
    if (!from) return tell(to);
    const turn = 4 / Math.min(...scene.room);
    if (fingers.size === 2) change({ view: enlarged(scene.view, pinched(fingers, event.pointerId, to)) });
    else change({ view: turned(scene.view, (to[0] - from[0]) * turn, (to[1] - from[1]) * turn) });
    return fingers.set(event.pointerId, to);
  });
  for (const ends of ["pointerup", "pointercancel"]) on(ends, (event) => fingers.delete(event.pointerId));
  on("pointerleave", () => tell(null));
  on("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== canvas) return; // the page scrolls on
    event.preventDefault();
    change({ view: enlarged(scene.view, Math.exp(-event.deltaY * 0.0015)) });
  }, { passive: false });
}

function pinched(fingers, moved, to) {
  const [, other] = [...fingers].find(([id]) => id !== moved);
  const apart = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
  return apart(to) / apart(fingers.get(moved));
}

function byKeys(canvas, scene, change, tell, signal) {
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const turn = TURNS[event.key];
    if (turn) change({ view: turned(scene.view, ...turn.map((by) => by * KEY_TURN)) });
    else if (event.key === "+" || event.key === "=") change({ view: enlarged(scene.view, 1.25) });
    else if (event.key === "-") change({ view: enlarged(scene.view, 0.8) });
    else if (event.key === "0") change({ view: FIRST });
    else return;
    event.preventDefault();
    tell(scene.room.map((side) => side / 2), true);
  }, { signal });
}
