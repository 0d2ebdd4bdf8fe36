import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { digestFromHex, hexOf, type Digest } from "../identity/identity.ts";
import type { StepResult } from "../key/key-document.ts";
import { listing, listingPath, objectPath } from "./objects.ts";

/** Remembers bytes that somebody asked for and nobody has, until they are there again. */
export function markLost(root: string, digest: Digest): void {
  const directory = join(root, "lost");
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, hexOf(digest)), "");
  } catch {
    // Where nothing can be written now, whoever asks next finds them missing too.
  }
}

/**
 * Whether a result names bytes that somebody missed; undefined where nothing is missed. Nobody looks for the bytes of
 * each result of each plan: only what was missed is looked for.
 */
export function lostBytes(root: string): ((result: StepResult) => boolean) | undefined {
  const lost = new Set(marksIn(join(root, "lost")));
  for (const digest of lost) {
    if (!isThere(root, digest)) continue;
    rmSync(join(root, "lost", hexOf(digest)), { force: true });
    lost.delete(digest);
  }
  return lost.size === 0 ? undefined : (result) => namesLost(lost, result, (digest) => listing(root, digest));
}

/** Whether a result names one of some digests, itself or in a directory of it. */
export function namesLost(
  lost: ReadonlySet<Digest>,
  { facts }: StepResult,
  listingOf: (digest: Digest) => ReturnType<typeof listing>,
): boolean {
  return facts.outputs.some(
    ({ kind, digest }) =>
      lost.has(digest) ||
      (kind === "directory" && listingOf(digest)?.some((entry) => !("link" in entry) && lost.has(entry.digest))),
  );
}

function isThere(root: string, digest: Digest): boolean {
  return existsSync(objectPath(root, digest)) || existsSync(listingPath(root, digest));
}

function marksIn(directory: string): readonly Digest[] {
  try {
    return readdirSync(directory).flatMap((hex) => (/^[0-9a-f]{64}$/.test(hex) ? [digestFromHex(hex)] : []));
  } catch {
    return [];
  }
}
