// The months that can be chosen.

/** So many up to this one, the newest first, in UTC, by which entries are kept: "2026-11". */
export function lastMonths(count) {
  const now = new Date();
  return Array.from({ length: count }, (_, ago) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - ago)).toISOString().slice(0, 7));
}
