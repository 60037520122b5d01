// What became of a top-up that is no longer open, in words.
import { h } from "./dom.js";
import { money, number, t } from "./language.js";
import { notice, spinner } from "./parts.js";

export function addingNotice() {
  return h("section.notice.good", {}, spinner(), h("div.notice-body", {}, h("p.notice-title", {}, t("paid.adding"))));
}

export function outcomeNotice(topUp) {
  const values = { credits: number(topUp.credits), total: money(topUp.total) };
  if (topUp.status === "in_review") {
    return notice({ tone: "info", icon: "clock", title: t("paid.review.title"), text: t("paid.review.text", values), role: "status" });
  }
  if (topUp.status === "failed") return notice({ tone: "strong", icon: "alert", text: t("paid.failed"), role: "status" });
  const key = topUp.status === "expired" ? "paid.expired" : "paid.canceled";
  return notice({ tone: "plain", icon: "info", text: t(key, values), role: "status" });
}
