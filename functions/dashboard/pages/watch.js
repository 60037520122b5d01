// When to look again: often at first, ever more seldom, at once when the person comes back.

const PAUSES_MS = [1500, 2000, 3000, 4000, 6000, 10_000, 15_000, 30_000];

/** Calls `look` again and again while `isNeeded()` and the page can be seen. */
export function watch({ isNeeded, look }) {
  let round = 0;
  let timer = null;

  const next = () => {
    clearTimeout(timer);
    timer = null;
    if (!isNeeded() || document.visibilityState !== "visible") return;
    timer = setTimeout(async () => {
      await look();
      next();
    }, PAUSES_MS[Math.min(round, PAUSES_MS.length - 1)]);
    round += 1;
  };

  return {
    /** Starts, or starts over with short pauses. */
    start() {
      round = 0;
      next();
    },
    stop() {
      clearTimeout(timer);
      timer = null;
    },
  };
}

/** Calls `back` when the page is seen, focused, shown from the cache or online again; once for events that come together. */
export function onWake(back) {
  let asked = false;
  const once = () => {
    if (asked || document.visibilityState !== "visible") return;
    asked = true;
    setTimeout(() => { asked = false; back(); }, 50);
  };
  document.addEventListener("visibilitychange", once);
  addEventListener("focus", once);
  addEventListener("pageshow", (event) => { if (event.persisted) once(); });
  addEventListener("online", once);
}
