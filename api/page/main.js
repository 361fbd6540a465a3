// The page: pictures come in, a job is made of one, its result is shown. Who is told what stands here.

import * as address from "./address.js";
import { json, Problem } from "./api.js";
import { listenForFiles, pasteFiles, pickFiles } from "./choose.js";
import { element, say } from "./element.js";
import { kept } from "./keep.js";
import { same } from "./parameters.js";
import { Picture } from "./picture.js";
import { wordsOf } from "./pixels.js";
import { Run } from "./run.js";
import { showSamples } from "./samples.js";
import { makeSettings } from "./settings.js";
import { load } from "./show.js";
import { makeStage } from "./stage.js";
import { makeStrip } from "./strip.js";
import { troubleOf } from "./trouble.js";

const TOLD_MS = 8000;
const FOUND = "The colours are found.";
const CANCELLED = { code: "cancelled", message: "The job was cancelled." };
const GONE = "This browser does not have the picture any more. Choose it again.";
const at = (id) => document.getElementById(id);
// The picture that is looked at, and the one that is drawn, which may still be another; those whose turn is to come.
let [picture, onStage, queue] = [null, null, []];

const stage = makeStage(at("stage"), { ask: again, drew });
const strip = makeStrip(at("strip"), { look: turnTo, remove, add: pickFiles, all });
const settings = makeSettings(at("settings"), { start: () => start(picture), cancel, draw: drawRegion });

// In

async function take(files) {
  const added = files.map((file) => new Picture(file.name, file));
  added.forEach(strip.put);
  turnTo(added[0]);
  // One after the other: each is decoded whole before it is reduced.
  for (const each of added) {
    await inspect(each);
    if (each === picture && (each.problem || !each.seen)) draw();
  }
}

async function inspect(each) {
  await each.inspect();
  strip.update(each);
  if (each !== picture) each.forget();
}

async function turnTo(next) {
  if (picture !== next) picture?.forget();
  picture = next;
  arrive();
  strip.look(next);
  mark();
  await next.sharpen();
  if (picture === next) draw();
  else next.forget();
}

function remove(gone) {
  gone.run?.leave();
  gone.forget();
  strip.remove(gone);
  queue = queue.filter((each) => each !== gone);
  if (gone !== picture) return;
  picture = null;
  const [first] = strip.pictures();
  if (first) turnTo(first);
  else home();
}

// From the beginning to where the work is; who came by keys goes on there.
function arrive() {
  const isInside = at("begin").contains(document.activeElement);
  at("begin").hidden = true;
  at("work").hidden = false;
  if (isInside) at("settings").focus();
  load();
}

// As at first; `trouble` says why.
function home(trouble) {
  const wasInside = at("work").contains(document.activeElement);
  at("lost").replaceChildren(...(trouble ? [trouble] : []));
  at("begin").hidden = false;
  at("work").hidden = true;
  document.title = "huemill";
  // What goes on is not looked at, and leads nowhere by itself.
  picture?.forget();
  picture = onStage = null;
  if (wasInside) at("choose").focus();
  if (!trouble) address.putBeginningInAddress();
}

function tell(words) {
  const toast = element("p", {}, words);
  at("toasts").replaceChildren(toast);
  setTimeout(() => toast.remove(), TOLD_MS);
}

// Through

function draw() {
  const { run, problem, region, name } = picture;
  onStage = picture;
  document.title = `${name} · huemill`;
  const shown = run?.shown;
  address.putInAddress((run?.job ?? shown?.job)?.id ?? null);
  if (shown) stage.result(shown);
  else stage.preview(picture);
  settings.setRegion(region);
  mark();
  if (problem) stage.trouble(problem);
  else if (run?.problem) stage.trouble(run.problem, outOf(run), run.params);
  else if (run && !run.succeeded) told(run);
}

// Whether one can start, or cancel.
function mark() {
  const { run, blob, problem } = picture;
  const busy = Boolean(run) && !run.ended;
  settings.busy(busy);
  settings.allow(busy || (Boolean(blob) && !problem));
}

// A run tells where it is.
function told(run) {
  strip.update(run.picture);
  if (run.job) run.picture.runs.set(run.job.id, run);
  if (run !== picture?.run) return;
  mark();
  if (onStage !== picture) return; // the stage and the address are still another's: it is told when it is drawn
  if (run.job) address.putJobInAddress(run.job.id);
  if (!run.ended) stage.advance(run.seen);
  else if (run.problem) refused(run);
  else stage.rest();
}

// What is wrong is said where it is: at its field, else under the picture, or above the result before.
function refused(run) {
  const { problem } = run;
  const others = problem.errors.length ? settings.mark(problem.errors) : [problem];
  if (run.shown) stage.rest();
  else stage.preview(picture);
  if (others.length) stage.trouble(problem, outOf(run), run.params);
}

// What a button under a run's trouble does.
const outOf = (run) => run.picture.blob && ((changes) => again(run, changes));

async function start(each, params = settings.params()) {
  if (!each.blob) return tell(GONE);
  const before = each.run?.shown;
  const run = new Run(each, params, told, before);
  each.run = run;
  if (each === picture) {
    settings.mark([]);
    settings.close();
    // A result stays until the next one comes.
    if (!before) stage.preview(each);
  }
  told(run);
  await run.start();
  if (each.run !== run || run.problem) return;
  if (!run.succeeded && before) each.run = before;
  if (!strip.pictures().includes(each)) return;
  say(run.succeeded ? FOUND : "Cancelled.");
  strip.update(each);
  if (each !== picture) return;
  draw();
  if (!run.succeeded && !run.isGivenUp) stage.trouble(CANCELLED, outOf(run));
}

// The same picture with other parameters: what a result asks for, and the way out of trouble.
async function again(run, changes) {
  const params = { ...run.params, ...changes };
  if ("region" in changes) run.picture.region = changes.region;
  settings.set(params);
  if (run.picture !== picture) await turnTo(run.picture);
  await start(run.picture, params);
}

// One after the other, as the service would have them wait anyway.
async function all() {
  const { region, ...params } = settings.params();
  queue = strip.waiting();
  while (queue.length) {
    const next = queue.shift();
    if (next.run) continue; // it was started by hand meanwhile
    await start(next, next.region ? { ...params, region: next.region } : params);
  }
}

async function cancel() {
  queue = [];
  try {
    await picture.run?.cancel();
  } catch (error) {
    tell(error.message);
  }
}

async function drawRegion(kind) {
  if (!kind) return drew(null);
  if (!picture.blob) return tell(GONE);
  await picture.sharpen();
  if (!picture.seen) return tell("A region is drawn on the picture, which this browser cannot show.");
  settings.close();
  stage.preview(picture, kind);
}

function drew(region) {
  const before = picture.region;
  if (region !== undefined) picture.region = region;
  // Where all is as it was, the result that was looked at is there again.
  if (same(picture.region, before)) draw();
  else {
    settings.setRegion(picture.region);
    stage.preview(picture);
    say(wordsOf(picture.region));
  }
  at("stage").focus();
}

// From an address: a reload, a link, the way back

async function open(id) {
  const known = strip.pictures().find((each) => each.runs.has(id));
  if (!id || known) {
    if (known) known.run = known.runs.get(id);
    const next = known ?? (address.isOfPicture() && strip.waiting().at(-1));
    return next ? turnTo(next) : home();
  }
  // Who has gone on meanwhile is not called back.
  const before = picture;
  const isPast = () => address.jobInAddress() !== id || picture !== before;
  try {
    const [job, found] = [await json(`v1/jobs/${id}`), await kept(id)];
    if (isPast()) return;
    await resume(job, found ?? { name: job.image.filename ?? "picture", blob: null, params: job.params });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!isPast()) home(troubleOf(error, () => open(id)));
  }
}

async function resume(job, { name, blob, params }) {
  const shown = new Picture(name, blob, params.region);
  const run = new Run(shown, params, told);
  shown.run = run;
  settings.set(params);
  strip.put(shown);
  const showing = turnTo(shown).then(() => inspect(shown));
  await Promise.all([run.resume(job), showing]);
  if (shown !== picture || shown.run !== run || run.problem) return;
  draw();
  if (run.succeeded) say(FOUND);
  else stage.trouble(CANCELLED, outOf(run));
}

async function begin() {
  listenForFiles(take, tell);
  showSamples(at("samples"), take);
  at("choose").addEventListener("click", pickFiles);
  at("paste").addEventListener("click", () => pasteFiles(take, tell));
  at("skip").addEventListener("click", () => (at("work").hidden ? at("choose") : at("stage")).focus());
  address.onOtherAddress(open);
  try {
    settings.know(await json("v1/algorithms"));
    if (address.jobInAddress()) await open(address.jobInAddress());
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    home(troubleOf(error, () => location.reload()));
  }
}

begin();
