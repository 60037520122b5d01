// A month's entries as one CSV file, however many answers the API gives it in.
import { getEntriesAsCsv } from "./api.js";
import { announce, fill, h } from "./dom.js";
import { dateAndTime, monthAndYear, t } from "./language.js";
import { failureNotice, working } from "./parts.js";

/** This month and a year of those before it. */
const SHOWN_MONTHS = 13;
const TRIES = 3;
/** What the server asks for is kept to, up to this. */
const LONGEST_WAIT_SECS = 60;
/** A header is far shorter. */
const HEADER_BYTES = 1024;

export function exportCard(app) {
  const months = h("select.input", { id: "export-month", "data-key": "export-month" },
    lastMonths().map((month) => h("option", { value: month }, monthAndYear(month))));
  const outcome = h("div.hint.export-outcome");
  const button = h("button.button", { type: "button", "data-key": "export", onclick: download }, t("export.download"));

  async function download() {
    if (button.getAttribute("aria-disabled")) return;
    const month = months.value;
    fill(outcome);
    const reset = working(button, t("export.working", { part: 1 }));
    const tell = (part) => { button.lastChild.textContent = t("export.working", { part }); };
    try {
      const { file, isFinal, finalFrom } = await wholeMonth(month, tell);
      save(file, `saldo-entries-${month}${isFinal ? "" : "-not-final"}.csv`);
      const words = t(isFinal ? "export.final" : "export.notFinal", { month: monthAndYear(month), date: dateAndTime(finalFrom) });
      fill(outcome, words);
      announce(words);
    } catch (failure) {
      if (!failure.kind) throw failure;
      fill(outcome, failureNotice(failure, app, { retry: download }));
    } finally {
      reset();
    }
  }

  return h("section.card.export-card", { "aria-labelledby": "export-title" },
    h("h2.card-title", { id: "export-title" }, t("export.title")),
    h("p.hint", {}, t("export.text")),
    h("div.export-form", {}, h("label", { for: "export-month" }, t("export.month")), months, button),
    outcome);
}

/** All parts under the header of the first one. The month is final only where each part was. */
async function wholeMonth(month, tell) {
  const parts = [];
  let isFinal = true;
  let part = {};
  do {
    if (parts.length > 0) tell(parts.length + 1);
    part = await patiently(() => getEntriesAsCsv(month, part.next));
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

function save(file, name) {
  const href = URL.createObjectURL(file);
  h("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/** The newest first, in UTC as the API keeps them: "2026-11". */
function lastMonths() {
  const now = new Date();
  return Array.from({ length: SHOWN_MONTHS }, (_, ago) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - ago)).toISOString().slice(0, 7));
}
