import type { Json } from "../identity/canonical-json.ts";
import type { Digest } from "../identity/identity.ts";

/** Parsed files by the digest of their bytes and path (DESIGN decision 13); disposable. */
export interface ParsedCache {
  get(digest: Digest): Json | undefined;
  set(digest: Digest, value: Json): void;
  /** Writes what was added; entries not asked for in this process are dropped when there are too many. */
  save(): void;
}
