import type { Digest } from "../identity/identity.ts";
import type { Release } from "../release/release.ts";
import type { Store } from "../store/store.ts";

/** Artifacts of a release, and files of a directory, that are looked for: a look stays quick whatever was released. */
const MOST = 1_000;
/** So many are asked for at once: a bucket answers in milliseconds, each. */
const AT_ONCE = 16;

/** Artifacts of a release of which the store lacks bytes. */
export async function missingArtifacts(
  store: Pick<Store, "present" | "listing">,
  { artifacts }: Pick<Release, "artifacts">,
): Promise<Release["artifacts"]> {
  const missing: Release["artifacts"][number][] = [];
  const asked = artifacts.slice(0, MOST);
  for (let at = 0; at < asked.length; at += AT_ONCE) {
    const some = asked.slice(at, at + AT_ONCE);
    const whole = await Promise.all(some.map(({ digest }) => isWhole(store, digest)));
    missing.push(...some.filter((_, nth) => whole[nth] === false));
  }
  return missing;
}

async function isWhole(store: Pick<Store, "present" | "listing">, digest: Digest): Promise<boolean> {
  if (!(await store.present(digest))) return false;
  const inside = (await store.listing(digest)) ?? [];
  for (const entry of inside.slice(0, MOST))
    if (!("link" in entry) && !(await store.present(entry.digest))) return false;
  return true;
}
