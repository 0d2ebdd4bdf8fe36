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

/** The commit of a loose or packed ref; undefined when there is none (or it is kept in another format). */
export function readRef(common: string, ref: string): CommitSha | undefined {
  const loose = read(join(common, ref));
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
