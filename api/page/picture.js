// A picture that was chosen, and what has become of it.

import { refusal, unreadable } from "./limits.js";
import { look, thumbnail } from "./preview.js";

const THUMBNAIL = 72;

export class Picture {
  #looking = null;

  // `blob`: null where this browser does not have it any more.
  constructor(name, blob, region = null) {
    Object.assign(this, { name, blob, region, seen: null, problem: null, inspected: false, thumbnail: null });
    Object.assign(this, { run: null, runs: new Map() });
  }

  // What can be known of it before it is sent.
  async inspect() {
    if (!this.blob) return;
    await this.sharpen();
    this.problem = (await unreadable(this.blob)) ?? (await refusal(this.blob, this.seen));
    this.inspected = true;
  }

  // Have its pixels, reduced, to be shown. Who asks meanwhile waits for the same.
  async sharpen() {
    if (this.seen?.bitmap || !this.blob) return;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    await this.#looking;
  }

  async #look() {
    this.seen = await look(this.blob);
    if (this.seen) this.thumbnail ??= thumbnail(this.seen.bitmap, THUMBNAIL);
  }

  // What is not looked at needs no pixels.
  forget() {
    this.seen?.bitmap?.close();
    if (this.seen) this.seen.bitmap = null;
  }
}
