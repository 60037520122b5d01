// What was used in the last 30 days, and how long the balance lasts at that pace.
import { getUsage } from "./api.js";
import { fill, h } from "./dom.js";
import { day, number, t } from "./language.js";
import { channelName, metersOf, shownOf } from "./channels.js";
import { legend, usageChart, usageTable } from "./usage-chart.js";

const DAY_MS = 86_400_000;
const SHOWN_DAYS = 30;
/** A month each; on 1 March the 31st of January would need a third, and is left out. */
const MOST_CALLS = 2;
/** Before so many days a pace says little. */
const FEWEST_DAYS = 7;
/** The same where the count did not reach further back: then there is much of it. */
const FEWEST_FULL_DAYS = 2;
const LONGEST_DAYS = 365;

/** The card under the rates; it asks once, when the balance is there for the first time. */
export function usageSection() {
  const element = h("div");
  const lasting = h("p.usage-lasts");
  let used = null;
  let balance = null;
  let asked = false;

  async function load() {
    asked = true;
    try {
      used = await lastDays(new Date(), metersOf(balance).map(({ channel }) => channel));
      fill(element, card(used, lasting));
      tell();
    } catch (failure) {
      if (!failure.kind) throw failure;
      const retry = () => { fill(element); load(); };
      fill(element, frame(h("p.muted", {}, t("usage.failed")), h("button.link-button", { type: "button", "data-key": "usage-retry", onclick: retry }, t("again"))));
    }
  }

  function tell() {
    lasting.textContent = used ? lasts(used, balance.available_credits) : "";
  }

  return {
    element,
    show(now) {
      balance = now;
      if (!asked) load();
      tell();
    },
  };
}

function card(used, lasting) {
  if (used.since === null) return frame(h("p.muted", {}, t(used.partOf ? "usage.tooMany" : "usage.none")));
  return frame(lasting, legend(used),
    h("p.hint.usage-unit", {}, t("usage.unit")),
    usageChart(used, summary(used)),
    used.partOf && h("p.hint", {}, t("usage.partly", { date: day(used.partOf) })),
    usageTable(used));
}

function frame(...children) {
  return h("section.card.usage-card", { "aria-labelledby": "usage-title" }, h("h2.card-title", { id: "usage-title" }, t("usage.title")), children);
}

function summary({ list, total, channels }) {
  const words = Object.keys(channels).map((channel) => `${channelName(channel)} ${number(channels[channel].credits)}`);
  return t("usage.summary", { days: number(list.length), total: number(total), channels: words.join(", ") });
}

/** In words; nothing where there is nothing to last. */
function lasts({ total, days, partOf }, available) {
  if (available <= 0 || total <= 0) return "";
  if (days < (partOf ? FEWEST_FULL_DAYS : FEWEST_DAYS)) return partOf ? "" : t("usage.lasts.early");
  const left = Math.floor((available * days) / total);
  const pace = { pace: number(Math.ceil(days)) };
  if (left > LONGEST_DAYS) return t("usage.lasts.long", pace);
  if (left < 1) return t("usage.lasts.short", pace);
  return t(left === 1 ? "usage.lasts.one" : "usage.lasts", { ...pace, days: number(left) });
}

/**
 * The last 30 days in UTC up to `now`, today among them: `list` has each with its credits per channel, of those that are
 * `sold` and others that were used. `since` is the first day of use, or null; `days` of it until now make the pace.
 * `partOf` is the day that the server's count did not reach the beginning of: it and what was before are left out.
 */
async function lastDays(now, sold) {
  const thirty = Array.from({ length: SHOWN_DAYS }, (_, index) => isoDate(now - (SHOWN_DAYS - 1 - index) * DAY_MS));
  const months = [...new Set(thirty.map(monthOf))].reverse().slice(0, MOST_CALLS);
  const dates = thirty.filter((date) => months.includes(monthOf(date)));
  const found = new Map();
  let partOf = null;
  for (const month of months) {
    const answer = await getUsage(month);
    answer.days.forEach(({ date, channels }) => found.set(date, channels));
    if (answer.next_cursor) {
      partOf = answer.days[0]?.date ?? null;
      break;
    }
  }
  const whole = (date) => partOf === null || date > partOf;
  const known = [...found.keys()].sort().filter((date) => date <= dates.at(-1) && whole(date));
  const used = [...found].filter(([date]) => dates.includes(date) && whole(date)).map(([, channels]) => channels);
  const isUsed = (channel) => used.some((channels) => channels[channel] && (channels[channel].messages !== 0 || channels[channel].credits !== 0));
  const others = [...new Set(used.flatMap(Object.keys))].filter((channel) => !sold.includes(channel) && isUsed(channel));
  const names = shownOf([...sold, ...others], isUsed);
  const list = dates.filter(whole).map((date) => ({ date, channels: withAll(names, found.get(date)) }));
  const since = known.some((date) => date >= dates[0]) ? [known[0], list[0].date].sort().at(-1) : null;
  const channels = Object.fromEntries(names.map((channel) => [channel, sum(list, channel)]));
  const total = names.reduce((credits, channel) => credits + channels[channel].credits, 0);
  return { list, channels, total, since, days: (now - Date.parse(since)) / DAY_MS, partOf: partOf !== null && partOf >= dates[0] ? partOf : null };
}

function withAll(names, channels = {}) {
  return Object.fromEntries(names.map((channel) => [channel, { messages: 0, units: channels[channel]?.messages ?? 0, credits: 0, ...channels[channel] }]));
}

function sum(list, channel) {
  const add = (key) => list.reduce((all, { channels }) => all + channels[channel][key], 0);
  return { messages: add("messages"), units: add("units"), credits: add("credits") };
}

function monthOf(date) {
  return date.slice(0, 7);
}

function isoDate(ms) {
  return new Date(ms).toISOString().slice(0, 10);
}
