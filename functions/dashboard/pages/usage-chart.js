// The drawing of some days by channel, or by whatever else is told apart, its legend, and the table behind it.
import { channelName, unitName } from "./channels.js";
import { h, svg } from "./dom.js";
import { day, number, t } from "./language.js";

/** Pixels. */
const TOP = 8;
const HEIGHT = 148;
const BASE = TOP + HEIGHT;
const LABELS = 24;
const AXIS = 44;
const GAP = 2;
const SMALLEST = 3;
/** How much of a day's width its bar takes. */
const BAR = 0.74;

export function legend({ channels }) {
  const looks = looksOf(Object.keys(channels));
  return h("ul.usage-legend", {}, Object.keys(channels).map((channel) => h("li", {},
    swatch(channel, looks),
    h("div", {},
      h("span.usage-name", {}, channelName(channel)),
      h("span.muted", {}, amount(channel, channels[channel]))),
    h("span.usage-credits", {}, t(channels[channel].credits === 1 ? "usage.credits.one" : "usage.credits", { credits: number(channels[channel].credits) })))));
}

/** A small square that looks as the bars do. */
export function swatch(name, looks) {
  return svg("svg", { class: "usage-swatch", "aria-hidden": "true" }, pattern(name, "legend", looks),
    svg("rect", { class: `usage-bar ${looks[name]}`, x: "0.75", y: "0.75", width: "14.5", height: "14.5", rx: "3", fill: paint(name, "legend", looks) }));
}

/** In messages, or in the channel's own units. */
function amount(channel, { messages, units }) {
  const unit = unitName(channel);
  if (unit) return t("usage.units", { count: number(units), unit });
  const words = t(messages === 1 ? "usage.messages.one" : "usage.messages", { count: number(messages) });
  return units === messages ? words : t("usage.messages.units", { messages: words, count: number(units) });
}

/**
 * Bars of credits per day, one channel on the other; x in percent, y in pixels, so that patterns and words keep their size.
 * What is no channel comes with its names and looks.
 */
export function usageChart({ list, channels: all, nameOf = channelName, looks = looksOf(Object.keys(all)) }, summary) {
  const names = Object.keys(all);
  const top = roundUp(Math.max(1, ...list.map(({ channels }) => names.reduce((sum, channel) => sum + drawn(channels[channel]), 0))));
  const lines = (top > 1 ? [top, top / 2, 0] : [top, 0]).map((value) => ({ value, y: BASE - (value / top) * HEIGHT }));
  const height = BASE + LABELS;
  return h("div.usage-chart", {},
    svg("svg", { "aria-hidden": "true", width: AXIS, height }, lines.map(({ value, y }) => label(number(value), AXIS - 8, y + 4, "end"))),
    svg("svg", { class: "usage-plot", role: "img", "aria-label": summary, height },
      svg("defs", {}, names.map((channel) => pattern(channel, "chart", looks))),
      lines.map(({ value, y }) => svg("line", { class: value ? "usage-line" : "usage-line base", x1: "0", x2: "100%", y1: y, y2: y })),
      list.map((entry, index) => column(entry, index, list.length, { names, nameOf, looks, top })),
      dates(list)));
}

function label(words, x, y, anchor) {
  return svg("text", { class: "usage-label", x, y, "text-anchor": anchor }, words);
}

function column({ date, channels }, index, count, { names, nameOf, looks, top }) {
  const width = 100 / count;
  const place = { x: `${(index + (1 - BAR) / 2) * width}%`, width: `${width * BAR}%` };
  let y = BASE;
  const bars = names.filter((channel) => drawn(channels[channel]) > 0).map((channel) => {
    const height = Math.max(SMALLEST, (drawn(channels[channel]) / top) * HEIGHT);
    y -= height;
    return svg("rect", { class: `usage-bar ${looks[channel]}`, ...place, y: y + GAP / 2, height: Math.max(1, height - GAP), rx: "1.5", fill: paint(channel, "chart", looks) });
  });
  const words = names.map((channel) => `${nameOf(channel)} ${number(channels[channel].credits)}`).join(" · ");
  return svg("g", {}, bars,
    svg("rect", { class: "usage-day", x: `${index * width}%`, width: `${width}%`, y: TOP, height: HEIGHT }, svg("title", {}, `${day(date)}: ${words}`)));
}

/** The first, the middle and the last day. */
function dates(list) {
  const last = list.length - 1;
  const place = (index, x, anchor) => label(day(list[index].date), x, BASE + 19, anchor);
  if (list.length < 3) return place(last, "100%", "end");
  const middle = Math.floor(list.length / 2);
  return [place(0, "0", "start"), place(middle, `${((middle + 0.5) * 100) / list.length}%`, "middle"), place(last, "100%", "end")];
}

export function usageTable({ list, channels, total, nameOf = channelName }, caption = t("usage.caption")) {
  const names = Object.keys(channels);
  const rows = list.filter((entry) => names.some((channel) => entry.channels[channel].credits !== 0)).reverse();
  const cells = (of) => names.map((channel) => h("td", {}, number(of[channel].credits)));
  const sum = (of) => names.reduce((all, channel) => all + of[channel].credits, 0);
  return h("details.usage-details", {}, h("summary", { "data-key": "usage-table" }, t("usage.table")),
    h("div.usage-days", { tabindex: "0", role: "group", "aria-label": caption }, h("table.usage-table", {},
      h("caption.visually-hidden", {}, caption),
      h("thead", {}, h("tr", {}, [t("usage.day"), ...names.map((channel) => nameOf(channel)), t("usage.total")].map((word) => h("th", { scope: "col" }, word)))),
      h("tbody", {}, rows.map((entry) => h("tr", {}, h("th", { scope: "row" }, day(entry.date)), cells(entry.channels), h("td", {}, number(sum(entry.channels)))))),
      h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, t("usage.total")), cells(channels), h("td", {}, number(total)))))),
    h("p.hint", {}, t("usage.note")));
}

/** What more came back than was sent on a day is in the table, not in the drawing. */
function drawn({ credits }) {
  return Math.max(0, credits);
}

/** The next round number whose half is whole, or one: 7 → 8, 130 → 140. */
function roundUp(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  const steps = [10, 12, 14, 16, 20, 24, 30, 40, 50, 60, 80, 100].map((step) => (step * unit) / 10);
  return steps.find((step) => step >= value && (step % 2 === 0 || step === 1));
}

/** Email is plain, WhatsApp striped, SMS dotted, others crossed, barred and so on: also without colours a few differ. */
function paint(name, place, looks) {
  return looks[name] === PLAIN ? "currentColor" : `url(#usage-${place}-${Object.keys(looks).indexOf(name)})`;
}

function pattern(name, place, looks) {
  if (looks[name] === PLAIN) return [];
  const { size, mark } = MARKS[looks[name].split(" ").at(-1)];
  return svg("pattern", { id: `usage-${place}-${Object.keys(looks).indexOf(name)}`, class: looks[name], width: size, height: size, patternUnits: "userSpaceOnUse" }, svg(mark.tag, mark.attributes));
}

const MARKS = {
  whatsapp: { size: 5, mark: { tag: "path", attributes: { d: "M-1 1L1 -1M0 5L5 0M4 6L6 4", class: "usage-stripe" } } },
  sms: { size: 4, mark: { tag: "circle", attributes: { cx: "2", cy: "2", r: "0.9", class: "usage-dot" } } },
  crossed: { size: 5, mark: { tag: "path", attributes: { d: "M0 2.5H5M2.5 0V5", class: "usage-cross" } } },
  barred: { size: 5, mark: { tag: "path", attributes: { d: "M0 2.5H5", class: "usage-cross" } } },
  upright: { size: 5, mark: { tag: "path", attributes: { d: "M2.5 0V5", class: "usage-cross" } } },
  checked: { size: 6, mark: { tag: "path", attributes: { d: "M0 0H3V3H0zM3 3H6V6H3z", class: "usage-cross" } } },
};
const PLAIN = "email";
const OWN = ["whatsapp", "sms"];
const OTHERS = ["crossed", "barred", "upright", "checked"];

/** The classes of each channel: its own where it has a look of its own, else one of those of the others, in turn. */
export function looksOf(names) {
  const others = names.filter((channel) => channel !== PLAIN && !OWN.includes(channel));
  return Object.fromEntries(names.map((channel) => [channel, others.includes(channel) ? `other ${OTHERS[others.indexOf(channel) % OTHERS.length]}` : channel]));
}

/** So many things that are no channels can be told apart in a drawing. */
export const MOST_LOOKS = 1 + OWN.length + OTHERS.length;

/** The classes of what is no channel, by its place. */
export function looksByPlace(names) {
  const all = [PLAIN, ...OWN, ...OTHERS.map((look) => `other ${look}`)];
  return Object.fromEntries(names.map((name, place) => [name, all[place % all.length]]));
}
