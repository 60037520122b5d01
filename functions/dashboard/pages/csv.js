// One CSV file of a list, however many answers the API gives it in.
import { getCsv } from "./api.js";
import { h } from "./dom.js";

const TRIES = 3;
/** What the server asks for is kept to, up to this. */
const LONGEST_WAIT_SECS = 60;
/** A header is far shorter. */
const HEADER_BYTES = 1024;

/** All parts under the header of the first one, `tell` being told which is read; final only where each part was. */
export async function wholeCsv(list, query, tell) {
  const parts = [];
  let isFinal = true;
  let part = {};
  do {
    if (parts.length > 0) tell(parts.length + 1);
    part = await patiently(() => getCsv(list, query, part.next));
    parts.push(parts.length > 0 ? await withoutHeader(part.csv) : part.csv);
    isFinal &&= part.isFinal;
  } while (part.next);
  return { file: new Blob(parts, { type: "text/csv;charset=utf-8" }), isFinal, finalFrom: part.finalFrom };
}

/** A long export must not end by one call that failed. */
async function patiently(call) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await call();
    } catch (failure) {
      if (!failure.unclear || tried === TRIES) throw failure;
      if (failure.tooMany) await new Promise((done) => setTimeout(done, Math.min(failure.retryAfterSecs || 1, LONGEST_WAIT_SECS) * 1000));
    }
  }
}

async function withoutHeader(csv) {
  const begin = new Uint8Array(await csv.slice(0, HEADER_BYTES).arrayBuffer());
  return csv.slice(begin.indexOf("\n".charCodeAt(0)) + 1);
}

export function save(file, name) {
  const href = URL.createObjectURL(file);
  h("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
