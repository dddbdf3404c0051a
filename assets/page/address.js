/**
 * The page's address says what is under the lens, so that it can be reloaded, bookmarked and sent to someone:
 * `#model=detector&version=1&sample=coffee.jpg`. A visitor's own picture is never part of it.
 */

/** @returns {{model: string|null, version: number|null, sample: string|null}} */
export function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const version = Number(parts.get("version"));
  return {
    model: parts.get("model"),
    version: Number.isInteger(version) && version > 0 ? version : null,
    sample: parts.get("sample"),
  };
}

/** @param {{model: string|null, version: number|null, sample: string|null}} shown */
export function writeAddress(shown) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(shown)) if (value !== null) parts.set(name, String(value));
  history.replaceState(null, "", `${location.pathname}#${parts}`);
}
