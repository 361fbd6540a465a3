// A result that stays, beside which the next ones stand.

import { element, say } from "./element.js";
import { named } from "./preview.js";
import { show, titleOf } from "./show.js";
import { troubleOf } from "./trouble.js";

// `ask(run, changes)`: another job on the pinned one's picture; `changed` hears that there is another one, or none.
// `offer(run)` gives the button that pins it.
export function makeCompare(place, { ask, changed }) {
  let [pinned, shown, offered] = [null, null, null];
  const offering = element("button", { type: "button", onclick: () => pin(offered) }, "Pin to compare");

  function offer(run) {
    offered = run;
    offering.disabled = run === pinned;
    return offering;
  }

  function unpin() {
    shown?.then((result) => result.close());
    [pinned, shown] = [null, null];
    place.replaceChildren();
    place.hidden = true;
    offer(offered);
    changed();
    say("Nothing is pinned any more.");
  }

  function pin(run) {
    shown?.then((result) => result.close());
    pinned = run;
    const inside = element("div", { class: "result" });
    const title = element("p", { class: "title" }, named(run.picture, titleOf(run)));
    place.replaceChildren(
      element("div", { class: "head" }, title, element("button", { type: "button", onclick: unpin }, "Unpin")),
      inside,
    );
    place.hidden = false;
    offer(offered);
    changed();
    say("Pinned. The next result stands beside it.");
    shown = show(inside, run, (changes) => ask(run, changes)).catch((error) => {
      inside.append(troubleOf(error));
      return { close() {} };
    });
  }

  return { offer };
}
