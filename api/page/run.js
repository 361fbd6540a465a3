// One run: a picture is posted, its job followed to the end. Where that stands, `tell` hears of each change.

import { Problem } from "./api.js";
import { ENDED, follow } from "./follow.js";
import { keep } from "./keep.js";
import { cancel, post } from "./post.js";

const ENDED_ALREADY = 409;

export class Run {
  #given = new AbortController();

  // `before`: the last run on the picture that succeeded, which is looked at until this one does.
  constructor(picture, params, tell, before = null) {
    Object.assign(this, { picture, params, tell, before, job: null, problem: null, ended: false, isGivenUp: false });
    this.seen = { status: "sending", fraction: 0, begun: performance.now() };
  }

  // To the end, whatever that is.
  async start() {
    await this.#until(async (signal) => {
      this.job = await post(this.picture, this.params, { sent: (fraction) => this.#see({ fraction }), signal });
      keep(this.job.id, this.picture, this.params);
      this.tell(this);
      await this.#toTheEnd(signal);
    });
  }

  // From wherever a job is that was posted before.
  async resume(job) {
    this.job = job;
    this.seen.status = job.status;
    await this.#until((signal) => this.#toTheEnd(signal));
  }

  // Here: others may cancel it too. Raises Problem.
  async cancel() {
    this.isGivenUp = true;
    if (!this.job) return this.#given.abort();
    try {
      await cancel(this.job);
    } catch (error) {
      if (error.status !== ENDED_ALREADY) throw error; // else its events tell how
    }
  }

  // Nobody looks any more; the job goes on.
  leave() {
    this.#given.abort();
  }

  async #toTheEnd(signal) {
    if (!ENDED.includes(this.job.status)) this.job = await follow(this.job, (seen) => this.#see(seen), signal);
    const { error, expired } = this.job;
    if (error && this.job.status === "failed") throw new Problem(error.code, error.message);
    if (expired) throw new Problem("expired", expired.detail);
  }

  async #until(done) {
    try {
      await done(this.#given.signal);
    } catch (error) {
      if (error instanceof Problem) this.problem = error;
      else if (error.name !== "AbortError") throw error;
    } finally {
      this.ended = true;
      this.tell(this);
    }
  }

  get succeeded() {
    return this.ended && !this.problem && this.job?.status === "succeeded";
  }

  // The run whose result is there to be looked at, if one is: not beside a run that was cancelled, and of which
  // nothing is told.
  get shown() {
    if (this.succeeded) return this;
    return this.ended && !this.problem ? null : this.before;
  }

  #see(seen) {
    this.seen = { ...this.seen, ...seen };
    this.tell(this);
  }
}
