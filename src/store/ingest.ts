import { chmodSync, lstatSync, renameSync, unlinkSync } from "node:fs";
import { dirname, posix } from "node:path";

import { canonicalJson, type Json } from "../identity/canonical-json.ts";
import type { Digest } from "../identity/identity.ts";
import { directoryDigest, type ListingEntry } from "../key/key-document.ts";
import { breather } from "./breather.ts";
import { hashAny, walk } from "./hash.ts";
import { staysThere } from "./make-young.ts";
import { isCode, listingPath, objectPath } from "./objects.ts";
import type { Place } from "./store-place.ts";
import type { Ingested } from "./store.ts";
import { copyInto, makeFan, writeObject } from "./write-once.ts";

interface Taking {
  /** The path that it stands under in what is recorded. */
  readonly as: string;
  readonly move: boolean;
}

/** Takes a file or directory in, by rename or by copy; what the world does not let us take is told as that. */
export async function ingest(place: Place, path: string, taking: Taking): Promise<Ingested> {
  try {
    return await take(place, path, taking);
  } catch (error) {
    if (isCode(error, "ENOSPC") || isCode(error, "EDQUOT")) return { kind: "disk-full" };
    if (isCode(error, "ENAMETOOLONG")) return { kind: "refused", why: "something in it lies too deep to be named" };
    throw new Error(`taking ${path} into the store`, { cause: error });
  }
}

async function take(place: Place, path: string, taking: Taking): Promise<Ingested> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return { kind: "absent" };
  if (stat.isFile()) {
    const { digest, size } = await takeFile(place, path, taking.move);
    const kind = (stat.mode & 0o100) === 0 ? "file" : "executable";
    return { kind: "ok", record: { digest, files: 1, kind, path: taking.as, size } };
  }
  if (!stat.isDirectory())
    return {
      kind: "refused",
      why: stat.isSymbolicLink() ? "it is a symbolic link" : "it is neither a file nor a directory",
    };
  return takeDirectory(place, path, taking);
}

async function takeDirectory(place: Place, path: string, taking: Taking): Promise<Ingested> {
  const entries: ListingEntry[] = [];
  let total = 0;
  const breathe = breather();
  for (const entry of walk(path)) {
    await breathe();
    if (entry.kind === "misnamed") return { kind: "refused", why: `the name of \`${entry.path}\` is not UTF-8` };
    if (entry.kind === "special")
      return { kind: "refused", why: `\`${entry.path}\` is neither a file nor a directory` };
    if (entry.kind === "link") {
      if (leaves(entry.path, entry.target))
        return { kind: "refused", why: `\`${entry.path}\` links to \`${entry.target}\`, outside of it` };
      entries.push({ path: entry.path, link: entry.target });
      continue;
    }
    const file = `${path}/${entry.path}`;
    const x = (lstatSync(file).mode & 0o100) !== 0;
    const { digest, size } = await takeFile(place, file, taking.move);
    total += size;
    entries.push({ path: entry.path, x, digest, size });
  }
  const digest = directoryDigest(entries);
  writeObject(place, listingPath(place.root, digest), Buffer.from(canonicalJson(entries as unknown as Json)));
  return { kind: "ok", record: { digest, files: entries.length, kind: "directory", path: taking.as, size: total } };
}

/** True when a link's target does not stay inside the directory that is stored. */
function leaves(path: string, target: string): boolean {
  if (target.startsWith("/")) return true;
  const resolved = posix.normalize(posix.join(posix.dirname(path), target));
  return resolved === ".." || resolved.startsWith("../");
}

async function takeFile(
  place: Place,
  path: string,
  move: boolean,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const { bytes, ...hashed } = await hashAny(path);
  const target = objectPath(place.root, hashed.digest);
  if (bytes !== undefined) place.recent.keep(hashed.digest, bytes);
  // What is there already stays where it is: it goes with the rest of the workspace.
  if (staysThere(target, hashed.size)) return hashed;
  makeFan(place, dirname(target));
  if (move) {
    try {
      renameSync(path, target);
      chmodSync(target, 0o444);
    } catch (error) {
      if (!isCode(error, "EXDEV")) throw error;
      await copyInto(path, target);
      unlinkSync(path);
    }
  } else await copyInto(path, target);
  place.barrier.add(target);
  return hashed;
}
