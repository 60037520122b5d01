// The reader's language and the form of numbers, money and dates in it.
import { formatMoney, formatNumber, formatPercent } from "./money.js";
import { STRINGS } from "./strings.js";

const REMEMBERED = "saldo.language";
export const LANGUAGES = { id: "Indonesia", en: "English" };

let language = remembered() ?? fromBrowser();

export function currentLanguage() {
  return language;
}

export function chooseLanguage(chosen) {
  language = chosen;
  try { localStorage.setItem(REMEMBERED, chosen); } catch { /* private windows may forbid it: the choice lasts until reload */ }
}

/** The words behind `key`, filled in with `values`. */
export function t(key, values = {}) {
  const text = STRINGS[language][key] ?? STRINGS.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

export function has(key) {
  return key in STRINGS.en;
}

export const money = (amount) => formatMoney(amount, locale());
export const number = (whole) => formatNumber(whole, locale());
export const percent = (value) => formatPercent(value, locale());

export function date(text) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium" }).format(new Date(text));
}

/** "23 Nov" of a day in UTC such as 2026-11-23. */
export function day(text) {
  return new Intl.DateTimeFormat(locale(), { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(text));
}

export function dateAndTime(text) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));
}

/** "5 minutes ago"; a server clock slightly ahead of ours is now, not the future. */
export function age(text) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(text)) / 1000));
  const [unit, length] = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]].find(([, span]) => seconds >= span) ?? ["second", 1];
  const count = unit === "second" ? 0 : Math.floor(seconds / length);
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(-count, unit);
}

/** The browser's own variant of the language, such as en-GB, since dates differ there. */
function locale() {
  const variant = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language));
  return variant ?? (language === "id" ? "id-ID" : "en");
}

function remembered() {
  try {
    const chosen = localStorage.getItem(REMEMBERED);
    return chosen in LANGUAGES ? chosen : undefined;
  } catch {
    return undefined;
  }
}

function fromBrowser() {
  const tags = navigator.languages.map((tag) => tag.toLowerCase().split("-")[0]);
  const known = tags.map((tag) => (tag === "in" ? "id" : tag)).find((tag) => tag in LANGUAGES);
  return known ?? "en";
}
