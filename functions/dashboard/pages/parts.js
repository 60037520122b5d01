// The parts that several pages share: notices, buttons that work, status words, words for failures.
import { h, icon } from "./dom.js";
import { has, t } from "./language.js";
import { canSignIn, organisation } from "./session.js";

/** tone: "low" (yellow), "strong" (red), "good" (green), "info", "plain". `role` makes it heard: "alert" or "status". */
export function notice({ tone, icon: name, title, text, detail, actions = [], role, large = false }) {
  return h(`section.notice.${tone}${large ? ".large" : ""}`, { role }, icon(name),
    h("div.notice-body", {},
      title && h(large ? "h2" : "p.notice-title", {}, title),
      text && h("p", {}, text),
      detail && h("p.said", {}, detail)),
    actions.some(Boolean) && h("div.notice-actions", {}, actions));
}

/** What went wrong and the way on; `retry` is tried again by its button. */
export function failureNotice(failure, app, { retry, large = false, saving } = {}) {
  const again = retry && h("button.button", { type: "button", "data-key": "retry", onclick: retry }, t("again"));
  if (failure.kind === "session" || failure.code === "organisation_required") {
    const words = failure.kind === "session" ? "session" : "session.noOrg";
    const go = () => { saving?.(); app.signIn(); };
    const button = canSignIn() && h("button.button.primary", { type: "button", "data-key": "sign-in", onclick: go }, t("session.signIn"));
    return notice({ tone: "info", icon: "lock", title: t(`${words}.title`), text: t(`${words}.text`), actions: [button], role: "alert", large });
  }
  if (failure.kind === "permission") return noView(large);
  if (failure.kind === "network") {
    return notice({ tone: "low", icon: "offline", title: t("error.network.title"), text: t("error.network"), actions: [again], role: "alert", large });
  }
  if (failure.tooMany) {
    const text = failure.retryAfterSecs > 0 ? t("error.tooMany.in", { seconds: failure.retryAfterSecs }) : t("error.tooMany");
    return notice({ tone: "low", icon: "alert", title: t("error.tooMany.title"), text, actions: [again], role: "alert", large });
  }
  if (isStanding(failure.code)) return standingNotice(failure.code, { role: "alert", large });
  const provider = failure.code === "payment_provider_unavailable";
  return notice({
    tone: provider ? "low" : "strong",
    icon: "alert",
    title: provider ? null : t("error.server.title"),
    text: t(provider ? "error.provider" : "error.server"),
    detail: !provider && failure.problem.detail && t("error.said", { detail: failure.problem.detail }),
    actions: [again],
    role: "alert",
    large,
  });
}

/** Whether a refusal stands until a person removes its cause. */
export function isStanding(code) {
  return has(`refused.${code}`);
}

/** Whom to ask; there is nothing to try again. */
export function standingNotice(code, { role, large = false }) {
  return notice({ tone: "strong", icon: "alert", title: t("refused.title"), text: t(`refused.${code}`), role, large });
}

function noView(large) {
  return notice({ tone: "plain", icon: "lock", title: t("noView.title"), text: t("noView.text", { org: organisation() || t("yourOrg") }), large });
}

/** Who may look but not buy reads whom to ask. */
export function noSubscribe({ role, title = true } = {}) {
  return notice({ tone: "plain", icon: "lock", title: title && t("noSubscribe.title"), text: t("noSubscribe.text", { org: organisation() || t("yourOrg") }), role });
}

const STATUS_TONES = { requested: "wait", open: "open", paid: "paid", canceled: "off", expired: "off", in_review: "review", failed: "failed" };

export function statusWord(status) {
  return h(`span.status.${STATUS_TONES[status] ?? "off"}`, {}, status in STATUS_TONES ? t(`status.${status}`) : status);
}

/** Makes a button show that it works; returns what sets it back. It keeps its focus and can't be pressed meanwhile. */
export function working(button, label) {
  const before = [...button.childNodes];
  button.setAttribute("aria-disabled", "true");
  button.setAttribute("aria-busy", "true");
  button.replaceChildren(spinner(), label);
  return () => {
    button.removeAttribute("aria-disabled");
    button.removeAttribute("aria-busy");
    button.replaceChildren(...before);
  };
}

export function spinner() {
  return h("span.spinner", { "aria-hidden": "true" });
}

/** Grey shapes in place of what is being loaded, with words for those who can't see them. */
export function skeleton(...shapes) {
  return h("div.skeletons", { role: "status" }, h("span.visually-hidden", {}, t("loading")), shapes.map((shape) => h(`div.skeleton.${shape}`, { "aria-hidden": "true" })));
}

/** Only a web address may be followed, whatever the server says. */
export function webAddress(text) {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

