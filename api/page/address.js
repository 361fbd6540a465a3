// Which job is looked at stands in the page's address: a reload, a bookmark and the way back all lead to it.

const FORM = /^#\/jobs\/([0-9A-Za-z-]+)$/;
// What stands in the browser's history with the address of a picture that has no job yet.
const WITHOUT_JOB = { picture: true };

export const jobInAddress = () => FORM.exec(location.hash)?.[1] ?? null;

// Whether a picture without a job is meant, and not the beginning.
export const isOfPicture = () => Boolean(history.state?.picture);

export function putInAddress(id) {
  if (jobInAddress() === id) return;
  if (id) history.pushState(null, "", `#/jobs/${id}`);
  else history.pushState(WITHOUT_JOB, "", beginning());
}

// The job of the picture that is looked at: nobody wants to come back to where it had none.
export function putJobInAddress(id) {
  if (isOfPicture()) history.replaceState(null, "", `#/jobs/${id}`);
  else putInAddress(id);
}

export function putBeginningInAddress() {
  if (isOfPicture()) history.replaceState(null, "", beginning());
  else if (jobInAddress()) history.pushState(null, "", beginning());
}

const beginning = () => location.pathname + location.search;

// By the browser's own buttons, or by hand.
export const onOtherAddress = (look) => window.addEventListener("popstate", () => look(jobInAddress()));
