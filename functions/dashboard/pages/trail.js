// What happened to a top-up: a dialog with its steps, from the order to the credits.
import { getTrail } from "./api.js";
import { modal } from "./dialog.js";
import { h } from "./dom.js";
import { dateAndTime, has, money, number, t } from "./language.js";
import { failureNotice, skeleton } from "./parts.js";

/** The button in the row of a top-up. */
export function trailButton(topUp, app) {
  const values = { total: money(topUp.total), credits: number(topUp.credits) };
  return h("button.button.small", { type: "button", "data-key": `trail-${topUp.id}`, "aria-label": t("trail.openFor", values), onclick: () => showTrail(topUp, app) }, t("trail.open"));
}

function showTrail(topUp, app) {
  const dialog = modal({ narrow: true });
  const done = h("button.button", { type: "button", "data-key": "trail-close", onclick: () => dialog.close() }, t("close"));
  const show = (body) => dialog.show({ title: t("trail.title"), body: [about(topUp), body], footer: [done] });

  async function load() {
    show(skeleton("line", "line", "line"));
    try {
      const trail = await getTrail(topUp.id);
      show(steps(trail));
      dialog.say(t("trail.shown", { count: number(trail.steps.length) }));
    } catch (failure) {
      if (!failure.kind) throw failure;
      show(failureNotice(failure, app, { retry: load }));
    }
  }

  load();
}

function about(topUp) {
  return h("p.muted", {}, t("trail.about", { total: money(topUp.total), credits: number(topUp.credits) }));
}

function steps({ steps: all, begins_later: beginsLater }) {
  if (all.length === 0) return h("p", {}, t("trail.none"));
  return [
    beginsLater && h("p.muted", {}, t("trail.beginsLater")),
    h("ol.trail", {}, all.map((step) => h("li", {}, h("p", {}, words(step)), h("time.muted", { datetime: step.at }, dateAndTime(step.at))))),
  ];
}

/** The words for a step; one that a later version of the API brings is told as the API tells it. */
function words({ what, detail, credits }) {
  const key = `trail.${what}`;
  return has(key) ? t(key, { credits: number(Math.abs(credits ?? 0)) }) : detail;
}
