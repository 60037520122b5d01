// Reads an amount of credits as a person types or pastes it: understood, or refused with a reason, never guessed.

const GROUP_SEPARATORS = "., '’_";
const MOST_DIGITS = 15; // every such number is exact in a double

/**
 * @param {string} text what was typed or pasted
 * @param {{minimum: number, maximum: number}} limits
 * @param {(credits: number) => string} shown how the pages write a number for this reader, which is always understood
 * @returns {{credits: number} | {reason: "empty"|"letters"|"money"|"negative"|"fraction"|"unclear"|"below"|"above"}}
 */
export function parseAmount(text, limits, shown = String) {
  const plain = normal(String(text).slice(0, 200));
  if (plain === "") return { reason: "empty" };
  if (/^[-−–]/u.test(plain)) return { reason: "negative" };
  if (/^(rp|idr|us\$|usd|\p{Sc})/iu.test(plain)) return { reason: "money" };
  if (/[^\d., '’_]/u.test(plain) || !/\d/u.test(plain)) return { reason: "letters" };
  const digits = wholeNumber(plain, shown);
  if (digits === null) return { reason: looksLikeFraction(plain) ? "fraction" : "unclear" };
  if (digits.length > MOST_DIGITS) return { reason: "above" };
  const credits = Number(digits);
  if (credits < limits.minimum) return { reason: "below" };
  if (credits > limits.maximum) return { reason: "above" };
  return { credits };
}

function normal(text) {
  return text.normalize("NFKC").replace(/\s+/gu, " ").trim();
}

/** The digits without leading zeros, when the text is a bare number, one as the pages show it, or one grouped in threes. */
function wholeNumber(plain, shown) {
  if (/^\d+$/u.test(plain)) return withoutLeadingZeros(plain);
  const bare = plain.replace(/\D/gu, "");
  if (bare.length <= MOST_DIGITS && normal(shown(Number(bare))) === plain) return bare;
  const separator = [...plain].find((character) => GROUP_SEPARATORS.includes(character));
  const [first, ...rest] = plain.split(separator);
  const grouped = /^[1-9]\d{0,2}$/u.test(first) && rest.every((group) => /^\d{3}$/u.test(group));
  return grouped ? first + rest.join("") : null;
}

/** 1000.5, 1.5, 1,50 and 1.000,00: something stands behind a last point or comma that is no group of three. */
function looksLikeFraction(plain) {
  return /[.,]\d*$/u.test(plain) && !/[.,]\d{3}$/u.test(plain);
}

function withoutLeadingZeros(digits) {
  return digits.replace(/^0+(?=\d)/u, "");
}
