// Every word of a first visit, by language; a test compares the two.
import { ENGLISH } from "./english.js";
import { INDONESIAN } from "./indonesian.js";

export const STRINGS = { en: ENGLISH, id: INDONESIAN };
