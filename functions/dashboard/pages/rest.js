// The pages of Billing besides the Balance: loaded when one of them is opened, or soon after the Balance is shown.
import { budgetsPage } from "./budgets-page.js";
import { ENGLISH_REST } from "./english-rest.js";
import { historyPage } from "./history.js";
import { INDONESIAN_REST } from "./indonesian-rest.js";
import { addWords } from "./language.js";
import { settingsPage } from "./settings-page.js";
import { signInPage } from "./sign-in.js";
import { statementsPage } from "./statements.js";
import { usagePage } from "./usage-page.js";

addWords({ en: ENGLISH_REST, id: INDONESIAN_REST });

export const pages = { history: historyPage, statements: statementsPage, usage: usagePage, budgets: budgetsPage, settings: settingsPage, signIn: signInPage };
