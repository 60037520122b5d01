// The live price of an amount: shown at once where it is known, asked after a short pause, late answers ignored.
import { getQuote } from "./api.js";
import { multiply } from "./money.js";

const TYPING_PAUSE_MS = 220;
/** A price that was asked for ahead is shown for so long; what is paid is compared by the server in any case. */
const AHEAD_MS = 60_000;

let ahead = null;

/** Asks for the first price while there is nothing else to do, so that the dialog opens with it. */
export function askAhead() {
  ahead ??= { at: Date.now(), quote: getQuote().catch(() => null) };
}

/** The first price, for once from what was asked ahead. */
async function firstQuote() {
  const asked = ahead;
  ahead = null;
  const fresh = asked && navigator.onLine && Date.now() - asked.at < AHEAD_MS;
  return (fresh && (await asked.quote)) || getQuote();
}

/** `changed` is called with every new state: {credits, quote?, subtotal?, failure?}; only `quote` may be paid. */
export function liveQuote(changed) {
  const known = new Map();
  let latest = null; // the newest quote, for limits and the unit price
  let asked = 0;
  let timer = null;

  function remember(quote) {
    known.set(quote.credits, quote);
    latest = quote;
  }

  async function fetchNow(credits, turn) {
    try {
      const quote = await (credits ? getQuote(credits) : firstQuote());
      remember(quote);
      if (turn === asked) changed({ credits: quote.credits, quote });
      return quote;
    } catch (failure) {
      if (turn === asked) changed({ credits, failure });
      return null;
    }
  }

  return {
    get latest() {
      return latest;
    },
    known: (credits) => known.get(credits),
    /** A price the server named by itself; all older ones are forgotten. */
    replace(quote) {
      known.clear();
      remember(quote);
      asked += 1;
      changed({ credits: quote.credits, quote });
    },
    /** Nothing is wanted now: whatever still comes is ignored. */
    forget() {
      clearTimeout(timer);
      asked += 1;
    },
    ask(credits, { typing = false } = {}) {
      clearTimeout(timer);
      const turn = (asked += 1);
      if (known.has(credits)) return changed({ credits, quote: known.get(credits) });
      changed({ credits, subtotal: latest && credits ? multiply(latest.unit_price, credits) : null });
      timer = setTimeout(() => fetchNow(credits, turn), typing ? TYPING_PAUSE_MS : 0);
    },
    /** The quote of `credits` for paying now; null when it can't be had. */
    async now(credits) {
      clearTimeout(timer);
      return known.get(credits) ?? fetchNow(credits, (asked += 1));
    },
  };
}
