// The pages of the staff: a script and a style sheet of their own, loaded when somebody who may opens one of them.
import { h } from "./dom.js";
import { addWords } from "./language.js";
import { deadLettersPage } from "./operate-dead-letters.js";
import { ENGLISH_OPERATE } from "./english-operate.js";
import { INDONESIAN_OPERATE } from "./indonesian-operate.js";
import { adjustmentsPage, reconciliationsPage, reviewsPage } from "./operate-lists.js";
import { organisationPage } from "./operate-organisation.js";
import { searchPage } from "./operate-search.js";
import { topUpPage } from "./operate-top-up.js";

addWords({ en: ENGLISH_OPERATE, id: INDONESIAN_OPERATE });
/** Over when the style sheet is there, or does not come; it lies beside the script, under the same name. */
export const styled = new Promise((resolve) => {
  document.head.append(h("link", { rel: "stylesheet", href: import.meta.url.replace(/js$/, "css"), onload: resolve, onerror: resolve }));
});

export const pages = {
  search: searchPage,
  organisation: organisationPage,
  topUp: topUpPage,
  reviews: reviewsPage,
  adjustments: adjustmentsPage,
  reconciliations: reconciliationsPage,
  deadLetters: deadLettersPage,
};
