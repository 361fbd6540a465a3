// How good the result is, how long it took, and what was done to the picture: in words.

import { html } from "./dom.js";
import { count, counted, deltaE, duration, plain, share } from "../numbers.js";
import { distinct, listed, stageName } from "./words.js";

const LEFT_OUT = "left_out"; // of files that could not be

/** What a person should know before all else, a sentence each. */
export const notes = (result) => told(result.notes.filter((note) => note.note !== LEFT_OUT));

/** Which files that were asked for could not be, and why. */
export const leftOut = (result) => told(result.notes.filter((note) => note.note === LEFT_OUT));

const told = (some) => some.map((note) => html("p", { class: "told" }, note.detail));

/** Three lists of a term and a sentence each. */
export function quality(job) {
  const { result } = job;
  return html("div", { class: "quality" },
    part("How close it is", [...closeness(result), ...methodOwn(result)]),
    part("The picture", pictureFacts(result)),
    part("Time", times(job)));
}

function part(title, entries) {
  const pairs = entries.flatMap(([term, said]) => [html("dt", {}, term), html("dd", {}, said)]);
  return html("section", {}, html("h2", {}, title), html("dl", {}, ...pairs));
}

function closeness({ quality: { delta_e: difference, explained, mse, psnr, silhouette }, noise }) {
  const said = [];
  const which = noise.pixels > 0 ? "the pixels in clusters" : "the pixels";
  if (difference) {
    const [mean, p95, max] = [difference.mean, difference.p95, difference.max].map(deltaE);
    said.push(["Difference", `ΔE ${mean} on average between a pixel and its colour; `
      + `95 % of ${which} within ${p95}, the farthest ${max}`]);
  }
  if (explained !== null) said.push(["Explained", `${share(explained)} of ${which} within ΔE 5 of their colour`]);
  if (mse !== null) {
    said.push(["As a picture", psnr === null ? "painted in these colours it is the original"
      : `painted in these colours, ${psnr.toFixed(1)} dB of signal to error`]);
  }
  if (silhouette.value !== null) said.push(["Silhouette", silhouetteText(silhouette, which)]);
  if (noise.pixels > 0) {
    said.push(["Noise", `${share(noise.proportion)}, ${counted(noise.pixels, "pixel")}, belong to no cluster`]);
  }
  return said;
}

function silhouetteText({ value, exact, sample, error }, which) {
  const off = error < 0.001 ? "less than 0.001" : error.toFixed(3);
  const how = exact ? `over all of ${which}` : `from a sample of ${count(sample)} pixels, give or take ${off}`;
  return `${value.toFixed(2)} of at most 1, ${how}: ${apart(value)}`;
}

/** Kaufman and Rousseeuw 1990, table 4. */
function apart(value) {
  if (value > 0.7) return "the colours are well apart";
  if (value > 0.5) return "the colours are apart";
  return value > 0.25 ? "the colours run into each other" : "hardly any parts are to be told from others";
}

const METRICS = { ciede2000: "CIEDE2000", euclidean: "distance in the colour space" };

// What a method says of itself, where it is a word or a number.
const OWN = {
  inertia: (value) => ["Inertia", `${plain(value)}, the sum of squared distances to the centres`],
  iterations: (value) => ["Iterations", `${count(value)} of the best start`],
  criterion: (value) => ["Chosen by", value],
  hierarchy: (value) => ["Hierarchy", `${counted(value, "cluster")} in the whole tree`],
  min_cluster_size: (value) => ["Least size", `a colour has ${counted(value, "pixel")} or more: chosen for the picture`],
  resolution: (value) => ["Resolution", `distances below ${plain(value)} count as that`],
  metric: (value) => ["Nearest by", METRICS[value] ?? value],
  empty: (value) => ["Unused", value === 0 ? "every colour has pixels" : `${counted(value, "colour")} without a pixel`],
  persistence: (values) => ["Persistence", `${firsts(values)} of 1, in the order of the colours`],
};

const MOST_TOLD = 12;
const firsts = (values) => listed(values.slice(0, MOST_TOLD).map((value) => value.toFixed(2)));

function methodOwn({ quality: found, selection }) {
  const isThere = (value) => value !== undefined && value !== null && value.length !== 0;
  const own = Object.entries(OWN).filter(([name]) => isThere(found[name]));
  const said = own.map(([name, tell]) => tell(found[name]));
  return selection ? [["The number", selection.reason], ...said] : said;
}

function pictureFacts({ image }) {
  const from = image.scaled_from ? `, scaled down from ${image.scaled_from.map(count).join(" × ")}` : "";
  const profile = image.profile ? `, profile “${image.profile}”` : "";
  const said = [
    ["Size", `${count(image.width)} × ${count(image.height)} pixels${from}`],
    ["Colours", `${distinct(image.unique_colors)} on ${counted(image.clustered_pixels, "pixel")}`],
    ["File", `${image.format}, ${image.mode}, ${counted(image.bits, "bit")} a sample${profile}`],
  ];
  if (image.excluded_pixels > 0) said.push(["Left out", `${counted(image.excluded_pixels, "pixel")}, in no share`]);
  return [...said, ...image.steps.map((step) => ["Done to it", step.detail])];
}

function times(job) {
  const { timings_ms: timings } = job.result;
  const sum = Object.values(timings).reduce((all, each) => all + each, 0);
  const stages = Object.entries(timings).map(([stage, each]) => `${stageName(stage)} ${duration(each)}`);
  const said = [["Computed", `${duration(sum)}: ${listed(stages)}`]];
  if (job.cached) return [...said, ["Answered", "at once: the same work had been done before"]];
  if (job.started_at && job.finished_at) {
    const [created, started, finished] = [job.created_at, job.started_at, job.finished_at].map(Date.parse);
    said.push(["Waited", `${duration(Math.max(0, started - created))} for a worker`]);
    said.push(["In all", `${duration(finished - created)} from upload to result`]);
  }
  return said;
}
