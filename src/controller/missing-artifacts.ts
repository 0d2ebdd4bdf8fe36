import type { Digest } from "../identity/identity.ts";
import type { Release } from "../release/release.ts";
import type { Store } from "../store/store.ts";

/** Files of a directory that are looked for, so that a look stays quick whatever was released. */
const MOST = 1_000;

/** Artifacts of a release of which the store lacks bytes. */
export function missingArtifacts(
  store: Pick<Store, "has" | "listingSync">,
  { artifacts }: Pick<Release, "artifacts">,
): Release["artifacts"] {
  const isWhole = (digest: Digest): boolean => {
    if (!store.has(digest)) return false;
    const inside = (store.listingSync(digest) ?? []).slice(0, MOST);
    return inside.every((entry) => "link" in entry || store.has(entry.digest));
  };
  return artifacts.filter(({ digest }) => !isWhole(digest));
}
