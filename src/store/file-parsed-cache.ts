import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import type { Json } from "../identity/canonical-json.ts";
import type { Digest } from "../identity/identity.ts";
import type { ParsedCache } from "./parsed-cache.ts";

/** Raised whenever the shape of a parsed value changes: older caches are then ignored. */
const VERSION = 9;
/** Entries that nobody asked for are kept up to this many, so that switching branches stays warm. */
const SPARE = 2_000;
/** Values kept as they are, so that the same bytes give the same object again. */
const PARSED = 4_000;

/**
 * One file: a header line, then `<digest>\t<json>` lines, read whole and parsed entry by entry when asked for.
 * A torn or foreign file is an empty cache.
 */
export function fileParsedCache(path: string, version: string): ParsedCache {
  const header = `sluice-parsed ${VERSION} ${version}`;
  let read: Map<Digest, string> | undefined;
  const lines = (): Map<Digest, string> => (read ??= readLines(path, header));
  const asked = new Set<Digest>();
  const parsed = new Map<Digest, Json>();
  const remember = (digest: Digest, value: Json): void => {
    parsed.set(digest, value);
    if (parsed.size > PARSED) parsed.delete(parsed.keys().next().value ?? digest);
  };
  let dirty = false;
  return {
    get(digest) {
      const line = lines().get(digest);
      if (line === undefined) return undefined;
      asked.add(digest);
      const known = parsed.get(digest);
      if (known !== undefined) return known;
      const value = JSON.parse(line) as Json;
      remember(digest, value);
      return value;
    },
    set(digest, value) {
      lines().set(digest, JSON.stringify(value));
      remember(digest, value);
      asked.add(digest);
      dirty = true;
    },
    save() {
      if (!dirty) return;
      const spare = [...lines().keys()].filter((digest) => !asked.has(digest)).slice(-SPARE);
      const keep = [...spare, ...asked];
      const text = keep.map((digest) => `${digest}\t${lines().get(digest) ?? "null"}\n`).join("");
      mkdirSync(dirname(path), { recursive: true });
      const temporary = `${path}.${randomUUID()}`;
      writeFileSync(temporary, `${header}\n${text}`);
      renameSync(temporary, path);
      dirty = false;
    },
  };
}

function readLines(path: string, header: string): Map<Digest, string> {
  const lines = new Map<Digest, string>();
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return lines;
  }
  let at = text.indexOf("\n") + 1;
  if (text.slice(0, at - 1) !== header) return lines;
  while (at < text.length) {
    const tab = text.indexOf("\t", at);
    const end = text.indexOf("\n", at);
    if (tab < 0 || end < 0 || tab > end) break;
    lines.set(text.slice(at, tab) as Digest, text.slice(tab + 1, end));
    at = end + 1;
  }
  return lines;
}
