// The parts of the Balance page that show numbers: the banner, the credits, the rates.
import { channelIcon, channelName, metersOf, unitName } from "./channels.js";
import { fill, h, icon } from "./dom.js";
import { either, has, number, t } from "./language.js";
import { notice } from "./parts.js";

const COUNTING_MS = 450;
/** Ways to spend the balance that one sentence names. */
const MOST_PAID = 4;

export function balanceBanner({ available_credits: available, owed: toldOwed, level, low_below: lowBelow }, { beginner }) {
  const owed = toldOwed || Math.max(0, -available);
  if (level === "ok" && !owed) return null;
  if (beginner) return notice({ tone: "info", icon: "info", title: t("balance.new.title"), text: t("balance.new.text") });
  const kind = owed ? "owed" : level;
  return notice({
    tone: kind === "low" ? "low" : "strong",
    icon: "warning",
    title: t(`balance.${kind}.title`, { owed: number(owed) }),
    text: t(`balance.${kind}.text`, { credits: number(lowBelow), owed: number(owed) }),
  });
}

/** Draws the credits into `slot`; the number counts up to a new value, the first time from `from`. */
export function balanceCard(slot, balance, { topUp, from, primary }) {
  const { available_credits: available, on_hold: onHold } = balance;
  const before = slot.querySelector("[data-credits]")?.dataset.credits ?? from;
  const amount = h("p.credits", { "data-credits": available }, number(available));
  fill(slot, h("section.card.hero", { "aria-labelledby": "credits-label" },
    h("div", {},
      h("h2.label", { id: "credits-label" }, t("balance.label")),
      amount,
      onHold !== 0 && h("p.on-hold", { "data-on-hold": onHold ?? "many" }, icon("clock"), onHold ? t("balance.onHold", { credits: number(onHold) }) : t("balance.manyOnHold")),
      h("p.muted", {}, available > 0 ? pays(balance) : t("balance.start"))),
    h(`button.button.large${primary ? ".primary" : ""}`, { type: "button", "data-key": "top-up", onclick: topUp }, icon("plus"), t("balance.topUp"))));
  if (before !== undefined && Number(before) !== available) count(amount, Number(before), available);
}

/** What costs nothing is no measure, nor are more than a few. */
function pays(balance) {
  const sold = metersOf(balance).filter(({ rate }) => rate > 0).slice(0, MOST_PAID);
  if (sold.length === 0) return "";
  const messages = sold.map(({ channel, rate }) => {
    const values = { count: number(sendsFor(rate, balance.available_credits)), channel: channelName(channel), unit: unitName(channel) };
    if (values.unit) return t("pays.units", values);
    return t(has(`pays.${channel}`) ? `pays.${channel}` : "pays.other", values);
  });
  return t("balance.pays", { messages: either(messages) });
}

export function ratesCard(balance) {
  const meters = metersOf(balance);
  const words = meters.some(({ channel }) => unitName(channel)) ? "rates.title.units" : "rates.title";
  return h("section.card.rates-card", { "aria-labelledby": "rates-title" },
    h("h2.card-title", { id: "rates-title" }, t(words)),
    h("ul.rates", {}, meters.map((meter) => rateOf(meter, balance.available_credits))));
}

function rateOf({ channel, rate }, available) {
  return h("li.rate", {}, h("span.rate-icon", {}, channelIcon(channel)),
    h("div", {},
      h("h3", {}, channelName(channel)),
      h("p.rate-price", {}, price(channel, rate)),
      available > 0 && rate > 0 && h("p.muted", {}, enough(channel, sendsFor(rate, available)))));
}

function price(channel, rate) {
  if (rate === 0) return t("rates.free");
  const unit = unitName(channel);
  const words = unit ? "rates.per" : "rates.each";
  return t(rate === 1 ? `${words}.one` : words, { credits: number(rate), unit });
}

function enough(channel, count) {
  if (count === 0) return t("rates.none");
  return t(unitName(channel) ? "rates.enough" : "rates.sends", { count: number(count) });
}

function sendsFor(credits, available) {
  return Math.max(0, Math.floor(available / credits));
}

function count(element, from, to) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const start = performance.now();
  const step = (now) => {
    const part = Math.min(1, (now - start) / COUNTING_MS);
    element.textContent = number(Math.round(from + (to - from) * (1 - (1 - part) ** 3)));
    if (part < 1 && element.isConnected) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}
