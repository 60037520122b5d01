// What became of a top-up that is no longer open, in words.
import { h } from "./dom.js";
import { date, has, money, number, t } from "./language.js";
import { isStanding, notice, spinner, standingNotice } from "./parts.js";

export function addingNotice() {
  return h("section.notice.good", {}, spinner(), h("div.notice-body", {}, h("p.notice-title", {}, t("paid.adding"))));
}

/** The top-up ended without money; why, as the server says it. */
export function failedNotice({ failure }, { role }) {
  if (isStanding(failure?.code)) return standingNotice(failure.code, { role });
  const detail = failure?.detail && t("error.said", { detail: failure.detail });
  return notice({ tone: "strong", icon: "alert", title: t("paid.failed.title"), text: t("paid.failed"), detail, role });
}

/** What is checked and by when: reasons that are not known here are told as the API tells them. */
export function reviewWords({ code, detail, by }) {
  const reason = has(`review.${code}`) ? t(`review.${code}`) : detail;
  return by ? `${reason} ${t("review.by", { date: date(by) })}` : reason;
}

/** A payment that a person looks at: nothing is to be done, and nothing stands in the way of another top-up. */
export function reviewNotice(topUp) {
  const text = t("paid.review.text", { total: money(topUp.total) });
  const detail = topUp.review && reviewWords(topUp.review);
  return notice({ tone: "info", icon: "clock", title: t("paid.review.title"), text, detail, role: "status" });
}

export function outcomeNotice(topUp) {
  const values = { credits: number(topUp.credits), total: money(topUp.total) };
  if (topUp.status === "in_review") return reviewNotice(topUp);
  if (topUp.status === "failed") return failedNotice(topUp, { role: "status" });
  const key = topUp.status === "expired" ? "paid.expired" : "paid.canceled";
  return notice({ tone: "plain", icon: "info", text: t(key, values), role: "status" });
}
