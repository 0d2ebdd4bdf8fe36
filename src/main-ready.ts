import type { Forges } from "./forge/forge.ts";
import type { Store } from "./store/store.ts";

interface Parts {
  readonly store: Pick<Store, "putBytes" | "read">;
  readonly forges: Pick<Forges, "repositories">;
  readonly now: () => number;
}

/** Who asks waits no longer than this. */
const WITHIN_MS = 5_000;
/** Asked for by balancers every few seconds: the store is looked at this often, the forge has limits. */
const STORE_EVERY_MS = 5_000;
const FORGE_EVERY_MS = 60_000;
const PROBE = Buffer.from("sluice is ready\n");

/**
 * A part of main.ts for `/readyz`: why this service can take no work, or null. A forge that is away is no reason, because
 * what it sends has to be taken when it is back; one that does not take the App's key is.
 */
export function readiness({ store, forges, now }: Parts): () => Promise<string | null> {
  const storeWhy = remembered(STORE_EVERY_MS, now, () => within(ofStore(store), "the store does not answer"));
  const forgeWhy = remembered(FORGE_EVERY_MS, now, () => within(ofForge(forges), null));
  return async () => (await storeWhy()) ?? (await forgeWhy());
}

async function ofStore(store: Parts["store"]): Promise<string | null> {
  try {
    const kept = await store.read(await store.putBytes(PROBE));
    return kept === undefined ? "the store does not give back what was written" : null;
  } catch (error) {
    return `the store cannot be written: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function ofForge(forges: Parts["forges"]): Promise<string | null> {
  const listed = await forges.repositories();
  if (listed.kind === "not-found") return "the forge knows no App of this number";
  if (listed.kind === "refused" && listed.status === 401) return `the forge does not take the App's key: ${listed.why}`;
  return null;
}

function remembered(
  everyMs: number,
  now: () => number,
  ask: () => Promise<string | null>,
): () => Promise<string | null> {
  let at = Number.NEGATIVE_INFINITY;
  let answer: Promise<string | null> = Promise.resolve(null);
  return () => {
    if (now() - at >= everyMs) {
      at = now();
      answer = ask();
    }
    return answer;
  };
}

async function within(answer: Promise<string | null>, otherwise: string | null): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const timer = setTimeout(() => resolve(otherwise), WITHIN_MS);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    clearTimeout(timer);
  }
}
