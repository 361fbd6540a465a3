// The pixels of one result, off the main thread: decodes, paints, and knows each pixel's label.
//
// open {labels, palette, original, recolored, most, canvases} -> ready {shown, whole, hasOriginal} or failed {message}
// light {label, veil} -> lit              paints the veil over all other pixels; null takes it away
// at {x, y, id}, fractions of the picture -> at {id, label}

import { readLabels } from "./label_png.js";
import { alone, overlaid, painted, sampled, shownSize, veiled } from "./painting.js";

let held = null;

async function open({ labels, palette, original, recolored, most, canvases }) {
  const map = await readLabels(labels, palette);
  const shown = shownSize(map.width, map.height, most);
  const entries = sampled(map, shown);
  held = { map, entries, shown, palette, lit: canvases.lit };
  const pens = Object.fromEntries(Object.entries(canvases).map(([name, canvas]) => {
    [canvas.width, canvas.height] = shown;
    return [name, canvas.getContext("2d")];
  }));
  const hasOriginal = await drawFile(pens.original, original, shown);
  const made = await drawFile(pens.result, recolored, shown);
  if (!made) await drawLabels(pens.result, hasOriginal ? canvases.original : null);
  return { kind: "ready", shown, whole: [map.width, map.height], hasOriginal };
}

/** Draw an image file, where there is one and the browser can read it. It is scaled while it is decoded. */
async function drawFile(pen, blob, [width, height]) {
  if (!blob) return false;
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { resizeWidth: width, resizeHeight: height, resizeQuality: "medium" });
  } catch (error) {
    if (error.name !== "InvalidStateError") throw error;
    return false; // such as TIFF and HEIC, which huemill reads and browsers do not
  }
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  return true;
}

/** The palette over the original, whose alpha it keeps; without an original, alone. */
async function drawLabels(pen, original) {
  const { entries, shown, palette } = held;
  const colors = original ? overlaid(palette) : alone(palette);
  const bitmap = await createImageBitmap(painted(entries, shown, colors));
  if (original) {
    pen.drawImage(original, 0, 0);
    pen.globalCompositeOperation = "source-atop";
  }
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
}

function light({ label, veil }) {
  const pen = held.lit.getContext("2d");
  if (label === null) pen.clearRect(0, 0, ...held.shown);
  else pen.putImageData(painted(held.entries, held.shown, veiled(label, veil, held.palette.length)), 0, 0);
  return { kind: "lit" };
}

function at({ x, y, id }) {
  const { map } = held;
  const [column, row] = [Math.floor(x * map.width), Math.floor(y * map.height)];
  const inside = column >= 0 && row >= 0 && column < map.width && row < map.height;
  return { kind: "at", id, label: inside ? map.labelAt(column, row) : null };
}

const ACTS = { open, light, at };

self.addEventListener("message", async ({ data }) => {
  try {
    const answer = await ACTS[data.kind](data);
    if (answer) self.postMessage(answer);
  } catch (error) {
    self.postMessage({ kind: "failed", message: error.message });
  }
});
