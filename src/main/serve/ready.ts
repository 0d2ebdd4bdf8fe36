import type { Forges } from "../../forge/forge.ts";
import type { Probe } from "../../store/probe.ts";

interface Parts {
  readonly probe: Probe;
  readonly forges: Pick<Forges, "repositories">;
  readonly now: () => number;
  /** What is wrong goes to the log: the page is anybody's, and errors name paths. */
  readonly onError: (error: unknown) => void;
  /** Who asks waits no longer than this; default 5 s. */
  readonly withinMs?: number;
}

const WITHIN_MS = 5_000;
/** Asked for by balancers every few seconds: the store is looked at this often, the forge has limits. */
const STORE_EVERY_MS = 5_000;
const FORGE_EVERY_MS = 60_000;

/**
 * A part of main.ts for `/readyz`: why this service can take no work, or null. A forge that is away is no reason, because
 * what it sends has to be taken when it is back; one that does not take the App's key is.
 */
export function readiness({ probe, forges, now, onError, withinMs = WITHIN_MS }: Parts): () => Promise<string | null> {
  const storeWhy = remembered(STORE_EVERY_MS, now, () =>
    within(withinMs, ofStore(probe, onError), () => {
      onError(new Error(`the store did not answer within ${withinMs / 1_000} s`));
      return "the store does not answer";
    }),
  );
  const forgeWhy = remembered(FORGE_EVERY_MS, now, () => within(withinMs, ofForge(forges, onError), () => null));
  return async () => (await storeWhy()) ?? (await forgeWhy());
}

async function ofStore(probe: Probe, onError: Parts["onError"]): Promise<string | null> {
  try {
    await probe();
    return null;
  } catch (error) {
    onError(error);
    return "the store does not keep what is written; the log says why";
  }
}

async function ofForge(forges: Parts["forges"], onError: Parts["onError"]): Promise<string | null> {
  const listed = await forges.repositories();
  if (listed.kind === "not-found") return "the forge knows no App of this number";
  if (listed.kind !== "refused" || listed.status !== 401) return null;
  onError(new Error(`the forge does not take the App's key: ${listed.why}`));
  return "the forge does not take the App's key";
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

async function within(
  ms: number,
  answer: Promise<string | null>,
  otherwise: () => string | null,
): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const timer = setTimeout(() => resolve(otherwise()), ms);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    clearTimeout(timer);
  }
}
