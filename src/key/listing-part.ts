import { digestOfJson, type Digest } from "../identity/identity.ts";
import { directoryDigest, type EntryKind, type ListingEntry } from "./key-document.ts";

/** The file, link or sub-directory at a path inside a listed directory; undefined when nothing stands there. */
export function partOfListing(
  listing: readonly ListingEntry[],
  path: string,
): { readonly kind: EntryKind; readonly digest: Digest } | undefined {
  const entry = listing.find((candidate) => candidate.path === path);
  if (entry !== undefined) {
    return "link" in entry
      ? { kind: "file", digest: digestOfJson({ link: entry.link }) }
      : { kind: entry.x ? "executable" : "file", digest: entry.digest };
  }
  const prefix = `${path}/`;
  const below = listing.flatMap((candidate) =>
    candidate.path.startsWith(prefix) ? [{ ...candidate, path: candidate.path.slice(prefix.length) }] : [],
  );
  return below.length === 0 ? undefined : { kind: "directory", digest: directoryDigest(below) };
}
