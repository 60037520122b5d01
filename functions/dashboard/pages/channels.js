// What is sold, as the API tells of it: a meter that has words neither there nor here goes by its own name.
import { getBalance } from "./api.js";
import { hasIcon, icon } from "./dom.js";
import { currentLanguage, has, t } from "./language.js";

const WITH_ICON = ["email", "whatsapp", "sms"];
const MESSAGE = "message";
/** So many are shown whether they are used or not. */
const SHOWN_UNUSED = 4;

let known = {};

/** The meters of the balance, the cheapest first, which are remembered by their names. */
export function metersOf({ rates, meters }) {
  const all = meters ?? Object.entries(rates).map(([channel, rate]) => ({ channel, rate, unit: MESSAGE }));
  known = Object.fromEntries(all.map((meter) => [meter.channel, meter]));
  return [...all].sort((one, other) => one.rate - other.rate);
}

/** Learns the names of these channels, where they are not known here; without them they go by their own. */
export async function knowNames(channels) {
  if (channels.every((channel) => known[channel] || has(`rates.${channel}`))) return;
  try { metersOf(await getBalance()); } catch (failure) { if (!failure.kind) throw failure; }
}

export function channelName(channel) {
  const name = known[channel]?.names?.[currentLanguage()];
  if (name) return name;
  if (has(`rates.${channel}`)) return t(`rates.${channel}`);
  return channel.slice(0, 1).toUpperCase() + channel.slice(1).replaceAll("_", " ");
}

/** What its unit is called; null where that is a message. */
export function unitName(channel) {
  const meter = known[channel];
  if (!meter || meter.unit === MESSAGE) return null;
  return meter.units?.[currentLanguage()] ?? meter.unit.replaceAll("_", " ");
}

export function channelIcon(channel) {
  const configured = known[channel]?.icon;
  if (hasIcon(configured)) return icon(configured);
  return icon(WITH_ICON.includes(channel) ? channel : MESSAGE);
}

/** Those of these names that are worth a place: all of a few, of many only what was used. */
export function shownOf(names, isUsed) {
  return names.length <= SHOWN_UNUSED ? names : names.filter(isUsed);
}
