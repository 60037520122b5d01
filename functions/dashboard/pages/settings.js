// What this deployment told the pages, and addresses under its base path.

export const settings = JSON.parse(document.querySelector('meta[name="saldo-settings"]').content);

/** Where a path of ours, like `/billing/balance`, lies on this host. */
export function address(path) {
  return settings.base_path + path;
}

/** The path of ours that is open now. */
export function currentPath() {
  const base = settings.base_path;
  const path = location.pathname;
  if (path === base) return "/";
  return path.startsWith(`${base}/`) ? path.slice(base.length) : path;
}
