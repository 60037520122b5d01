// The page Billing > Usage: loaded when it is opened.
import { ENGLISH_USED } from "./english-used.js";
import { INDONESIAN_USED } from "./indonesian-used.js";
import { addWords } from "./language.js";
import { usagePage } from "./usage-page.js";

addWords({ en: ENGLISH_USED, id: INDONESIAN_USED });

export const pages = { usage: usagePage };
