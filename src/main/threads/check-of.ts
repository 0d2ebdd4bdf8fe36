import { haveBundles, type VerifyOrder } from "../../controller/verify-runs.ts";
import type { BundleTrust, CheckBundle } from "../../manifest/bundle.ts";

/** What checks the bundles of these runs; undefined where there are none, or nobody said whose count. */
export async function checkOf({ runs, trust }: VerifyOrder): Promise<CheckBundle | undefined> {
  if (trust === null || !haveBundles(runs)) return undefined;
  return checkBy(trust);
}

/** With a root that cannot be read no bundle holds. */
export async function checkBy(trust: BundleTrust): Promise<CheckBundle> {
  const { checkBundles } = await import("../../signer/check-bundles.ts");
  const check = await checkBundles(trust);
  return check.kind === "ok"
    ? check.value
    : () => ({ kind: "invalid", why: `the trusted root cannot be read: ${check.refusal}` });
}
