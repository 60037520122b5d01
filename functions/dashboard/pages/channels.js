// The ways to send that the API tells of; one that has no words here goes by its own name.
import { icon } from "./dom.js";
import { has, t } from "./language.js";

const WITH_ICON = ["email", "whatsapp", "sms"];

/** [channel, credits] of each, the cheapest first. */
export function channelsOf(rates) {
  return Object.entries(rates).sort(([, one], [, other]) => one - other);
}

export function channelName(channel) {
  return has(`rates.${channel}`) ? t(`rates.${channel}`) : channel.slice(0, 1).toUpperCase() + channel.slice(1);
}

export function channelIcon(channel) {
  return icon(WITH_ICON.includes(channel) ? channel : "message");
}
