import type { IsolationHere } from "./executor.ts";
import { memoryLimitsHere } from "./memory-limit.ts";
import { tryBubblewrap } from "./sandbox.ts";

/** Why `resources.memory` is no limit here; null where the kernel holds steps to it. */
export function unlimitedMemory(): string | null {
  const here = memoryLimitsHere();
  return here.kind === "enforced" ? null : here.why;
}

/** What the `sandbox:` setting comes to here; bubblewrap is tried by starting it once. */
export function isolationHere(sandbox: "auto" | "require" | "off"): IsolationHere {
  const tried = sandbox === "off" ? { works: false, why: "`sandbox: off` in sluice.yaml" } : tryBubblewrap();
  if (tried.works) return { kind: "possible", isolation: "sandbox", why: "steps run in a closed bubblewrap sandbox" };
  if (sandbox === "require") return { kind: "refused", why: `\`sandbox: require\`, but ${tried.why}` };
  return {
    kind: "possible",
    isolation: "workspace",
    why: `steps run in a directory of their own and can read other files of this machine: ${tried.why}`,
  };
}
