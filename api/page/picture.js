// A picture that was chosen, and what has become of it.

import { refusal } from "./limits.js";
import { look, thumbnail } from "./preview.js";

const THUMBNAIL = 72;

export class Picture {
  // `blob`: null where this browser does not have it any more.
  constructor(name, blob, region = null) {
    Object.assign(this, { name, blob, region, seen: null, problem: null, inspected: false, thumbnail: null });
    Object.assign(this, { run: null, runs: new Map() });
  }

  // What can be known of it before it is sent.
  async inspect() {
    if (!this.blob) return;
    await this.sharpen();
    if (this.seen) this.thumbnail ??= thumbnail(this.seen.bitmap, THUMBNAIL);
    this.problem = await refusal(this.blob, this.seen);
    this.inspected = true;
  }

  // Have its pixels, reduced, to be shown.
  async sharpen() {
    if (!this.seen?.bitmap && this.blob) this.seen = await look(this.blob);
  }

  // What is not looked at needs no pixels.
  forget() {
    this.seen?.bitmap?.close();
    if (this.seen) this.seen.bitmap = null;
  }
}
