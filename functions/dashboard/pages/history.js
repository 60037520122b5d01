// Billing > History: every top-up, newest first.
import { listTopUps } from "./api.js";
import { adviceOn } from "./declines.js";
import { announce, fill, h, icon } from "./dom.js";
import { date, dateAndTime, has, money, number, t } from "./language.js";
import { confirmCancel, payLink, paymentOf } from "./open-top-up.js";
import { draft } from "./memory.js";
import { exportCard } from "./export.js";
import { failureNotice, notice, skeleton, statusWord, webAddress, working } from "./parts.js";
import { may } from "./session.js";
import { address } from "./settings.js";
import { trailButton } from "./trail.js";
import { reviewWords } from "./settling.js";
import { watch } from "./watch.js";

const FILTERS = [null, "requested", "open", "paid", "canceled", "expired", "in_review", "failed"];
const PAGE_SIZE = 20;

export function historyPage(app) {
  const filters = h("div.filters", { role: "group", "aria-label": t("history.filter") });
  const content = h("div");
  const more = h("div.more");
  const exporting = exportCard(app);
  const asked = new URLSearchParams(location.search).get("status");
  const state = { status: FILTERS.includes(asked) ? asked : null, topUps: [], cursor: null, turn: 0, failed: false };
  const watcher = watch({ isNeeded: () => isFirstPage() && state.topUps.some(isWaiting), look: () => load({ quietly: true }) });
  const isFirstPage = () => state.topUps.length <= PAGE_SIZE;
  exporting.hidden = true;
  const element = h("div.stack", {}, h("h2.visually-hidden", {}, t("history.title")), filters, content, more, exporting);

  function choose(status) {
    state.status = status;
    history.replaceState(null, "", address(status ? `/billing/history?status=${status}` : "/billing/history"));
    drawFilters();
    load();
  }

  /** Loads from the newest on; a later choice wins over a slow answer. */
  async function load({ quietly = false } = {}) {
    const turn = (state.turn += 1);
    if (!quietly) {
      fill(content, skeleton("row", "row", "row", "row"));
      fill(more);
    }
    try {
      const page = await listTopUps({ status: state.status, limit: PAGE_SIZE });
      if (turn !== state.turn) return;
      const before = state.topUps;
      Object.assign(state, { topUps: page.top_ups, cursor: page.next_cursor, failed: false });
      if (JSON.stringify(before) !== JSON.stringify(page.top_ups) || !quietly) draw();
      if (quietly) return announcePaid(before, page.top_ups);
      announce(t("history.shown", { count: number(state.topUps.length) }));
      watcher.start();
    } catch (failure) {
      if (!failure.kind) throw failure;
      if (quietly && failure.unclear) return;
      if (turn !== state.turn) return;
      state.failed = true;
      fill(content, failureNotice(failure, app, { retry: () => load(), large: !quietly }));
    }
  }

  async function loadMore(button) {
    if (button.getAttribute("aria-disabled")) return;
    const turn = state.turn;
    const reset = working(button, t("loading"));
    try {
      const page = await listTopUps({ status: state.status, cursor: state.cursor, limit: PAGE_SIZE });
      if (turn !== state.turn) return;
      state.topUps = state.topUps.concat(page.top_ups);
      state.cursor = page.next_cursor;
      draw();
      announce(t("history.shown", { count: number(state.topUps.length) }));
    } catch (failure) {
      reset();
      if (!failure.kind) throw failure;
      fill(more, failureNotice(failure, app, { retry: () => { drawMore(); loadMore(more.querySelector("button")); } }));
    }
  }

  function drawFilters() {
    if (state.topUps.length === 0 && !state.status) return fill(filters);
    fill(filters, FILTERS.map((status) => h("button.chip", {
      type: "button",
      "aria-pressed": String(status === state.status),
      "data-key": `filter-${status}`,
      onclick: () => choose(status),
    }, t(status ? `status.${status}` : "history.all"))));
  }

  function draw() {
    drawFilters();
    exporting.hidden = state.topUps.length === 0 && !state.status;
    if (state.topUps.length === 0) fill(content, nothing(state.status, app, choose));
    else fill(content, table(state.topUps, { app, changed }));
    drawMore();
  }

  function drawMore() {
    const button = h("button.button", { type: "button", "data-key": "more", onclick: () => loadMore(button) }, t("history.more"));
    const end = state.topUps.length > PAGE_SIZE && h("p.muted", {}, t("history.end"));
    fill(more, state.cursor ? button : end);
  }

  /** Somebody went to pay, or tried to cancel. */
  async function changed(outcome) {
    if (outcome === "canceled") announce(t("cancel.done"));
    draw();
    await load({ quietly: true });
    watcher.start();
  }

  async function wake() {
    if (state.failed) return load();
    if (!isFirstPage()) return;
    await load({ quietly: true });
    watcher.start();
  }

  return { element, start: () => load(), wake, stop: () => watcher.stop() };
}

function isWaiting({ status }) {
  return status === "open" || status === "requested";
}

function announcePaid(before, now) {
  const waited = new Set(before.filter(isWaiting).map(({ id }) => id));
  const paid = now.find(({ id, status }) => status === "paid" && waited.has(id));
  if (paid) announce(t("history.nowPaid", { total: money(paid.total) }));
}

function nothing(status, app, choose) {
  if (status) {
    const all = h("button.button", { type: "button", onclick: () => choose(null) }, t("history.none.all"));
    return notice({ tone: "plain", icon: "receipt", title: t("history.none.status", { status: t(`status.${status}`) }), text: t("history.none.status.text"), actions: [all], large: true });
  }
  const topUpNow = () => {
    draft.write({ choice: null, text: "" });
    app.navigate("/billing/balance");
  };
  const topUp = h("button.button.primary", { type: "button", onclick: topUpNow }, t("balance.topUp"));
  return notice({ tone: "plain", icon: "receipt", title: t("history.none.title"), text: t("history.none.text"), actions: [topUp], large: true });
}

/** A table that becomes cards on a phone: its roles are spelled out, since the change of layout would drop them. */
function table(topUps, acts) {
  const columns = ["date", "status", "credits", "total", "invoice", "actions"];
  const head = columns.map((name) => h(`th.col-${name}`, { role: "columnheader", scope: "col" },
    name === "actions" ? h("span.visually-hidden", {}, t("history.actions")) : t(`history.${name}`)));
  return h("div.card.table-card", {}, h("table.table", { role: "table", "aria-label": t("history.title") },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    h("tbody", { role: "rowgroup" }, topUps.map((topUp) => row(topUp, acts)))));
}

function row(topUp, acts) {
  const cell = (name, ...content) => h(`td.col-${name}`, { role: "cell" }, h("span.cell-label", { "aria-hidden": "true" }, t(`history.${name}`)), content);
  return h("tr", { role: "row" },
    cell("date", h("time", { datetime: topUp.created_at }, dateAndTime(topUp.created_at))),
    cell("status", statusWord(topUp.status), remarks(topUp).map((words) => h("span.remark", {}, words))),
    cell("credits", number(topUp.credits)),
    cell("total", money(topUp.total)),
    cell("invoice", topUp.invoice_number ?? h("span.muted", {}, "–")),
    h("td.col-actions", { role: "cell" }, h("div.row-actions", {}, actions(topUp, acts))));
}

/** What there is to say beside the status: how it was paid, what went wrong, what went back. */
function remarks(topUp) {
  const { payment, refunded, disputed, failure, review } = topUp;
  return [
    topUp.paid_at && t("history.paidAt", { date: date(topUp.paid_at), method: methodName(payment?.method) }),
    topUp.status === "open" && paymentOf(topUp) && t(`${paymentOf(topUp)}.title`),
    topUp.status === "open" && !paymentOf(topUp) && topUp.payment_failure && adviceOn(topUp.payment_failure).text,
    failure?.detail,
    review && reviewWords(review),
    refunded && t("history.refunded", { amount: money(refunded.money), credits: number(refunded.credits) }),
    disputed && t(has(`history.disputed.${disputed.status}`) ? `history.disputed.${disputed.status}` : "history.disputed", { amount: money(disputed.money), credits: number(disputed.credits) }),
  ].filter(Boolean);
}

/** " · Bank transfer", or nothing where it is not known. */
function methodName(method) {
  if (!method) return "";
  return ` · ${has(`method.${method}`) ? t(`method.${method}`) : method.replaceAll("_", " ")}`;
}

function actions(topUp, { app, changed }) {
  const values = { total: money(topUp.total), credits: number(topUp.credits) };
  if (topUp.status === "open" || topUp.status === "requested") {
    const payment = paymentOf(topUp);
    const cancel = h("button.button.small", { type: "button", "data-key": `cancel-${topUp.id}`, "aria-label": t("history.cancelFor", values), onclick: () => confirmCancel(topUp, app, changed) }, t("open.cancel"));
    const options = { label: t("history.payFor", values), left: () => changed("paying") };
    return [
      webAddress(topUp.pay_url) && payment !== "clearing" && payLink(topUp, t(payment ? "expected.again" : "history.pay"), payment ? "button.small" : "button.primary.small", options),
      may("billing:subscribe") && cancel,
      trailButton(topUp, app),
    ];
  }
  return [
    topUp.payment && paper(topUp.payment.receipt_url, "history.receipt", topUp),
    topUp.status === "paid" && paper(topUp.invoice_pdf, "history.pdf", topUp),
    ...(topUp.credit_notes ?? []).map((note) => paper(note.pdf, "history.note", { invoice_number: note.number })),
    trailButton(topUp, app),
  ];
}

/** A link to a paper of this top-up. */
function paper(url, words, { invoice_number: invoice }) {
  const href = webAddress(url);
  if (!href) return null;
  const label = `${t(words)} ${invoice ?? ""} ${t("opensNewTab")}`;
  return h("a.pdf", { href, target: "_blank", rel: "noreferrer noopener", "aria-label": label }, icon("download"), t(words));
}
