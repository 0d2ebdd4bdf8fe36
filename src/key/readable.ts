import type { Domain } from "../identity/identity.ts";
import type { StepResult } from "./key-document.ts";

/** Which domains a domain reads, nearest first (SEMANTICS §4). */
export function readable(domain: Domain): readonly Domain[] {
  if (domain === "main") return ["main", "pr"];
  if (domain === "local") return ["local", "main", "pr"];
  return [domain, "main"];
}

/**
 * Whether a domain may take a result that lies in a domain it reads: main takes what a pull request made only where
 * nothing could have tampered with it.
 */
export function mayRead(reader: Domain, lies: Domain, { made }: Pick<StepResult, "made">): boolean {
  if (!readable(reader).includes(lies)) return false;
  if (reader !== "main" || lies === "main") return true;
  return made.isolation !== "workspace" && !made.network && !made.secrets;
}

/** Throws where a result was made in another domain than the one that it is to be written into: nobody may do that. */
export function ownResult(domain: Domain, { made }: Pick<StepResult, "made">): void {
  if (made.domain !== domain)
    throw new Error(`writing a result of ${made.domain} into ${domain}: nobody writes into another domain`);
}
