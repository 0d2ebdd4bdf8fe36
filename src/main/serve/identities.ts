import { readFileSync } from "node:fs";

import type { CheckBundle } from "../../manifest/bundle.ts";
import type { Operator } from "../../pipeline/operator.ts";
import type { Refused } from "./refused.ts";

type IdentitiesRead = { readonly kind: "ok"; readonly checkBundle: CheckBundle | undefined } | Refused;

/** A part of main.ts for services: whose Sigstore bundles count by the operator's file, read once at the start. */
export async function readIdentities({ settings }: Pick<Operator, "settings">): Promise<IdentitiesRead> {
  if (settings.sigstore === null) return { kind: "ok", checkBundle: undefined };
  const { trustedRoot, identities } = settings.sigstore;
  let root: string;
  try {
    root = readFileSync(trustedRoot, "utf8");
  } catch (error) {
    return refusal(`${trustedRoot} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { checkBundles } = await import("../../signer/check-bundles.ts");
  const check = await checkBundles({ identities, root });
  return check.kind === "ok"
    ? { kind: "ok", checkBundle: check.value }
    : refusal(`${trustedRoot} is no trusted root: ${check.refusal}`);
}

/** Started without it, all that was signed keyless would be refused. */
function refusal(why: string): Refused {
  return {
    kind: "refused",
    reason: "usage",
    why: `SLUICE_CONFIG: \`trusted_root\` under \`sigstore\`: ${why}`,
    next: "cosign trusted-root create --with-default-services --out trusted_root.json writes that of the public Sigstore",
  };
}
