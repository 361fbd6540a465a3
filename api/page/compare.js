// A result that stays, beside which the next ones stand.

import { element, say } from "./element.js";
import { show, titleOf } from "./show.js";

// `ask(run, changes)`: another job on the pinned one's picture.
export function makeCompare(place, { ask, changed }) {
  let [pinned, shown] = [null, null];

  function unpin() {
    shown?.then((result) => result.close());
    [pinned, shown] = [null, null];
    place.replaceChildren();
    place.hidden = true;
    changed();
    say("Nothing is pinned any more.");
  }

  function pin(run) {
    shown?.then((result) => result.close());
    pinned = run;
    const inside = element("div", { class: "result" });
    const title = element("p", { class: "title" }, element("b", {}, run.picture.name), ` ${titleOf(run)}`);
    place.replaceChildren(
      element("div", { class: "head" }, title, element("button", { type: "button", onclick: unpin }, "Unpin")),
      inside,
    );
    place.hidden = false;
    changed();
    say("Pinned. The next result stands beside it.");
    shown = show(inside, run, (changes) => ask(run, changes));
  }

  return { pin, isPinned: (run) => Boolean(run) && pinned === run };
}
