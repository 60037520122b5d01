// Pages that a first visit does not load: they come when they are opened.
import { fill, h } from "./dom.js";
import { failureNotice, skeleton } from "./parts.js";

/** The page `name` of the part that `load` loads. Should it not come, there are words, a button, and another try when the tab wakes. */
export function pageOf(load, name, app) {
  const element = h("div");
  let page = null;
  let isLeft = false;
  let isAsking = false;
  let failures = 0;

  async function open() {
    if (isAsking) return;
    isAsking = true;
    let part;
    if (!failures) fill(element, skeleton("row", "row", "row"));
    try {
      ({ part } = await load());
    } catch {
      failed();
      return;
    } finally {
      isAsking = false;
    }
    if (isLeft) return;
    page = part.pages[name](app);
    fill(element, page.element);
    page.start?.();
  }

  /** A second failure with a connection is a version that is no longer there: what is there now is named by the address. */
  function failed() {
    failures += 1;
    if (isLeft) return;
    if (failures > 1 && navigator.onLine) location.reload();
    else fill(element, failureNotice({ kind: "network" }, app, { retry: open, large: true }));
  }

  return {
    element,
    start: open,
    wake: () => (page ? page.wake?.() : open()),
    stop() {
      isLeft = true;
      page?.stop?.();
    },
  };
}
