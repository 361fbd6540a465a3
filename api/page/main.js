// The page: pictures come in, a job is made of one, its result is shown. Who is told what stands here.

import { jobInAddress, onOtherAddress, putInAddress } from "./address.js";
import { json, Problem } from "./api.js";
import { listenForFiles, pasteFiles, pickFiles } from "./choose.js";
import { element, say } from "./element.js";
import { kept } from "./keep.js";
import { refusal } from "./limits.js";
import { look, thumbnail } from "./preview.js";
import { Run } from "./run.js";
import { showSamples } from "./samples.js";
import { makeSettings } from "./settings.js";
import { makeStage } from "./stage.js";
import { makeStrip } from "./strip.js";
import { troubleOf } from "./trouble.js";

const THUMBNAIL = 72;
const at = (id) => document.getElementById(id);
let [picture, settings, queue] = [null, null, []];

const stage = makeStage(at("stage"), { ask: again, drew });
const strip = makeStrip(at("strip"), { look: turnTo, remove, add: pickFiles, all });

function work(now = true) {
  at("begin").hidden = now;
  at("work").hidden = !now;
}

// In

function tell(words) {
  const toast = element("p", {}, words);
  at("toasts").replaceChildren(toast);
  setTimeout(() => toast.remove(), 8000);
}

async function take(files) {
  work();
  const added = files.map((file) => ({ name: file.name, blob: file, seen: null, problem: null, run: null, region: null }));
  added.forEach(strip.put);
  turnTo(added[0]);
  // One after the other: each is decoded whole before it is reduced.
  for (const each of added) await inspect(each);
}

async function inspect(each) {
  each.seen ??= await look(each.blob);
  if (each.seen) each.thumbnail = thumbnail(each.seen.bitmap, THUMBNAIL);
  each.problem = await refusal(each.blob, each.seen);
  strip.update(each);
  if (each === picture) turnTo(each);
  else forget(each);
}

// What is not looked at needs no pixels.
function forget(each) {
  each?.seen?.bitmap.close();
  if (each?.seen) each.seen.bitmap = null;
}

async function turnTo(next) {
  if (picture !== next) forget(picture);
  picture = next;
  strip.look(next);
  if (next.seen && !next.seen.bitmap) next.seen = await look(next.blob);
  if (picture === next) draw();
}

function remove(gone) {
  gone.run?.leave();
  strip.remove(gone);
  queue = queue.filter((each) => each !== gone);
  if (gone !== picture) return;
  picture = null;
  forget(gone);
  const [first] = strip.pictures();
  if (first) turnTo(first);
  else home();
}

function home() {
  work(false);
  putInAddress(null);
}

// Through

function draw() {
  const { run, problem, region } = picture;
  putInAddress(run?.job?.id ?? null);
  if (run?.succeeded) stage.result(run);
  else stage.preview(picture, region);
  settings?.setRegion(region);
  settings?.allow(Boolean(picture.blob) && !problem);
  settings?.busy(Boolean(run) && !run.ended);
  if (problem) stage.trouble(problem);
  else if (run) told(run);
}

// A run tells where it is.
function told(run) {
  strip.update(run.picture);
  if (run.picture !== picture || picture.run !== run) return;
  settings?.busy(!run.ended);
  if (run.job) putInAddress(run.job.id);
  if (!run.ended) stage.advance(run.seen);
  else if (run.problem) refused(run);
  else stage.trouble(null);
}

// What is wrong is said where it is: at its field, else under the picture.
function refused(run) {
  const others = run.problem.errors.length ? settings.mark(run.problem.errors) : [null];
  stage.trouble(others.length ? run.problem : null, run.picture.blob && ((changes) => again(run, changes)));
}

async function start(each, params) {
  const before = each.run;
  const run = (each.run = new Run(each, params, told));
  settings.mark([]);
  settings.close();
  if (each === picture && !before?.succeeded) stage.preview(each, each.region);
  told(run);
  await run.start();
  if (run.succeeded && each === picture && each.run === run) {
    draw();
    say("The colours are found.");
  }
}

// The same picture with other parameters; also what a result asks for.
function again(run, changes) {
  const params = { ...run.params, ...changes };
  if ("region" in changes) run.picture.region = changes.region;
  settings.set(params);
  if (run.picture !== picture) turnTo(run.picture);
  return start(run.picture, params);
}

// One after the other, as the service would have them wait anyway.
async function all() {
  queue = strip.waiting();
  while (queue.length) await start(queue.shift(), settings.params());
}

function drawRegion(kind) {
  if (!picture?.seen) return tell("A region is drawn on the picture, which this browser cannot show.");
  settings.close();
  if (kind) stage.preview(picture, picture.region, kind);
  else drew(null);
}

function drew(region) {
  if (region !== undefined) picture.region = region;
  settings.setRegion(picture.region);
  stage.preview(picture, picture.region);
  at("stage").focus();
}

function cancel() {
  queue = [];
  picture.run?.cancel();
}

// From an address: a reload, a link, the way back.

async function open(id) {
  if (!id) return picture ? draw() : work(false);
  const known = strip.pictures().find((each) => each.run?.job?.id === id);
  if (known) return turnTo(known);
  work();
  const found = await kept(id);
  const shown = { name: found?.name ?? "picture", blob: found?.blob ?? null, seen: null, problem: null, region: found?.params.region ?? null };
  shown.run = new Run(shown, found?.params ?? {}, told);
  shown.run.job = { id };
  try {
    const job = await json(`v1/jobs/${id}`);
    if (!found) Object.assign(shown, { name: job.image.filename ?? "picture", region: job.params.region });
    shown.run.params = found?.params ?? job.params;
    settings.set(shown.run.params);
    strip.put(shown);
    if (shown.blob) shown.seen = await look(shown.blob);
    if (shown.seen) shown.thumbnail = thumbnail(shown.seen.bitmap, THUMBNAIL);
    await turnTo(shown);
    await shown.run.resume(job);
    if (picture === shown) draw();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    gone(error);
  }
}

function gone(problem) {
  work(false);
  at("toasts").replaceChildren(troubleOf(problem));
}

async function begin() {
  listenForFiles(take, tell);
  showSamples(at("samples"), take);
  for (const button of document.querySelectorAll("[data-choose]")) button.addEventListener("click", pickFiles);
  for (const button of document.querySelectorAll("[data-paste]")) button.addEventListener("click", () => pasteFiles(take, tell));
  at("skip").addEventListener("click", () => at("stage").focus());
  onOtherAddress(open);
  try {
    const schemas = await json("v1/algorithms");
    settings = makeSettings(at("settings"), schemas, { start: () => start(picture, settings.params()), cancel, draw: drawRegion });
    if (jobInAddress()) await open(jobInAddress());
    else if (picture) draw();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    at("toasts").replaceChildren(troubleOf(error, () => location.reload()));
  }
}

begin();
