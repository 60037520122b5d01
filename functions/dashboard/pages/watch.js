// When to look again: every second at first, for ten minutes often enough to see what is new within two seconds, then
// seldom; at once when the person comes back.

/** Until so long after the start (ms): so much time from one look to the next (ms). */
const PACES = [
  { until: 30_000, pause: 1000 },
  { until: 600_000, pause: 1300 },
  { until: Infinity, pause: 15_000 },
];

/** Calls `look` again and again while `isNeeded()` and the page can be seen. */
export function watch({ isNeeded, look }) {
  let started = 0;
  let running = false;
  let timer = null;

  function next(spent = 0) {
    clearTimeout(timer);
    timer = null;
    if (!running || !isNeeded() || document.visibilityState !== "visible") return;
    const { pause } = PACES.find(({ until }) => performance.now() - started < until);
    timer = setTimeout(async () => {
      const before = performance.now();
      await look();
      next(performance.now() - before);
    }, Math.max(pause - spent, pause / 4));
  }

  return {
    /** Starts, or starts over with short pauses. */
    start() {
      started = performance.now();
      running = true;
      next();
    },
    stop() {
      running = false;
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
