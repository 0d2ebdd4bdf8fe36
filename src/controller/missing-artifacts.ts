import type { Digest } from "../identity/identity.ts";
import type { Release } from "../release/release.ts";
import type { Store } from "../store/store.ts";

/** Files of a directory that are looked for, so that a look stays quick whatever was released. */
const MOST = 1_000;

/** Artifacts of a release of which the store lacks bytes. */
export async function missingArtifacts(
  store: Pick<Store, "present" | "listing">,
  { artifacts }: Pick<Release, "artifacts">,
): Promise<Release["artifacts"]> {
  const missing: Release["artifacts"][number][] = [];
  for (const artifact of artifacts) if (!(await isWhole(store, artifact.digest))) missing.push(artifact);
  return missing;
}

async function isWhole(store: Pick<Store, "present" | "listing">, digest: Digest): Promise<boolean> {
  if (!(await store.present(digest))) return false;
  const inside = (await store.listing(digest)) ?? [];
  for (const entry of inside.slice(0, MOST))
    if (!("link" in entry) && !(await store.present(entry.digest))) return false;
  return true;
}
