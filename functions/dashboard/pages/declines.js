// Why a payment was refused, in words that say what to do next.
import { has, t } from "./language.js";

/** Codes that lead to the same advice share their words. */
const SAME_ADVICE = {
  withdrawal_count_limit_exceeded: "limit", card_velocity_exceeded: "limit",
  incorrect_cvc: "cvc", invalid_cvc: "cvc",
  incorrect_number: "number", invalid_number: "number",
  invalid_expiry_month: "expiry", invalid_expiry_year: "expiry",
  payment_intent_authentication_failure: "authentication_required",
  currency_not_supported: "unsupported", card_not_supported: "unsupported",
  processing_error: "later", issuer_not_available: "later",
};

/** `text` is our advice; `said` is what the provider said, where we know nothing better. */
export function adviceOn({ code, detail }) {
  const advice = SAME_ADVICE[code] ?? code;
  const known = has(`failure.${advice}`);
  const text = t(known ? `failure.${advice}` : "failure.other");
  const said = !known && advice !== "payment_failed" && detail ? t("failure.said", { detail }) : null;
  return { text, said };
}
