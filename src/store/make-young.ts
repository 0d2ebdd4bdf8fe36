import { utimesSync, type Stats } from "node:fs";

import type { Digest } from "../identity/identity.ts";
import { breather } from "./breather.ts";
import { listing, listingPath, objectPath, seenAt } from "./objects.ts";

/** Only what is older than seven days is collected: what was made young within the hour need not be again. */
const YOUNG_MS = 3_600_000;

/** Whether an object or listing is there and stays for whatever is begun with it now: old ones are made young. */
export async function stays(root: string, digest: Digest): Promise<boolean> {
  if (staysThere(objectPath(root, digest))) return true;
  const path = listingPath(root, digest);
  const stat = seenAt(path);
  if (stat === undefined) return false;
  // The files come first: whoever finds the directory young need not look at them.
  const breathe = breather();
  for (const entry of isYoung(stat) ? [] : (listing(root, digest) ?? [])) {
    await breathe();
    if (!("link" in entry) && !staysThere(objectPath(root, entry.digest))) return false;
  }
  return staysThere(path);
}

/** The same of a file (of this size). Where it cannot be made young it is as good as gone, and is written anew. */
export function staysThere(path: string, size?: number): boolean {
  const stat = seenAt(path);
  if (stat === undefined || (size !== undefined && stat.size !== size)) return false;
  return isYoung(stat) || isMadeYoung(path);
}

/** A step may have said that it wrote it in years to come. */
function isYoung({ mtimeMs }: Stats): boolean {
  return Math.abs(Date.now() - mtimeMs) < YOUNG_MS;
}

function isMadeYoung(path: string): boolean {
  try {
    const now = new Date();
    utimesSync(path, now, now);
    // It may have been moved away just then: what is there afterwards is seen to be young by whoever moves it.
    return seenAt(path) !== undefined;
  } catch {
    // It went just now, or belongs to somebody else.
    return false;
  }
}
