// The picture: the original, the same in the palette's colours, and a slider between them.

import { oklab, rgbOfCss } from "../colors.js";
import { button, html, styled } from "../dom.js";
import { fileNamed } from "../missing.js";
import { count } from "../../numbers.js";
import { labelText } from "../words.js";
import { startPixels } from "./pixels.js";
import { makeStage } from "./stage.js";

const MODES = [["Original", 100], ["Both", 50], ["Result", 0]]; // name, and where the slider then stands
const VEIL_ALPHA = 224; // of 255
const LEAST_APART = 0.25; // in lightness, of 1

/** Loads what a job's picture is made of, and gives its element. `original` is a blob, or null. */
export function pictureRoom(job, original, api, spot, signal) {
  const { result } = job;
  const note = html("p", { class: "note" });
  const readout = html("output", { class: "readout" });
  const stage = makeStage([result.image.width, result.image.height], signal);
  const modes = modeButtons(stage, signal);
  const zoom = html("div", { role: "group", "aria-label": "Enlarge", class: "buttonset" },
    button("−", () => stage.zoom(1 / 1.5), signal, { "aria-label": "Smaller" }),
    button("+", () => stage.zoom(1.5), signal, { "aria-label": "Larger" }),
    button("Fit", () => stage.fit(), signal));
  const tools = html("div", { class: "tools" }, modes.group, readout, zoom);
  const whole = html("figure", { class: "picture" }, stage.element, stage.help, tools, note);
  if (/alpha|RGBA/.test(result.image.mode)) stage.element.classList.add("alpha");

  const pixels = load(job, original, api, stage.canvases, signal);
  pixels.then((loaded) => {
    stage.show(loaded.shown);
    whole.dispatchEvent(new Event("drawn", { bubbles: true })); // what stood in for it can go
    modes.limit(loaded.hasOriginal);
    note.textContent = sentences(loaded, original, result, stage.isStretched());
    follow(loaded, stage, readout, result, spot, signal);
  }, (error) => {
    if (signal.aborted) return;
    note.textContent = `The picture could not be shown: ${error.message}`;
    note.setAttribute("role", "alert");
  });
  return whole;
}

async function load(job, original, api, canvases, signal) {
  const { result } = job;
  const files = [api.blob(fileNamed(result, "labels.png").href), recoloredFile(result, api)];
  const [labels, recolored] = await Promise.all(files);
  signal.throwIfAborted();
  const palette = result.palette.map((entry) => entry.rgb);
  const pixels = startPixels({ labels, original, recolored }, palette, canvases, signal);
  return { ...pixels, ...(await pixels.ready) };
}

/** The file of the recoloured picture, where it is another one than label map and palette make. */
async function recoloredFile(result, api) {
  const { dither, noise } = result.params.recolor;
  const file = result.artifacts.find((each) => each.name.startsWith("recolored."));
  const differs = dither || (result.noise.pixels > 0 && noise !== "keep");
  return file && differs ? api.blob(file.href) : null;
}

/** The three buttons, which the keys 1, 2 and 3 press wherever nothing else hears them. */
function modeButtons(stage, signal) {
  const made = MODES.map(([name, at], place) =>
    button(name, () => stage.split(at), signal, { "aria-keyshortcuts": place + 1 }));
  const group = html("div", { role: "group", "aria-label": "Show", class: "buttonset modes" }, ...made);
  stage.onSplit((at) => made.forEach((each, place) => {
    const pressed = at === 100 ? 0 : at === 0 ? 2 : 1;
    each.setAttribute("aria-pressed", place === pressed);
  }));
  document.addEventListener("keydown", (event) => {
    // In the result, or nowhere in particular: a click on what takes no focus gives it to what is around.
    const own = event.target.contains(group) || group.closest(".result-body")?.contains(event.target);
    if (!own || event.ctrlKey || event.metaKey || event.altKey || takesText(event.target)) return;
    const pressed = made[Number(event.key) - 1];
    if (pressed && !pressed.disabled) pressed.click();
  }, { signal });
  const limit = (hasOriginal) => {
    if (hasOriginal) return;
    made[0].disabled = made[1].disabled = true;
    stage.only();
  };
  return { group, limit };
}

const TAKES_TEXT = "select, textarea, input:not([type=range], [type=radio], [type=checkbox])";
const takesText = (element) => element.matches(TAKES_TEXT);

function sentences({ shown, whole, hasOriginal }, original, result, stretched) {
  const said = [];
  if (!original) said.push("The original is not in this browser any more: this is the result alone.");
  else if (!hasOriginal) said.push(`This browser does not show ${result.image.format}: this is the result alone.`);
  if (shown[0] < whole[0]) {
    const [from, to] = [whole, shown].map((size) => size.map(count).join(" × "));
    said.push(`Shown reduced from ${from} to ${to} pixels; what is under the pointer is looked up in all of them.`);
  }
  if (stretched) said.push("It is so thin that it is shown stretched.");
  return said.join(" ");
}

/** Tie the loaded picture to the spotlight: what is under the pointer, and whose pixels are lit up. */
function follow(pixels, stage, readout, result, spot, signal) {
  let wanted = 0;
  stage.onPoint(async (place) => {
    const turn = ++wanted;
    const label = place && (await pixels.at(...place));
    if (turn !== wanted || signal.aborted) return;
    spot.under(label);
    tell(readout, label, result);
  });
  spot.hear({ lit: (label) => pixels.light(label, veil(stage, result.palette[label])) }, signal);
}

function tell(readout, label, result) {
  readout.replaceChildren(...(label === null ? [] : [chip(result.palette[label]), labelText(label, result)]));
}

const chip = (entry) => (entry ? styled(html("span", { class: "chip" }), { "--color": entry.hex }) : null) ?? "";

/** What hides all pixels but those of `entry`: the page's paper, or its ink where they are as light as that. */
function veil(stage, entry) {
  const [paper, ink] = [stage.canvases.lit, stage.element].map((element) => rgbOfCss(getComputedStyle(element).color));
  const alike = entry && Math.abs(oklab(paper)[0] - oklab(entry.rgb)[0]) < LEAST_APART;
  return [...(alike ? ink : paper), VEIL_ALPHA];
}
