// Creates a top-up once per decision: a try that ended unclear is sent again under the same key.
import { createTopUp, getTopUp } from "./api.js";

const ATTEMPT = "saldo.attempt";
const OVER_WITHOUT_MONEY = ["canceled", "expired"];
const PREPARING_PAUSES_MS = [400, 600, 1000, 1500, 2000, 3000, 3000, 3000];

/** The top-up for what was quoted; one that failed says why. Throws ApiFailure. */
export async function purchase(quote) {
  const body = {
    credits: quote.credits,
    expected_total: { currency: quote.total.currency, minor_units: quote.total.minor_units },
  };
  const topUp = await attempt(body);
  return OVER_WITHOUT_MONEY.includes(topUp.status) ? attempt(body) : topUp;
}

/** With an answer, whatever it says, this decision is over: the next one has a key of its own. */
async function attempt(body) {
  const content = JSON.stringify(body);
  const key = keyFor(content);
  try {
    const topUp = await createTopUp(body, key);
    sessionStorage.removeItem(ATTEMPT);
    return topUp;
  } catch (failure) {
    if (!failure.unclear && failure.kind !== "session") sessionStorage.removeItem(ATTEMPT);
    throw failure;
  }
}

function keyFor(content) {
  const kept = JSON.parse(sessionStorage.getItem(ATTEMPT) ?? "null");
  if (kept?.content === content) return kept.key;
  const key = crypto.randomUUID();
  sessionStorage.setItem(ATTEMPT, JSON.stringify({ content, key }));
  return key;
}

/** Waits a while for the payment page of a top-up that is still being prepared; the newest top-up either way. */
export async function prepared(topUp) {
  let newest = topUp;
  for (const pause of PREPARING_PAUSES_MS) {
    if (newest.pay_url || (newest.status && newest.status !== "requested" && newest.status !== "open")) break;
    await new Promise((resolve) => setTimeout(resolve, pause));
    newest = await getTopUp(topUp.id).catch(() => newest);
  }
  return newest;
}
