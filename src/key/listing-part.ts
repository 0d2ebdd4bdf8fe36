import { linkDigest, type Digest } from "../identity/identity.ts";
import { globOf } from "../pipeline/glob.ts";
import { directoryDigest, type EntryKind, type ListingEntry } from "./key-document.ts";

/**
 * The file, link or sub-directory at a path inside a listed directory, or all that a glob selects there; undefined when
 * nothing stands there.
 */
export function partOfListing(
  listing: readonly ListingEntry[],
  path: string,
): { readonly kind: EntryKind; readonly digest: Digest } | undefined {
  if (isGlob(path)) {
    const selects = selectionOf(path);
    const selected = listing.filter((entry) => selects(entry.path));
    return selected.length === 0 ? undefined : { kind: "directory", digest: directoryDigest(selected) };
  }
  const entry = listing.find((candidate) => candidate.path === path);
  if (entry !== undefined) {
    return "link" in entry
      ? { kind: "link", digest: linkDigest(entry.link) }
      : { kind: entry.x ? "executable" : "file", digest: entry.digest };
  }
  const prefix = `${path}/`;
  const below = listing.flatMap((candidate) =>
    candidate.path.startsWith(prefix) ? [{ ...candidate, path: candidate.path.slice(prefix.length) }] : [],
  );
  return below.length === 0 ? undefined : { kind: "directory", digest: directoryDigest(below) };
}

/** Which entries of a listed directory an input inside it means: one path and all below it, or what a glob matches. */
export function selectionOf(inside: string): (path: string) => boolean {
  if (isGlob(inside)) {
    return globOf(inside);
  }
  return (path) => path === inside || path.startsWith(`${inside}/`);
}

function isGlob(path: string): boolean {
  return /[*?]/.test(path);
}
