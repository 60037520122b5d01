// Billing > Usage: what a month used by channel, price class or country, as bars, in numbers and as a file.
import { getUsageOf } from "./api.js";
import { channelName, knowNames, unitName } from "./channels.js";
import { save, wholeCsv } from "./csv.js";
import { announce, fill, h } from "./dom.js";
import { countryName, day, monthAndYear, number, t } from "./language.js";
import { lastMonths } from "./months.js";
import { failureNotice, skeleton, working } from "./parts.js";
import { address } from "./settings.js";
import { MOST_LOOKS, looksByPlace, looksOf, swatch, usageChart, usageTable } from "./usage-chart.js";

/** This month and a year of those before it. */
const SHOWN_MONTHS = 13;
const WAYS = ["channel", "class", "country"];
/** Answers that are added up for a month at the most, of 20,000 entries each. */
const MOST_PARTS = 5;
const OTHERS = "others";
const NONE = "";

export function usagePage(app) {
  const query = new URLSearchParams(location.search);
  const months = lastMonths(SHOWN_MONTHS);
  const state = { month: query.get("month"), by: query.get("by"), channel: query.get("channel"), turn: 0, used: null };
  if (!months.includes(state.month)) state.month = months[0];
  if (!WAYS.includes(state.by)) state.by = WAYS[0];
  const select = h("select.input", { id: "used-month", "data-key": "used-month", onchange: () => choose({ month: select.value }) },
    months.map((month) => h("option", { value: month, selected: month === state.month }, monthAndYear(month))));
  const ways = h("div.filters", { role: "group", "aria-label": t("used.by") });
  const channels = h("span.used-channel");
  const content = h("div");
  const element = h("div.stack", {},
    h("div.statement-form", {}, h("label", { for: "used-month" }, t("used.month")), select, channels, downloadButton(state, (failure) => fill(content, failureNotice(failure, app, { retry: load })))),
    ways, content);

  function choose(chosen) {
    Object.assign(state, chosen);
    const { month, by, channel } = state;
    history.replaceState(null, "", address(`/billing/usage?${new URLSearchParams({ month, by, ...(channel ? { channel } : {}) })}`));
    drawWays();
    if (chosen.month) load();
    else draw();
  }

  function drawWays() {
    fill(ways, WAYS.map((by) => h("button.chip", { type: "button", "aria-pressed": String(by === state.by), "data-key": `by-${by}`, onclick: () => choose({ by }) }, t(`used.by.${by}`))));
  }

  /** A later choice wins over a slow answer. */
  async function load() {
    const mine = (state.turn += 1);
    fill(content, skeleton("hero", "row", "row"));
    try {
      const used = await wholeMonth(state.month);
      await knowNames(used.channels);
      if (mine !== state.turn) return;
      state.used = used;
      draw();
    } catch (failure) {
      if (!failure.kind) throw failure;
      if (mine === state.turn) fill(content, failureNotice(failure, app, { retry: load, large: true }));
    }
  }

  function draw() {
    if (!state.used) return;
    drawChannels(state.used.channels);
    const shown = shownOf(state.used, state);
    fill(content, card(state, shown));
    announce(t("used.shown", { month: monthAndYear(state.month), total: number(shown.total) }));
  }

  function drawChannels(used) {
    const all = state.channel && !used.includes(state.channel) ? [state.channel, ...used] : used;
    const chooser = h("select.input", { id: "used-channel", "data-key": "used-channel", onchange: () => choose({ channel: chooser.value }) },
      h("option", { value: "" }, t("used.all")),
      all.map((channel) => h("option", { value: channel, selected: channel === state.channel }, channelName(channel))));
    fill(channels, all.length > 1 && [h("label", { for: "used-channel" }, t("used.channel")), chooser]);
  }

  drawWays();
  return { element, start: load, stop: () => { state.turn += 1; } };
}

function card({ month: asked, channel, by }, shown) {
  const month = monthAndYear(asked);
  const words = channel ? { month, channel: channelName(channel) } : { month };
  const title = h("h2.card-title", { id: "used-title" }, t(channel ? "used.of" : "used.title", words));
  const state = h("p.hint", {}, t(shown.final ? "used.final" : "used.notFinal"));
  const frame = (...children) => h("section.card.usage-card.used", { "aria-labelledby": "used-title" }, title, children);
  if (Object.keys(shown.channels).length === 0) return frame(h("p.muted", {}, t(channel ? "used.none.of" : "used.none", words)), state);
  const names = Object.keys(shown.drawn.channels).map((key) => `${shown.nameOf(key)} ${number(shown.drawn.channels[key].credits)}`).join(", ");
  return frame(state,
    shown.partOf && h("p.hint", {}, t("used.partly", { date: day(shown.partOf) })),
    h("p.hint.usage-unit", {}, t("usage.unit")),
    usageChart(shown.drawn, t("used.summary", { month, total: number(shown.total), names })),
    sums(shown, by),
    usageTable(shown.drawn, t("used.days.caption", { month })));
}

/** What each came to, with how it looks in the drawing. */
function sums(shown, by) {
  const { channels, drawn, withUnits } = shown;
  const units = (key) => h("td", {}, number(channels[key].units), shown.unitOf(key) && h("span.hint", {}, ` ${shown.unitOf(key)}`));
  const line = (key) => h("tr", {},
    h("th", { scope: "row" }, h("span.used-name", {}, swatch(key in drawn.channels ? key : OTHERS, drawn.looks), h("span", {}, shown.nameOf(key)))),
    h("td", {}, number(channels[key].messages)),
    withUnits && units(key),
    h("td", {}, number(channels[key].credits)));
  const head = [t(`used.name.${by}`), t("used.messages"), withUnits && t("used.units"), t("used.credits")].filter(Boolean);
  const spare = head.length - 2;
  return h("table.usage-table.used-sums", {},
    h("caption.visually-hidden", {}, t(`used.name.${by}`)),
    h("thead", {}, h("tr", {}, head.map((word) => h("th", { scope: "col" }, word)))),
    h("tbody", {}, Object.keys(channels).map(line)),
    h("tfoot", {}, h("tr", {}, h("th", { scope: "row", colspan: 1 + spare }, t("used.total")), h("td", {}, number(shown.total)))));
}

/** A month's lines, added up over its answers. `partOf` is the day that the last of them cut, or null. */
async function wholeMonth(month) {
  const lines = [];
  let answer = {};
  for (let part = 0; part < MOST_PARTS && answer.next_cursor !== null; part += 1) {
    answer = await getUsageOf({ month, by: "class,country", ...(answer.next_cursor ? { cursor: answer.next_cursor } : {}) });
    for (const { date, lines: ofDay } of answer.days) lines.push(...ofDay.map((line) => ({ date, ...line })));
  }
  const channels = [...new Set(lines.map(({ channel }) => channel))].sort();
  return { month, lines, channels, final: answer.final, partOf: answer.next_cursor ? answer.days[0]?.date ?? null : null };
}

/**
 * What is shown of a month: `channels` has what each of those that are told apart came to, the most first, and `drawn` what the
 * drawing and the table of days tell, in which the last ones are one where there are more than can be told apart.
 */
function shownOf({ month, lines, final, partOf }, { by, channel }) {
  const kept = lines.filter((line) => !channel || line.channel === channel);
  const of = new Map();
  for (const line of kept) {
    const key = keyOf(line, by);
    of.set(key, plus(of.get(key), line));
  }
  const keys = [...of.keys()].sort((one, other) => of.get(other).credits - of.get(one).credits || one.localeCompare(other));
  const channels = Object.fromEntries(keys.map((key) => [key, of.get(key)]));
  const alone = keys.length > MOST_LOOKS ? keys.slice(0, MOST_LOOKS - 1) : keys;
  const names = keys.length > alone.length ? [...alone, OTHERS] : alone;
  const place = (key) => (alone.includes(key) ? key : OTHERS);
  const list = datesOf(month, lines).map((date) => ({ date, channels: Object.fromEntries(names.map((name) => [name, plus()])) }));
  const byDate = new Map(list.map((entry) => [entry.date, entry.channels]));
  for (const line of kept) {
    const ofDay = byDate.get(line.date);
    const name = place(keyOf(line, by));
    ofDay[name] = plus(ofDay[name], line);
  }
  const total = keys.reduce((sum, key) => sum + of.get(key).credits, 0);
  const drawnChannels = Object.fromEntries(names.map((name) => [name, list.reduce((sum, entry) => plus(sum, entry.channels[name]), plus())]));
  const nameOf = (key) => (key === OTHERS ? t("used.others") : nameBy[by](key));
  const looks = by === "channel" && names === alone ? looksOf(names) : looksByPlace(names);
  // Units of two channels are nothing together, and neither is the number of messages where none is one.
  const apart = by !== "country" || channel;
  const unitOf = (key) => (apart ? unitName(channel || channelOf(key)) : null);
  return {
    channels, total, final, partOf, nameOf, unitOf,
    drawn: { list, channels: drawnChannels, total, nameOf, looks },
    withUnits: Boolean(apart) && keys.some((key) => of.get(key).units !== of.get(key).messages),
  };
}

const nameBy = {
  channel: channelName,
  class: (key) => {
    const [channel, name] = key.split("/");
    const words = { channel: channelName(channel), class: name.slice(0, 1).toUpperCase() + name.slice(1).replaceAll("_", " ") };
    return t(name === NONE ? "used.noClass" : "used.ofClass", words);
  },
  country: (key) => (key === NONE ? t("used.noCountry") : countryName(key)),
};

function keyOf({ channel, class: name, country }, by) {
  if (by === "class") return `${channel}/${name ?? NONE}`;
  return by === "country" ? country ?? NONE : channel;
}

function channelOf(key) {
  return key.split("/")[0];
}

function plus({ messages = 0, units = 0, credits = 0 } = {}, more = { messages: 0, units: 0, credits: 0 }) {
  return { messages: messages + more.messages, units: units + more.units, credits: credits + more.credits };
}

/** The file of what is chosen: all of the month, by what is told apart. */
function downloadButton(state, failed) {
  const button = h("button.button", { type: "button", "data-key": "used-download", onclick: download }, t("used.download"));
  async function download() {
    if (button.getAttribute("aria-disabled")) return;
    const { month, by } = state;
    const reset = working(button, t("used.downloading", { part: 1 }));
    try {
      const query = by === "channel" ? { month } : { month, by };
      const { file, isFinal } = await wholeCsv("usage", query, (part) => { button.lastChild.textContent = t("used.downloading", { part }); });
      save(file, `saldo-usage-${month}${isFinal ? "" : "-not-final"}.csv`);
    } catch (failure) {
      if (!failure.kind) throw failure;
      failed(failure);
    } finally {
      reset();
    }
  }
  return button;
}

/** The days of a month up to today, or to what is used already, in UTC as the API counts them. */
function datesOf(month, lines) {
  const today = [new Date().toISOString().slice(0, 10), ...lines.map(({ date }) => date)].sort().at(-1);
  const [year, of] = month.split("-").map(Number);
  const length = new Date(Date.UTC(year, of, 0)).getUTCDate();
  const all = Array.from({ length }, (_, index) => `${month}-${String(index + 1).padStart(2, "0")}`);
  return all.filter((date) => date <= today);
}
