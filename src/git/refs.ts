import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parseCommitSha, type CommitSha } from "../identity/identity.ts";

/** What HEAD says, read from the files: no process is started on the way to "nothing to do". */
export function readHead(
  gitDirectory: string,
  common: string,
): { readonly commit: CommitSha | null; readonly branch: string | null } | undefined {
  const head = read(join(gitDirectory, "HEAD"));
  if (head === undefined) return undefined;
  const ref = /^ref: (refs\/heads\/(.+))$/.exec(head);
  if (ref?.[1] === undefined) return { commit: parseCommitSha(head) ?? null, branch: null };
  return { commit: readRef(common, ref[1]) ?? null, branch: ref[2] ?? null };
}

/**
 * What a loose or packed ref holds, symbolic ones followed; undefined when there is none (or refs are kept in
 * another format). Loose first: git packs a ref before it takes the loose one away.
 */
export function readRef(common: string, ref: string, depth = 5): CommitSha | undefined {
  if (depth === 0 || ref.split("/").includes("..")) return undefined;
  const loose = read(join(common, ref));
  const target = loose === undefined ? undefined : /^ref: (.+)$/.exec(loose)?.[1];
  if (target !== undefined) return readRef(common, target, depth - 1);
  if (loose !== undefined) return parseCommitSha(loose);
  const packed = read(join(common, "packed-refs")) ?? "";
  for (const line of packed.split("\n")) if (line.slice(41) === ref) return parseCommitSha(line.slice(0, 40));
  return undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
