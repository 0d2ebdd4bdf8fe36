import type { LedgerCommit } from "../git/git.ts";
import type { Mirror } from "../git/mirror.ts";
import type { CommitSha, RunId } from "../identity/identity.ts";
import { recordedRun } from "../manifest/commit-message.ts";
import { manifestPath } from "../manifest/ledger-paths.ts";

export interface RestorePorts {
  readonly mirror: Mirror;
  /** Full name of the ledger branch's ref, which the mirror knows to only grow. */
  readonly ledger: string;
}

export type Restored =
  | { readonly kind: "whole" }
  /** Somebody had taken commits away, and they are there again. */
  | {
      readonly kind: "restored";
      /** What the ledger held before, and what somebody made of it; null: it was deleted. */
      readonly was: CommitSha;
      readonly moved: CommitSha | null;
      readonly commits: number;
      /** Oldest first. */
      readonly runs: readonly RunId[];
    }
  | { readonly kind: "later"; readonly why: string };

const WHOLE: Restored = { kind: "whole" };

/**
 * Gives a ledger back what a push by force took from it, without a force of its own: where nothing was added since, it
 * moves forward to where it was; otherwise what is missing is added to what is there. To be called after a refresh.
 */
export async function restoreLedger({ mirror, ledger }: RestorePorts): Promise<Restored> {
  const was = await mirror.grown();
  const moved = (await mirror.resolve(ledger)) ?? null;
  if (was === undefined || was === moved) return WHOLE;
  const lost = (await mirror.log(was, moved ?? undefined)).toReversed();
  if (lost.length === 0) return WHOLE;
  const runs = lost.flatMap(({ message }) => recordedRun(message) ?? []);
  const restored: Restored = { kind: "restored", was, moved, commits: lost.length, runs };
  const behind = moved === null || (await mirror.mergeBase(moved, was)) === moved;
  const to = behind ? was : await addMissing({ mirror, ledger }, moved, lost);
  if (to === undefined) return { kind: "later", why: "the ledger moved meanwhile" };
  const published = await mirror.publish([{ ref: ledger, from: moved, to }]);
  if (published.kind !== "published") return { kind: "later", why: published.why };
  await mirror.settle(to);
  return restored;
}

/** Commits of the ledger add files and change none: what is missing can stand upon anything. */
async function addMissing(
  { mirror, ledger }: RestorePorts,
  head: CommitSha,
  lost: Awaited<ReturnType<Mirror["log"]>>,
): Promise<CommitSha | undefined> {
  const commits: LedgerCommit[] = [];
  for (const { sha, message, time } of lost) {
    const run = recordedRun(message);
    // Recorded once more since: a run has one manifest.
    if (run !== undefined && (await mirror.file(head, manifestPath(run))) !== undefined) continue;
    const paths = await mirror.added(sha);
    const there = await mirror.files(head, paths);
    const all = await mirror.files(sha, paths);
    const files = new Map([...all].filter(([path]) => !there.has(path)));
    const author = { name: "sluice", email: "sluice@localhost" };
    if (files.size > 0) commits.push({ files, message, author, time });
  }
  if (commits.length === 0) return head;
  const appended = await mirror.append(ledger, head, commits);
  return appended.kind === "appended" ? appended.head : undefined;
}
