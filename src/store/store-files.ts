import { readdirSync, readFileSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";

import { digestFromHex, hexOf, type Digest } from "../identity/identity.ts";
import type { StepResult } from "../key/key-document.ts";
import { isCode, seenAt } from "./objects.ts";
import { resultPath } from "./result-index.ts";
import { revisedAt, revocationPath } from "./revocation-file.ts";
import { parsed } from "./write-once.ts";

const DAY = 86_400_000;

export interface FoundObject {
  readonly path: string;
  /** Undefined for what a process that was killed left half-written. */
  readonly digest: Digest | undefined;
  readonly isListing: boolean;
  readonly stat: Stats;
}

/** Every object and listing of a store in a directory. */
export function* objectsIn(root: string): Generator<FoundObject> {
  for (const kind of ["objects", "listings"])
    for (const fan of namesIn(join(root, kind)))
      for (const name of namesIn(join(root, kind, fan))) {
        const path = join(root, kind, fan, name);
        const stat = seenAt(path);
        const hex = `${fan}${name.replace(/\.json$/, "")}`;
        if (stat === undefined) continue;
        const isListing = kind === "listings";
        if (/^[0-9a-f]{64}$/.test(hex)) yield { path, digest: digestFromHex(hex), isListing, stat };
        else if (isTemporary(name)) yield { path, digest: undefined, isListing, stat };
      }
}

export interface FoundResult {
  readonly path: string;
  readonly stat: Stats;
  /** What took its place; nothing stands there where nothing did. */
  readonly revocation: { readonly path: string; readonly stat: Stats | undefined };
  /** As it is read now; undefined for what a machine that went down left torn, which says nothing. */
  readonly result: StepResult | undefined;
}

/** Every result of a store in a directory. */
export function* resultsIn(root: string): Generator<FoundResult> {
  for (const domain of domainsIn(root, "results")) {
    const directory = join(root, "results", domain);
    for (const name of namesIn(directory)) {
      const key = keyOf(name);
      const path = key && resultPath(directory, hexOf(key));
      const [stat, text] = path === undefined ? [] : [seenAt(path), textAt(path)];
      if (key === undefined || path === undefined || stat === undefined || text === undefined) continue;
      const revoked = revocationPath(root, domain, key);
      const revocation = seenAt(revoked);
      const now = revocation && revisedAt(revoked);
      const result = now ?? (parsed(text) as StepResult | undefined);
      yield { path, stat, revocation: { path: revoked, stat: revocation }, result };
    }
  }
}

/** Domains that have something in one of a store's directories. */
export function domainsIn(root: string, kind: string): readonly string[] {
  const forks = namesIn(join(root, kind, "fork")).map((number) => `fork/${number}`);
  return [...namesIn(join(root, kind)).filter((name) => name !== "fork"), ...forks];
}

/** The key that a file of results is named by. */
function keyOf(name: string): Digest | undefined {
  return /^[0-9a-f]{64}\.json$/.test(name) ? digestFromHex(name.slice(0, 64)) : undefined;
}

export function isTemporary(name: string): boolean {
  return name.includes(".tmp-");
}

/** A file's time says what a step says, its inode's when it came here or was moved: what lies in the future is no time. */
export function isOlder({ mtimeMs, ctimeMs }: Stats, than: number): boolean {
  return Math.max(mtimeMs > Date.now() + DAY ? 0 : mtimeMs, ctimeMs) < than;
}

/** Nothing where there is no directory; one that cannot be read is a surprise, because what it names would go. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return [];
    throw error;
  }
}

/** Undefined for what is not there any more. */
export function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Ms since 1970; undefined where nothing is. */
export function modifiedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
