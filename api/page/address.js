// Which job is looked at stands in the page's address: a reload, a bookmark and the way back all lead to it.

const FORM = /^#\/jobs\/([0-9A-Za-z-]+)$/;

export const jobInAddress = () => FORM.exec(location.hash)?.[1] ?? null;

export function putInAddress(id) {
  if (jobInAddress() === id) return;
  const address = id ? `#/jobs/${id}` : location.pathname + location.search;
  history.pushState(null, "", address);
}

// By the browser's own buttons, or by hand.
export const onOtherAddress = (look) => window.addEventListener("popstate", () => look(jobInAddress()));
