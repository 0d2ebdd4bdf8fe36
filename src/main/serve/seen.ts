import { mayMendItself, SETTINGS_PATH, type PullRequestPlan } from "../../controller/project.ts";
import type { PullRequest } from "../../forge/forge.ts";
import type { Mirror } from "../../git/mirror.ts";
import { canonicalJson, type Json } from "../../identity/canonical-json.ts";
import { digestOfJson, type CommitSha } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import { allReads, readsOf, touches, type Reads } from "../../pipeline/reads.ts";
import type { Queue } from "../../queue/queue.ts";
import { CONTROLLER_QUEUE, jobOf } from "../../trigger/job.ts";

/** What an open pull request was like when it was last reported. */
interface Seen {
  /** What the report rests on besides git's own refs. */
  readonly stamp: string;
  /** Tip of its base branch. */
  readonly onto: CommitSha;
  /** Tip of the default branch, where a push to it or to the base may mend what stops the change. */
  readonly mendable: CommitSha | null;
  /** Where the base moves there, the plan may be another; null: nothing is affected. */
  readonly reads: Reads | null;
}

interface Comparing {
  /** Whether the base of what was reported moved in what its plan reads. */
  readonly touch: (seen: Partial<Seen> & Pick<Seen, "onto">, tip: CommitSha) => Promise<boolean>;
  readonly keep: () => Promise<void>;
}

type Changes = Pick<Mirror, "changed" | "resolve">;
type Waking = Pick<Queue, "table" | "jobs">;

/** Reports that one look asks for because a base moved; the next look goes on. */
const MOST_MOVED = 50;

export async function keepSeen(
  { table }: Pick<Queue, "table">,
  ref: RepositoryRef,
  plan: PullRequestPlan,
): Promise<void> {
  const { pullRequest, onto, ruling } = plan;
  const seen: Seen = {
    stamp: stampOf(pullRequest),
    onto,
    mendable: mayMendItself(plan) ? ruling : null,
    reads: readBy(plan),
  };
  await table.put(seenTable(ref), String(plan.pullRequest.number), seen as unknown as Json);
}

/**
 * Wakes us for open pull requests whose head, base or labels are not those of the last report: whatever a lost
 * delivery would have said, the forge still shows.
 */
export async function wakeForPullRequests(
  queue: Waking,
  ref: RepositoryRef,
  open: readonly PullRequest[],
): Promise<void> {
  const seen = await seenIn(queue, ref);
  for (const pullRequest of open)
    if (seen.get(pullRequest.number)?.stamp !== stampOf(pullRequest)) await wakeFor(queue, ref, pullRequest.number);
  const heads = (await queue.table.entries(headsTable(ref))).map(({ key }) => Number(key));
  // One that is no longer open is told so too, and takes itself out of the tables.
  for (const number of new Set([...seen.keys(), ...heads]))
    if (!open.some((one) => one.number === number)) await wakeFor(queue, ref, number);
}

/**
 * Wakes us for open pull requests whose base moved since the last report in what their plans read, and for those that
 * may be mended by any move of it or of the default branch.
 */
export async function wakeForMovedBases(
  queue: Waking,
  { ref, mirror }: { readonly ref: RepositoryRef; readonly mirror: Changes },
  {
    open,
    refs,
    branch,
  }: {
    readonly open: readonly PullRequest[];
    readonly refs: ReadonlyMap<string, CommitSha>;
    /** The default branch. */
    readonly branch: string;
  },
): Promise<void> {
  const seen = await seenIn(queue, ref);
  const moves = await comparing(queue, ref, mirror);
  let woken = 0;
  for (const { number, base } of open) {
    const { onto, mendable = null, ...rest } = seen.get(number) ?? {};
    const tip = refs.get(`refs/heads/${base.branch}`);
    if (onto === undefined || tip === undefined) continue;
    const mended = mendable !== null && (onto !== tip || mendable !== refs.get(`refs/heads/${branch}`));
    if (!mended && (onto === tip || !(await moves.touch({ ...rest, onto, mendable }, tip)))) continue;
    await wakeFor(queue, ref, number);
    if (++woken >= MOST_MOVED) break;
  }
  await moves.keep();
}

/**
 * Compares each move of a base once: how far it touched nothing is kept beside the report that it is of, which somebody
 * may write anew at any time, and holds for no other.
 */
async function comparing({ table }: Pick<Queue, "table">, ref: RepositoryRef, mirror: Changes): Promise<Comparing> {
  const before = ((await table.get(comparedTable(ref), "bases")) ?? {}) as Readonly<Record<string, CommitSha>>;
  const now: Record<string, CommitSha> = {};
  const known = new Map<string, Promise<readonly string[] | null>>();
  const changed = (from: CommitSha, to: CommitSha): Promise<readonly string[] | null> => {
    const paths = known.get(`${from} ${to}`) ?? changedSince(mirror, from, to);
    known.set(`${from} ${to}`, paths);
    return paths;
  };
  return {
    async touch(seen, tip) {
      if (seen.reads === null || seen.reads === undefined) return false;
      const report = digestOfJson(seen as unknown as Json);
      const from = before[report] ?? seen.onto;
      const paths = from === tip ? [] : await changed(from, tip);
      if (paths === null || touches(paths, seen.reads)) return true;
      now[report] = tip;
      return false;
    },
    async keep() {
      if (canonicalJson(before) !== canonicalJson(now)) await table.put(comparedTable(ref), "bases", now);
    },
  };
}

/** Null where the base was moved by force, and what it was is gone. */
async function changedSince(mirror: Changes, from: CommitSha, to: CommitSha): Promise<readonly string[] | null> {
  return (await mirror.resolve(from)) === undefined ? null : mirror.changed(from, to);
}

/** Of one whose base has its change by now, all pipelines: it may have to stand for itself again. */
function readBy({ affected, planned, testMerge }: PullRequestPlan): Reads | null {
  const pipelines = affected.length === 0 && testMerge ? planned.planned : affected;
  const settings = { places: [SETTINGS_PATH], globs: [] };
  return pipelines.length === 0 ? null : allReads([settings, ...pipelines.map(readsOf)]);
}

/** Forgets what the pull requests of a repository were like, and what they had to say. */
export async function forgetSeen({ table }: Pick<Queue, "table">, ref: RepositoryRef): Promise<void> {
  for (const name of [seenTable(ref), headsTable(ref), comparedTable(ref)])
    for (const { key } of await table.entries(name)) await table.remove(name, key);
}

/** Asks for a report of a pull request, whatever it was woken for before. */
export async function wakeFor({ jobs }: Waking, repository: RepositoryRef, number: number): Promise<void> {
  const trigger = { kind: "pull-request", repository, number, action: "seen", sender: null } as const;
  await jobs.add(CONTROLLER_QUEUE, [jobOf(trigger, `seen-${number}`)]);
}

async function seenIn(
  { table }: Pick<Queue, "table">,
  ref: RepositoryRef,
): Promise<ReadonlyMap<number, Partial<Seen>>> {
  const entries = await table.entries(seenTable(ref));
  return new Map(entries.map(({ key, value }) => [Number(key), value as unknown as Partial<Seen>]));
}

export function seenTable({ id }: RepositoryRef): string {
  return `seen/${id}`;
}

/** What each open pull request has to say in the checks of its head. */
export function headsTable({ id }: RepositoryRef): string {
  return `heads/${id}`;
}

function comparedTable({ id }: RepositoryRef): string {
  return `compared/${id}`;
}

function stampOf({ head, base, labels, draft }: PullRequest): string {
  return JSON.stringify([head.sha, base.branch, labels, draft]);
}
