// Wheel, fingers and keys on the stage, as wishes: zoom(factor, place), pan(dx, dy), point(place), step(dx, dy), fit().

const WHEEL = 0.0016; // how much a step of the wheel enlarges
const KEY_ZOOM = 1.5;
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LINE = 16; // pixels of a wheel that counts in lines

/** Listens on `stage`; `isZoomed()` tells whether there is anything to pan, or to make smaller. */
export function listen(stage, wish, isZoomed, signal) {
  const fingers = new Map();
  const placeOf = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const on = (name, act, options = {}) => stage.addEventListener(name, act, { signal, ...options });

  on("wheel", (event) => {
    const by = -event.deltaY * (event.deltaMode === 1 ? LINE : 1);
    if (by <= 0 && !isZoomed()) return; // the page scrolls on
    event.preventDefault();
    wish.zoom(Math.exp(by * WHEEL * (event.ctrlKey ? 4 : 1)), placeOf(event));
  }, { passive: false });

  on("pointerdown", (event) => {
    if (event.target.closest("input, button")) return;
    fingers.set(event.pointerId, placeOf(event));
    if (event.pointerType !== "touch" || fingers.size > 1 || isZoomed()) stage.setPointerCapture(event.pointerId);
  });
  on("pointermove", (event) => {
    const to = placeOf(event);
    const from = fingers.get(event.pointerId);
    if (from && fingers.size === 2) pinch(fingers, event.pointerId, to, wish);
    else if (from) wish.pan(to[0] - from[0], to[1] - from[1]);
    if (from) fingers.set(event.pointerId, to);
    wish.point(to);
  });
  for (const ends of ["pointerup", "pointercancel"]) on(ends, (event) => fingers.delete(event.pointerId));
  on("pointerleave", () => wish.point(null));
  on("keydown", (event) => byKey(event, wish));
}

function pinch(fingers, moved, to, wish) {
  const from = fingers.get(moved);
  const [, other] = [...fingers].find(([id]) => id !== moved);
  const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
  const middle = [(to[0] + other[0]) / 2, (to[1] + other[1]) / 2];
  if (apart(from) > 0) wish.zoom(apart(to) / apart(from), middle);
  wish.pan((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
}

function byKey(event, wish) {
  if (event.target.closest("input") || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = STEPS[event.key];
  if (step) wish.step(step[0] * (event.shiftKey ? 10 : 1), step[1] * (event.shiftKey ? 10 : 1));
  else if (event.key === "+" || event.key === "=") wish.zoom(KEY_ZOOM, null);
  else if (event.key === "-") wish.zoom(1 / KEY_ZOOM, null);
  else if (event.key === "0") wish.fit();
  else return;
  event.preventDefault();
}
