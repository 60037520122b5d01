// What the worker could not handle, and giving it to the worker once more.
import { h } from "./dom.js";
import { number, t } from "./language.js";
import { seeDeadLetters } from "./operate-api.js";
import { askToAct } from "./operate-act.js";
import { loader, place, section, when } from "./operate-parts.js";

export function deadLettersPage(app) {
  const content = h("div");
  const load = loader(app, content, seeDeadLetters, (seen) => drawn(app, seen, () => load({ quietly: true })));
  return { element: place(app, "/operate/dead-letters", h("p.muted", {}, t("op.dead.text")), content), start: load, wake: () => load({ quietly: true }) };
}

function drawn(app, { waiting, redrives }, again) {
  const values = { count: number(waiting) };
  const redrive = () => askToAct(app, { title: t("op.redrive.title"), text: t("op.redrive.text", values), label: t("op.redrive"), path: "dead-letters/redrive", done: again });
  return h("div.stack", {},
    section(t("op.dead.waiting"),
      h("p.credits", {}, number(waiting)),
      h("p.muted", {}, t(waiting === 0 ? "op.dead.none" : "op.dead.some")),
      waiting > 0 && h("div.actions", {}, h("button.button.primary", { type: "button", "data-key": "redrive", onclick: redrive }, t("op.redrive")))),
    section(t("op.dead.before"), redrives.length === 0
      ? h("p.muted", {}, t("op.dead.before.none"))
      : h("ol.op-log", {}, redrives.map((one) => h("li", {}, h("p", {}, h("strong", {}, t("op.dead.moved", { count: number(one.waiting) })), " · ", one.by, " · ", when(one.at)), h("p", {}, one.reason))))));
}
