// The price of a top-up line by line; what is not known yet is shown as not known.
import { fill, h } from "./dom.js";
import { money, number, percent, t } from "./language.js";

/** `element` has the lines; `total` stands apart, so that it can always be in view. */
export function breakdown() {
  const list = h("dl.breakdown");
  const total = h("dl.breakdown.total");
  let last = null; // the unit price and the tax rate stay true while another amount is typed
  const element = h("div.price", { "aria-busy": "true" }, list);

  /** `now` is {credits, quote?, subtotal?}, or null while nothing valid is chosen. */
  function show(now) {
    const quote = now?.quote;
    last = quote ?? last;
    const subtotal = quote?.subtotal ?? now?.subtotal;
    element.setAttribute("aria-busy", String(Boolean(now) && !quote));
    total.classList.remove("changed");
    const base = last?.tax.base;
    fill(list,
      row(t("quote.credits"), now && number(now.credits)),
      row(t("quote.unitPrice"), last && money(last.unit_price), now),
      row(t("quote.subtotal"), subtotal && money(subtotal), now),
      base && row(t("quote.otherBase", { base }), quote && money(quote.tax.other_base), now),
      row(last ? `${last.tax.name} (${percent(last.tax.rate_percent)})` : t("quote.tax"), quote && money(quote.tax.amount), now));
    fill(total, row(t("quote.total"), quote && money(quote.total), now));
  }

  show(null);
  element.setAttribute("aria-busy", "true");
  return { element, total, show, highlight: () => total.classList.add("changed") };
}

function row(name, value, coming) {
  const shown = value || (coming ? h("span.pending-value", {}, t("quote.updating")) : "–");
  return h("div", {}, h("dt", {}, name), h("dd", {}, shown));
}
