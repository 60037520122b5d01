// Money and numbers in the reader's form, from the decimal text of the server and never through binary fractions.

/** Currencies whose fractions nobody uses: shown only when they are not zero. */
const WITHOUT_FRACTION_IN_DAILY_USE = new Set(["IDR"]);

const formats = new Map();

/** A formatter of `Intl`, each made once: making one takes longer than a hundred uses. */
export function formatter(Kind, locale, options) {
  const key = `${Kind.name} ${locale} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new Kind(locale, options));
  return formats.get(key);
}

/**
 * @param {{currency: string, decimal: string}} money
 * @param {string} locale BCP 47
 */
export function formatMoney(money, locale) {
  const fraction = money.decimal.split(".")[1] ?? "";
  const digits = WITHOUT_FRACTION_IN_DAILY_USE.has(money.currency) && /^0*$/.test(fraction) ? 0 : fraction.length;
  const options = { style: "currency", currency: money.currency, minimumFractionDigits: digits, maximumFractionDigits: digits };
  if (money.currency === "IDR") options.currencyDisplay = "narrowSymbol";
  return formatter(Intl.NumberFormat, locale, options).format(money.decimal);
}

export function formatNumber(whole, locale) {
  return formatter(Intl.NumberFormat, locale, { maximumFractionDigits: 0 }).format(whole);
}

export function formatPercent(percent, locale) {
  const number = formatter(Intl.NumberFormat, locale, { maximumFractionDigits: 3 }).format(percent);
  return `${number}%`;
}

/** A price times a whole number of credits, in whole minor units. */
export function multiply(price, credits) {
  const minorUnits = BigInt(price.minor_units) * BigInt(credits);
  return { currency: price.currency, minor_units: Number(minorUnits), decimal: withPoint(minorUnits, exponentOf(price)) };
}

function exponentOf(money) {
  const point = money.decimal.indexOf(".");
  return point < 0 ? 0 : money.decimal.length - point - 1;
}

function withPoint(minorUnits, exponent) {
  if (exponent === 0) return minorUnits.toString();
  const digits = minorUnits.toString().padStart(exponent + 1, "0");
  return `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}
