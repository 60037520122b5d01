// The reader's language and the form of numbers, money and dates in it.
import { formatMoney, formatNumber, formatPercent, formatter } from "./money.js";
import { settings } from "./settings.js";
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

/** The words behind `key`, filled in with `values`; `{product}` is what the host calls the product. */
export function t(key, values = {}) {
  const text = STRINGS[language][key] ?? STRINGS.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(name === "product" ? settings.product_name : values[name] ?? ""));
}

/** Words of pages that are loaded later: {en, id}. */
export function addWords(words) {
  for (const [code, more] of Object.entries(words)) Object.assign(STRINGS[code], more);
}

export function has(key) {
  return key in STRINGS.en;
}

export const money = (amount) => formatMoney(amount, locale());
export const number = (whole) => formatNumber(whole, locale());
export const percent = (value) => formatPercent(value, locale());

/** "a, b or c". */
export function either(words) {
  return formatter(Intl.ListFormat, locale(), { type: "disjunction" }).format(words);
}

/** A country by its two capital letters. */
export const countryName = (code) => formatter(Intl.DisplayNames, locale(), { type: "region" }).of(code);

export const date = (text) => formattedDate(text, { dateStyle: "medium" });

/** "23 Nov" of a day in UTC such as 2026-11-23. */
export const day = (text) => formattedDate(text, { day: "numeric", month: "short", timeZone: "UTC" });

/** "November 2026" of a month such as 2026-11. */
export const monthAndYear = (text) => formattedDate(text, { month: "long", year: "numeric", timeZone: "UTC" });

export const dateAndTime = (text) => formattedDate(text, { dateStyle: "medium", timeStyle: "short" });

function formattedDate(text, options) {
  return formatter(Intl.DateTimeFormat, locale(), options).format(new Date(text));
}

/** "5 minutes ago"; a server clock slightly ahead of ours is now, not the future. */
export function age(text) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(text)) / 1000));
  const [unit, length] = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]].find(([, span]) => seconds >= span) ?? ["second", 1];
  const count = unit === "second" ? 0 : Math.floor(seconds / length);
  return formatter(Intl.RelativeTimeFormat, locale(), { numeric: "auto" }).format(-count, unit);
}

const locales = {};

/** The browser's own variant of the language, such as en-GB, since dates differ there. */
function locale() {
  locales[language] ??= navigator.languages.map(understood).find((tag) => tag && languageOf(tag) === language) ?? understood(language);
  return locales[language];
}

/** A tag that `Intl` takes, with the digits that can be typed into the pages; null for one that it refuses, like en-US@posix. */
function understood(tag) {
  try { return new Intl.Locale(tag, { numberingSystem: "latn" }).toString(); } catch { return null; }
}

/** "id" of id-ID and of the older in-ID. */
function languageOf(tag) {
  const [first] = tag.toLowerCase().split(/[-_@.]/);
  return first === "in" ? "id" : first;
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
  return navigator.languages.map(languageOf).find((tag) => tag in LANGUAGES) ?? "en";
}
