// A picture as it is chosen: its size, and a reduced copy that is made off the main thread.

import { element } from "./element.js";
import { count, pixels, size } from "./numbers.js";

// Enough for the frame on a dense screen. The whole of a 20-megapixel photograph would be 80 MB.
const MOST_SIDE = 1600;
// Fewer pixels than this in a frame are shown as squares.
const FEW_PIXELS = 300;

// A page that demands trusted types takes a program's address from a policy alone: this one knows one address.
const PROGRAM = new URL("./shrink.worker.js", import.meta.url).href;
const policy = globalThis.trustedTypes?.createPolicy("page-shrink", { createScriptURL: () => PROGRAM });

// {width, height, bitmap}, upright; null where the browser cannot show the file, which says nothing of the service.
export async function look(blob) {
  const worker = new Worker(policy ? policy.createScriptURL("") : PROGRAM);
  try {
    return await new Promise((seen) => {
      worker.addEventListener("message", ({ data }) => seen(data));
      worker.addEventListener("error", () => seen(null)); // it could not be loaded: the service may be away
      worker.postMessage({ blob, most: MOST_SIDE });
    });
  } finally {
    worker.terminate(); // and with it the whole picture's pixels
  }
}

// A small copy for the strip.
export function thumbnail(bitmap, side) {
  const scale = Math.min(1, side / Math.min(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((length) => Math.max(1, Math.round(length * scale)));
  const canvas = element("canvas", { width, height, "aria-hidden": "true" });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, width, height);
  return canvas;
}

// The picture in its frame; `over` lies on it, with the same edges.
export function framed(picture, over) {
  if (!picture.seen?.bitmap) return element("div", { class: "frame" }, element("p", {}, unseen(picture)));
  const { bitmap, width, height } = picture.seen;
  const size = { width: bitmap.width, height: bitmap.height };
  const canvas = element("canvas", { ...size, role: "img", "aria-label": picture.name });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  canvas.classList.toggle("squares", Math.max(width, height) < FEW_PIXELS);
  const fitted = element("div", { class: "fitted" }, canvas, over ?? null);
  fitted.style.setProperty("--ratio", width / height);
  return element("div", { class: "frame" }, fitted);
}

function unseen({ blob, inspected, problem, run }) {
  if (!blob) return "This browser does not have the picture any more.";
  if (problem || run?.problem || !inspected) return "";
  return `This browser cannot show the file${blob.type && ` (${blob.type})`}. The service may know it all the same.`;
}

// A title: the name, in whichever direction it is written, and what is known.
export function named({ name }, words) {
  return [element("b", { dir: "auto", title: name }, name), " ", element("span", {}, words)];
}

// "4.4 MB · 5,472 x 3,648 · 20.0 megapixels"
export function facts({ blob, seen }) {
  const whole = size(blob.size);
  if (!seen) return whole;
  return `${whole} · ${count(seen.width)} × ${count(seen.height)} · ${pixels(seen.width * seen.height)}`;
}
