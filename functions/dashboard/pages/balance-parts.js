// The parts of the Balance page that show numbers: the banner, the credits, the rates.
import { channelIcon, channelName, channelsOf } from "./channels.js";
import { fill, h, icon } from "./dom.js";
import { either, has, number, t } from "./language.js";
import { notice } from "./parts.js";

const COUNTING_MS = 450;

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
  const { available_credits: available } = balance;
  const before = slot.querySelector("[data-credits]")?.dataset.credits ?? from;
  const amount = h("p.credits", { "data-credits": available }, number(available));
  fill(slot, h("section.card.hero", { "aria-labelledby": "credits-label" },
    h("div", {},
      h("h2.label", { id: "credits-label" }, t("balance.label")),
      amount,
      h("p.muted", {}, available > 0 ? pays(balance) : t("balance.start"))),
    h(`button.button.large${primary ? ".primary" : ""}`, { type: "button", "data-key": "top-up", onclick: topUp }, icon("plus"), t("balance.topUp"))));
  if (before !== undefined && Number(before) !== available) count(amount, Number(before), available);
}

function pays({ rates, available_credits: available }) {
  const messages = channelsOf(rates).map(([channel, credits]) => {
    const values = { count: number(sendsFor(credits, available)), channel: channelName(channel) };
    return t(has(`pays.${channel}`) ? `pays.${channel}` : "pays.other", values);
  });
  return t("balance.pays", { messages: either(messages) });
}

export function ratesCard({ rates, available_credits: available }) {
  return h("section.card.rates-card", { "aria-labelledby": "rates-title" },
    h("h2.card-title", { id: "rates-title" }, t("rates.title")),
    h("ul.rates", {}, channelsOf(rates).map(([channel, credits]) => rate(channel, credits, available))));
}

function rate(channel, credits, available) {
  const sends = sendsFor(credits, available);
  return h("li.rate", {}, h("span.rate-icon", {}, channelIcon(channel)),
    h("div", {},
      h("h3", {}, channelName(channel)),
      h("p.rate-price", {}, t(credits === 1 ? "rates.each.one" : "rates.each", { credits: number(credits) })),
      available > 0 && h("p.muted", {}, sends > 0 ? t("rates.sends", { count: number(sends) }) : t("rates.none"))));
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
