// Billing > Statements: what a month comes to, to read and to print.
import { getStatement } from "./api.js";
import { channelName, knowNames } from "./channels.js";
import { announce, fill, h } from "./dom.js";
import { has, monthAndYear, number, t } from "./language.js";
import { lastMonths } from "./months.js";
import { failureNotice, notice, skeleton } from "./parts.js";
import { organisation } from "./session.js";
import { address } from "./settings.js";

/** This month and two years of those before it. */
const SHOWN_MONTHS = 25;
/** As credits come and go; a kind that is not known here comes behind them, by its own name. */
const KINDS = ["top_up", "debit", "reversal", "refund", "refund_undone", "dispute", "dispute_undone", "adjustment"];

export function statementsPage(app) {
  const months = lastMonths(SHOWN_MONTHS);
  const asked = new URLSearchParams(location.search).get("month");
  const select = h("select.input", { id: "statement-month", "data-key": "statement-month", onchange: choose },
    months.map((month) => h("option", { value: month, selected: month === asked }, monthAndYear(month))));
  const print = h("button.button", { type: "button", "data-key": "print", onclick: () => window.print() }, t("statement.print"));
  const content = h("div");
  const element = h("div.stack", {},
    h("div.statement-form", {}, h("label", { for: "statement-month" }, t("statement.month")), select, print),
    content);
  let turn = 0;

  function choose() {
    history.replaceState(null, "", address(`/billing/statements?month=${select.value}`));
    load();
  }

  /** A later choice wins over a slow answer. */
  async function load() {
    const mine = (turn += 1);
    const month = select.value;
    fill(content, skeleton("row", "row", "row", "row"));
    try {
      const statement = await getStatement(month);
      await knowNames(Object.keys(statement.by_channel));
      if (mine !== turn) return;
      fill(content, card(statement));
      announce(t("statement.shown", { month: monthAndYear(month) }));
    } catch (failure) {
      if (!failure.kind) throw failure;
      if (mine !== turn) return;
      if (failure.code === "statement_not_ready") fill(content, notice({ tone: "plain", icon: "clock", title: t("statement.notReady.title"), text: t("statement.notReady.text"), large: true }));
      else fill(content, failureNotice(failure, app, { retry: load, large: true }));
    }
  }

  return { element, start: load };
}

function card(statement) {
  const month = monthAndYear(statement.month);
  return h("section.card.statement", { "aria-labelledby": "statement-title" },
    h("h2.card-title", { id: "statement-title" }, t("statement.title", { month })),
    h("p.muted.statement-org", {}, organisation()),
    h("p.hint", {}, t(statement.final ? "statement.final" : "statement.notFinal")),
    credits(statement, month),
    Object.keys(statement.by_channel).length > 0 && channels(statement),
    statement.top_ups.length > 0 && [h("h3", {}, t("statement.invoices")), h("p.statement-invoices", {}, statement.top_ups.join(", "))]);
}

function credits({ opening, by_kind: kinds, closing }, month) {
  const names = [...KINDS.filter((kind) => kinds[kind]), ...Object.keys(kinds).filter((kind) => !KINDS.includes(kind))];
  const line = (name, count, amount) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, count), h("td", {}, number(amount)));
  return h("table.usage-table", {},
    h("caption.visually-hidden", {}, t("statement.title", { month })),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("statement.what")), h("th", { scope: "col" }, t("statement.entries")), h("th", { scope: "col" }, t("statement.credits")))),
    h("tbody", {},
      line(t("statement.opening"), "", opening),
      names.map((kind) => line(kindName(kind), number(kinds[kind].entries), kinds[kind].credits))),
    h("tfoot", {}, line(t("statement.closing"), "", closing)));
}

function channels({ by_channel: channels }) {
  const withUnits = Object.values(channels).some(({ messages, units = messages }) => units !== messages);
  const line = ([channel, { messages, units = messages, credits }]) => h("tr", {},
    h("th", { scope: "row" }, channelName(channel)), h("td", {}, number(messages)), withUnits && h("td", {}, number(units)), h("td", {}, number(credits)));
  return h("table.usage-table", {},
    h("caption.visually-hidden", {}, t("statement.channels")),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("statement.channel")), h("th", { scope: "col" }, t("statement.messages")), withUnits && h("th", { scope: "col" }, t("statement.units")), h("th", { scope: "col" }, t("statement.used")))),
    h("tbody", {}, Object.entries(channels).map(line)));
}

function kindName(kind) {
  return has(`statement.kind.${kind}`) ? t(`statement.kind.${kind}`) : kind.replaceAll("_", " ");
}
