import type { Commits, LoggedCommit } from "../git/git.ts";
import type { CommitSha } from "../identity/identity.ts";
import type { History, LedgerEvent } from "../index/history.ts";
import { trailerFaults } from "../manifest/trailer-faults.ts";
import { eventTrailers, type ReleaseEvent } from "../release/release-event.ts";
import {
  parseReproduction,
  recordedReproduction,
  reproductionTrailers,
  type Reproduction,
} from "../release/reproduction.ts";
import type { Finding } from "../report/verify-text.ts";

/** `git log` is asked by trailers: those of an event's commit say what its record does. */
export function eventTrailerFindings(
  commits: readonly LoggedCommit[],
  events: readonly { readonly entry: LedgerEvent; readonly event: ReleaseEvent }[],
): readonly Finding[] {
  const messages = new Map(commits.map(({ sha, message }) => [sha, message]));
  return events.flatMap(({ entry, event }) =>
    findingsOf(entry.commit, trailerFaults(messages.get(entry.commit) ?? "", eventTrailers(event), entry.path)),
  );
}

interface Reproduced {
  readonly sha: CommitSha;
  readonly message: string;
  readonly path: string;
}

/** The same of commits that bring reproductions. */
export async function reproductionTrailerFindings(
  git: Pick<Commits, "files">,
  {
    head,
    commits,
    history,
  }: { readonly head: CommitSha; readonly commits: readonly LoggedCommit[]; readonly history: Pick<History, "runs"> },
): Promise<readonly Finding[]> {
  const named = commits.flatMap(({ sha, message }): Reproduced[] => {
    const recorded = recordedReproduction(message);
    return recorded === undefined ? [] : [{ sha, message, path: recorded.path }];
  });
  if (named.length === 0) return [];
  const pipelines = new Map(history.runs({}).map(({ id, pipeline }) => [id, pipeline]));
  const files = await git.files(
    head,
    named.map(({ path }) => path),
  );
  return named.flatMap(({ sha, message, path }) => {
    const reproduction: Reproduction | undefined = parseReproduction(files.get(path) ?? new Uint8Array());
    const pipeline = reproduction && pipelines.get(reproduction.run);
    if (reproduction === undefined || pipeline === undefined) return [];
    return findingsOf(sha, trailerFaults(message, reproductionTrailers(reproduction, pipeline), path));
  });
}

function findingsOf(commit: CommitSha, faults: readonly string[]): readonly Finding[] {
  return faults.map((fault) => ({ kind: "trailer", sentence: `commit ${commit.slice(0, 12)}: ${fault}` }));
}
