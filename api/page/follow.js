// A job's events as they happen, over server-sent events. By fetch, since an EventSource sends no key and tells no
// reason; what the standard has one do, coming back with the last event's id, is done here.

import { ask, json, Problem, UNREACHABLE } from "./api.js";

export const ENDED = ["succeeded", "failed", "cancelled"];
// A comment comes every 15 seconds: a connection that is silent for longer is none.
const SILENT_MS = 40_000;
const ASK_POSITION_MS = 2000;
const AGAIN_AFTER_MS = 2000;
const [AWAY, BACK] = ["away", "back"];
// Too many requests, or nobody there who could answer: this passes by itself. The job goes on meanwhile.
const PASSING = [429, 502, 503, 504];
const MOST_PAUSE_MS = 60_000;

// The job at its end. `tell` hears {status, stage, fraction, position, away}. Raises Problem: for a job that is gone.
export async function follow(job, tell, signal) {
  // A stage is told by the one who runs it: before, it is no more than the status again.
  const stage = job.status === "running" ? job.progress : {};
  let seen = { status: job.status, position: job.queue_position, away: false, ...stage };
  const told = (news) => {
    seen = { ...seen, ...news };
    tell(seen);
  };
  told({});
  const asking = setInterval(async () => {
    if (seen.status !== "queued" || seen.away) return;
    const now = await json(job.links.self, { signal }).catch(() => null); // the events will tell what is wrong
    if (now && seen.status === "queued") told({ position: now.queue_position });
  }, ASK_POSITION_MS);
  try {
    for await (const { name, data } of events(job.links.events, signal)) told({ ...data, away: name === AWAY });
  } finally {
    clearInterval(asking);
  }
  return ended(job.links.self, () => told({ away: true }), signal);
}

// The job with its result, as soon as the service can tell it.
async function ended(href, away, signal) {
  for (;;) {
    try {
      return await json(href, { signal });
    } catch (error) {
      if (!passes(error)) throw error;
      away();
      await rest(error, AGAIN_AFTER_MS, signal);
    }
  }
}

const passes = (error) => error instanceof Problem && (error.code === UNREACHABLE || PASSING.includes(error.status));

// As long as the service asks for, at least `pause`.
async function rest({ retryAfter = 0 }, pause, signal) {
  await new Promise((over) => setTimeout(over, Math.min(Math.max(pause, 1000 * retryAfter), MOST_PAUSE_MS)));
  signal?.throwIfAborted();
}

// {name, data} of each event to the last; AWAY while there is no connection, BACK when there is one.
async function* events(href, signal) {
  let [last, pause, over] = ["", AGAIN_AFTER_MS, false];
  for (;;) {
    let reason = {};
    try {
      for await (const event of once(href, last, signal)) {
        pause = event.retry ?? pause;
        last = event.id ?? last;
        if (event.name) yield event;
        over ||= event.over || ENDED.includes(event.name);
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof Problem && !passes(error)) throw error;
      reason = error; // or the connection has broken off
    }
    if (over) return;
    yield { name: AWAY };
    await rest(reason, pause, signal);
  }
}

// The events of one connection, as long as it lasts.
async function* once(href, last, signal) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENT_MS);
  const headers = last ? { "Last-Event-ID": last } : {};
  try {
    const either = AbortSignal.any([silence.signal, ...(signal ? [signal] : [])]);
    const answer = await ask(href, { headers, signal: either });
    // The next event may be long in coming.
    yield answer.status === 204 ? { over: true } : { name: BACK };
    const reader = (answer.body ?? new Blob().stream()).pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENT_MS);
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      yield* blocks.map(eventOf);
    }
  } finally {
    clearTimeout(timer);
    silence.abort(); // closes the connection of whoever stopped listening
  }
}

// A block of lines as the HTML standard has them, section 9.2.6; comments are passed over.
function eventOf(block) {
  const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s, 2)));
  return {
    id: fields.id,
    name: fields.event,
    data: fields.data && JSON.parse(fields.data),
    retry: fields.retry && Number(fields.retry),
  };
}
