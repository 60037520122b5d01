// A month's entries as one CSV file.
import { wholeCsv, save } from "./csv.js";
import { announce, fill, h } from "./dom.js";
import { dateAndTime, monthAndYear, t } from "./language.js";
import { lastMonths } from "./months.js";
import { failureNotice, working } from "./parts.js";

/** This month and a year of those before it. */
const SHOWN_MONTHS = 13;

export function exportCard(app) {
  const months = h("select.input", { id: "export-month", "data-key": "export-month" },
    lastMonths(SHOWN_MONTHS).map((month) => h("option", { value: month }, monthAndYear(month))));
  const outcome = h("div.hint.export-outcome");
  const button = h("button.button", { type: "button", "data-key": "export", onclick: download }, t("export.download"));

  async function download() {
    if (button.getAttribute("aria-disabled")) return;
    const month = months.value;
    fill(outcome);
    const reset = working(button, t("export.working", { part: 1 }));
    const tell = (part) => { button.lastChild.textContent = t("export.working", { part }); };
    try {
      const { file, isFinal, finalFrom } = await wholeCsv("entries", { month }, tell);
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
