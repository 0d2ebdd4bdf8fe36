import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { hexOf, type Digest } from "../identity/identity.ts";
import type { StepResult } from "../key/key-document.ts";
import { parsed } from "./write-once.ts";

/** `domain` as it is below `results`. */
export function revocationPath(root: string, domain: string, key: Digest): string {
  return join(root, "revocations", domain, `${hexOf(key)}.json`);
}

/** What took the place of a result; undefined where nothing did. */
export function revisedAt(path: string): StepResult | undefined {
  if (!existsSync(path)) return undefined;
  return (parsed(readFileSync(path, "utf8")) as { readonly now: StepResult } | undefined)?.now;
}
