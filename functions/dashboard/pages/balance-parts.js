// The parts of the Balance page that show numbers: the banner, the credits, the rates.
import { fill, h, icon } from "./dom.js";
import { number, t } from "./language.js";
import { notice } from "./parts.js";

const CHANNELS = ["email", "whatsapp", "sms"];
const COUNTING_MS = 700;

export function balanceBanner({ available_credits: available, level, low_below: lowBelow }) {
  if (level === "ok") return null;
  const kind = available < 0 ? "owed" : level;
  return notice({
    tone: kind === "low" ? "low" : "strong",
    icon: "warning",
    title: t(`balance.${kind}.title`),
    text: t(`balance.${kind}.text`, { credits: number(lowBelow) }),
  });
}

/** Draws the credits into `slot`; the number counts up to a new value. */
export function balanceCard(slot, balance, topUp) {
  const before = slot.querySelector("[data-credits]")?.dataset.credits;
  const amount = h("p.credits", { "data-credits": balance.available_credits }, number(balance.available_credits));
  fill(slot, h("section.card.hero", { "aria-labelledby": "credits-label" },
    h("div", {},
      h("h2.label", { id: "credits-label" }, t("balance.label")),
      amount,
      h("p.muted", {}, balance.available_credits > 0 ? pays(balance) : t("balance.start"))),
    h("button.button.primary.large", { type: "button", "data-key": "top-up", onclick: topUp }, icon("plus"), t("balance.topUp"))));
  if (before !== undefined && Number(before) !== balance.available_credits) count(amount, Number(before), balance.available_credits);
}

function pays({ rates, available_credits: available }) {
  const sends = Object.fromEntries(CHANNELS.map((channel) => [channel, number(sendsFor(rates[channel], available))]));
  return t("balance.pays", sends);
}

export function ratesCard(rates, available) {
  return h("section.card.rates-card", { "aria-labelledby": "rates-title" },
    h("h2.card-title", { id: "rates-title" }, t("rates.title")),
    h("ul.rates", {}, CHANNELS.filter((channel) => channel in rates).map((channel) => rate(channel, rates[channel], available))));
}

function rate(channel, perCountry, available) {
  const credits = usualRate(perCountry);
  const sends = sendsFor(perCountry, available);
  return h("li.rate", {}, h("span.rate-icon", {}, icon(channel)),
    h("div", {},
      h("h3", {}, t(`rates.${channel}`)),
      h("p.rate-price", {}, t(credits === 1 ? "rates.each.one" : "rates.each", { credits: number(credits) })),
      available > 0 && h("p.muted", {}, sends > 0 ? t("rates.sends", { count: number(sends) }) : t("rates.none")),
      typeof perCountry === "object" && Object.keys(perCountry).length > 1 && h("p.muted", {}, t("rates.some"))));
}

function sendsFor(perCountry, available) {
  return Math.max(0, Math.floor(available / usualRate(perCountry)));
}

/** A rate is a number, or one per country with a default. */
function usualRate(perCountry) {
  return typeof perCountry === "object" ? perCountry.default : perCountry;
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
