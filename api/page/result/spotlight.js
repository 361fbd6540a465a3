// Which cluster a person looks at. The rooms of a result know nothing of each other: they tell it and hear of it here.

/**
 * `light(label)` asks for the pixels of a cluster to be lit up, -1 being the noise; `light(null)` for none.
 * `under(label)` tells which cluster lies under the pointer in a picture, in a plot or among the points.
 * `hear({lit, under})` is called back with the label, until `signal` is aborted.
 */
export function makeSpotlight() {
  const listeners = new Set();
  const now = { lit: null, under: null };
  const tell = (kind, label) => {
    if (now[kind] === label) return;
    now[kind] = label;
    for (const listener of listeners) listener[kind]?.(label);
  };
  return {
    light: (label) => tell("lit", label),
    under: (label) => tell("under", label),
    hear(listener, signal) {
      listeners.add(listener);
      signal.addEventListener("abort", () => listeners.delete(listener));
    },
  };
}

/** Let an element light up a cluster while it is pointed at or has the focus. */
export function lightsUp(element, label, spot, signal) {
  for (const begins of ["pointerenter", "focusin"]) {
    element.addEventListener(begins, () => spot.light(label), { signal });
  }
  for (const ends of ["pointerleave", "focusout"]) {
    element.addEventListener(ends, () => spot.light(null), { signal });
  }
}
