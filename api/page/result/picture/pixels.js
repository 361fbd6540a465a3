// The worker that holds a result's pixels, as the page calls it.

// A page that demands trusted types takes the address of a program from a policy alone: this one knows one address.
const PROGRAM = new URL("./pixels.worker.js", import.meta.url).href;
const policy = globalThis.trustedTypes?.createPolicy("result-pixels", { createScriptURL: () => PROGRAM });
const MOST_SHOWN = 4_000_000; // pixels: more than a screen has room for, and 16 MB for each canvas

/**
 * Starts the worker on `files` {labels, original, recolored}: blobs, the last two or null. `canvases` {original,
 * result, lit} are given away to it. Returns {ready, light, at}; all ends when `signal` is aborted.
 */
export function startPixels(files, palette, canvases, signal) {
  const worker = new Worker(policy ? policy.createScriptURL("") : PROGRAM, { type: "module" });
  signal.addEventListener("abort", () => worker.terminate());
  const waiting = new Map();
  const light = oneAtATime((wish) => worker.postMessage({ kind: "light", ...wish }));
  let asked = 0;
  const ready = new Promise((told, failed) => {
    const unstarted = "The worker that knows the picture's pixels did not start.";
    const hears = {
      ready: told,
      failed: ({ message }) => failed(new Error(message)),
      lit: light.done,
      at({ id, label }) {
        waiting.get(id)(label);
        waiting.delete(id);
      },
    };
    worker.addEventListener("error", (event) => failed(new Error(event.message || unstarted)));
    worker.addEventListener("message", ({ data }) => hears[data.kind](data));
  });
  const given = Object.fromEntries(
    Object.entries(canvases).map(([name, canvas]) => [name, canvas.transferControlToOffscreen()]));
  worker.postMessage({ kind: "open", ...files, palette, most: MOST_SHOWN, canvases: given }, Object.values(given));
  return {
    ready,
    light: (label, veil) => light.wish({ label, veil }),
    at: (x, y) => new Promise((told) => {
      waiting.set(++asked, told);
      worker.postMessage({ kind: "at", x, y, id: asked });
    }),
  };
}

/** Wishes of which only the latest counts: one is sent, and when it is done the last that came meanwhile. */
function oneAtATime(send) {
  let [busy, next] = [false, null];
  const go = () => {
    busy = next !== null;
    if (busy) send(next);
    next = null;
  };
  return {
    wish(wanted) {
      next = wanted;
      if (!busy) go();
    },
    done: go,
  };
}
