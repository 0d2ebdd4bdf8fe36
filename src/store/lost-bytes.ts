import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { digestFromHex, hexOf, type Digest } from "../identity/identity.ts";
import type { StepResult } from "../key/key-document.ts";
import { inTurns } from "./breather.ts";
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
    unmark(root, digest);
    lost.delete(digest);
  }
  return namingLost(lost, (digest) => listing(root, digest));
}

function unmark(root: string, digest: Digest): void {
  try {
    rmSync(join(root, "lost", hexOf(digest)), { force: true });
  } catch {
    // A store that only can be read keeps its marks; they mean nothing while the bytes are there.
  }
}

/** Whether a result names one of some digests, itself or in a directory of it; undefined where there are none. */
export function namingLost(
  lost: ReadonlySet<Digest>,
  listingOf: (digest: Digest) => ReturnType<typeof listing>,
): ((result: StepResult) => boolean) | undefined {
  if (lost.size === 0) return undefined;
  // Thousands of results name few directories: each is read once.
  const inside = new Map<Digest, boolean>();
  const holdsLost = (directory: Digest): boolean => {
    const known = inside.get(directory);
    if (known !== undefined) return known;
    const holds = listingOf(directory)?.some((entry) => !("link" in entry) && lost.has(entry.digest)) === true;
    inside.set(directory, holds);
    return holds;
  };
  return ({ facts }) =>
    facts.outputs.some(({ kind, digest }) => lost.has(digest) || (kind === "directory" && holdsLost(digest)));
}

/** Forgets what nobody missed for long: whoever misses it again marks it again. */
export async function removeOldMarks(root: string, olderThan: number): Promise<void> {
  for await (const digest of inTurns(marksIn(join(root, "lost"))))
    if ((statSync(join(root, "lost", hexOf(digest)), { throwIfNoEntry: false })?.mtimeMs ?? olderThan) < olderThan)
      unmark(root, digest);
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
