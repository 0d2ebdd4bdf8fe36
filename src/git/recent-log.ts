import { parseCommitSha, type CommitSha } from "../identity/identity.ts";
import type { LoggedCommit } from "./git.ts";
import type { ObjectReader } from "./read-objects.ts";

const MOST = 100;

/**
 * The commits from `head` back to `until` where they are few and stand in one line, newest first: read as objects,
 * without another process. Undefined where `git log` has to say.
 */
export async function recentLog(
  reader: ObjectReader,
  head: CommitSha,
  until: CommitSha,
): Promise<readonly LoggedCommit[] | undefined> {
  const commits: LoggedCommit[] = [];
  for (let sha = head; sha !== until;) {
    const commit = commits.length < MOST ? await readCommit(reader, sha) : undefined;
    const [parent, ...more] = commit?.parents ?? [];
    if (commit === undefined || parent === undefined || more.length > 0) return undefined;
    commits.push(commit);
    sha = parent;
  }
  return commits;
}

async function readCommit(reader: ObjectReader, sha: CommitSha): Promise<LoggedCommit | undefined> {
  let text: string | undefined;
  const take = (_: number, bytes: Uint8Array | undefined): void => {
    text = bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  };
  await reader.read([sha], take, "commit");
  const end = text?.indexOf("\n\n") ?? -1;
  const head = text?.slice(0, end + 1) ?? "";
  // Another encoding is git's to convert.
  if (text === undefined || end < 0 || /^encoding /m.test(head)) return undefined;
  const parents = [...head.matchAll(/^parent ([0-9a-f]{40})$/gm)].flatMap(
    (match) => parseCommitSha(match[1] ?? "") ?? [],
  );
  const time = /^committer .*> (\d+) [+-]\d{4}$/m.exec(head)?.[1];
  return time === undefined ? undefined : { sha, parents, time: Number(time), message: text.slice(end + 2) };
}
