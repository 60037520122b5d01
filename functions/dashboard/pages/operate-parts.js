// What the pages of the staff share: the frame with its places, lists, tables, and words for failures.
import { announce, fill, h, icon } from "./dom.js";
import { follow } from "./frame.js";
import { dateAndTime, has, number, t } from "./language.js";
import { failureNotice, notice, skeleton, working } from "./parts.js";
import { address } from "./settings.js";
import { listOf } from "./operate-api.js";

const PLACES = {
  "/operate": "op.search",
  "/operate/reviews": "op.reviews",
  "/operate/adjustments": "op.adjustments",
  "/operate/reconciliations": "op.reconciliations",
  "/operate/dead-letters": "op.deadLetters",
};

/** The places of the staff, and the content below. */
export function place(app, open, ...content) {
  const tab = ([to, key]) => h("a", { href: address(to), "aria-current": to === open && "page", onclick: follow(app, to) }, t(key));
  return h("div.operate", {},
    h("nav.tabs", { "aria-label": t("op.places") }, Object.entries(PLACES).map(tab)),
    h("div.stack", {}, content));
}

export function link(app, path, words, attributes = {}) {
  return h("a", { href: address(path), onclick: follow(app, path), ...attributes }, words);
}

export const organisationPath = (org) => `/operate/organisation?${new URLSearchParams({ org })}`;
export const topUpPath = (org, id) => `/operate/top-up?${new URLSearchParams({ org, id })}`;

/** The words behind `prefix` and a word of the API's; one that a later version brings is told as it is. */
export function wordsFor(prefix, word) {
  const key = `${prefix}.${word}`;
  return has(key) ? t(key) : String(word).replaceAll("_", " ");
}

/** Refusals that have several causes, of which the API's own words tell the one. */
const DETAILED = ["not_releasable", "not_refundable", "refund_refused", "invalid_request"];

/** What went wrong, and the way on. */
export function operateFailure(failure, app, { retry, large = false } = {}) {
  if (failure.kind === "permission") return notice({ tone: "plain", icon: "lock", title: t("operate.staffOnly.title"), text: t("operate.staffOnly.text"), role: "alert", large });
  if (failure.code && has(`op.problem.${failure.code}`)) {
    const again = failure.unclear && retry && h("button.button", { type: "button", "data-key": "retry", onclick: retry }, t("again"));
    const { credits, available_credits: available, detail } = failure.problem;
    const values = { credits: number(credits ?? 0), available: number(available ?? 0) };
    const said = DETAILED.includes(failure.code) && t("error.said", { detail });
    return notice({ tone: failure.unclear ? "low" : "strong", icon: "alert", text: t(`op.problem.${failure.code}`, values), detail: said, actions: [again], role: "alert", large });
  }
  return failureNotice(failure, app, { retry, large });
}

/** Shows in `slot` what `ask` answers, as `draw` draws it; a later call wins over a slow answer. */
export function loader(app, slot, ask, draw) {
  let turn = 0;
  return async function load({ quietly = false } = {}) {
    const mine = (turn += 1);
    if (!quietly) fill(slot, skeleton("row", "row", "row"));
    try {
      const answer = await ask();
      if (mine === turn) redraw(slot, draw(answer));
    } catch (failure) {
      if (!failure.kind) throw failure;
      if (mine === turn) fill(slot, operateFailure(failure, app, { retry: () => load(), large: true }));
    }
  };
}

/** Fills a slot; where what had the focus is there no more, the page has it. */
function redraw(slot, ...children) {
  const hadFocus = slot.contains(document.activeElement);
  fill(slot, ...children);
  if (hadFocus && document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });
}

/** A list that is asked for page by page: `name` of the API's, `draw` for what is there, `empty` the words for nothing. */
export function list(app, name, { draw, empty }) {
  const content = h("div");
  const more = h("div.more");
  const state = { items: [], cursor: null, turn: 0 };

  async function load({ quietly = false } = {}) {
    const mine = (state.turn += 1);
    if (!quietly) {
      fill(content, skeleton("row", "row", "row"));
      fill(more);
    }
    try {
      const page = await listOf(name);
      if (mine !== state.turn) return;
      Object.assign(state, { items: page[name], cursor: page.next_cursor });
      show();
    } catch (failure) {
      if (!failure.kind) throw failure;
      if (mine === state.turn) fill(content, operateFailure(failure, app, { retry: () => load(), large: true }));
    }
  }

  async function loadMore(button) {
    if (button.getAttribute("aria-disabled")) return;
    const reset = working(button, t("loading"));
    try {
      const page = await listOf(name, state.cursor);
      Object.assign(state, { items: state.items.concat(page[name]), cursor: page.next_cursor });
      show();
    } catch (failure) {
      reset();
      if (!failure.kind) throw failure;
      fill(more, operateFailure(failure, app, { retry: () => { drawMore(); loadMore(more.querySelector("button")); } }));
    }
  }

  function show() {
    redraw(content, state.items.length > 0 ? draw(state.items, load) : notice({ tone: "plain", icon: "check", title: empty.title, text: empty.text, large: true }));
    drawMore();
    announce(t("op.shown", { count: number(state.items.length) }));
  }

  function drawMore() {
    const button = h("button.button", { type: "button", "data-key": "more", onclick: () => loadMore(button) }, t("op.more"));
    fill(more, state.cursor && button);
  }

  return { element: h("div.stack", {}, content, more), load };
}

/** Names and values, one below the other. Values that are absent are left out. */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== "");
  return h("dl.facts", {}, shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** A table that becomes cards in a narrow window: its roles are spelled out, since the change of layout would drop them. */
export function table(label, columns, rows) {
  const head = columns.map((name) => h("th", { role: "columnheader", scope: "col" }, name));
  const isNothing = (value) => value === null || value === undefined || value === "";
  const cell = (value, at) => h(at === 0 ? "th" : isNothing(value) ? "td.nothing" : "td", at === 0 ? { role: "rowheader", scope: "row" } : { role: "cell" },
    columns[at] && at > 0 && h("span.cell-name", { "aria-hidden": "true" }, columns[at]), h("div.cell", {}, isNothing(value) ? "–" : value));
  return h("table.op-table", { role: "table", "aria-label": label },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    h("tbody", { role: "rowgroup" }, rows.map((cells) => h("tr", { role: "row" }, cells.map(cell)))));
}

/** A value on which two sides do not agree: told by a sign, by words and by its frame. */
export function differing(value) {
  return h("span.differs", {}, icon("warning"), h("span", {}, value ?? "–"), h("span.visually-hidden", {}, t("op.differs")));
}

export const code = (text) => h("code", {}, text);

export function when(text) {
  return text && h("time", { datetime: text }, dateAndTime(text));
}

/** A part of a page under its own title. */
export function section(title, ...content) {
  return h("section.card.op-card", {}, h("h2.card-title", {}, title), content);
}
