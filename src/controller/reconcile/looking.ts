import type { Clock } from "../../clock/clock.ts";
import type { Answer, Forge } from "../../forge/forge.ts";
import type { Mirror } from "../../git/mirror.ts";
import type { CommitSha, RunId } from "../../identity/identity.ts";
import type { History } from "../../index/history.ts";
import type { Schedule } from "../../pipeline/pipeline.ts";
import { orderOf, type Asked, type RunOrder } from "../../run/request.ts";
import { acceptedAfter } from "../../run/turn.ts";
import { pinsOf, type Merge, type PlanAt, type PlannedCommit, type PlannedPipeline } from "../project.ts";

export interface ReconcilePorts {
  readonly forge: Forge;
  readonly mirror: Mirror;
  readonly history: History;
  readonly planAt: PlanAt;
  readonly clock: Clock;
  /** Runs that are accepted and not recorded, among these refs. */
  readonly openOrders: (refs: ReadonlyMap<string, CommitSha>) => Promise<readonly RunOrder[]>;
  /** Runs that we accepted and that neither these refs nor the ledger show any more. */
  readonly lostOrders: (refs: ReadonlyMap<string, CommitSha>) => Promise<readonly RunOrder[]>;
  /** Accepts a run; answers whether it may be enqueued now. */
  readonly accept: (order: RunOrder) => Promise<boolean>;
  /** Hands a run that must end to the queue; asking twice is asking once. */
  readonly enqueue: (order: RunOrder) => Promise<void>;
  /** The pull request whose merge a commit is; null for a commit that was pushed. */
  readonly mergeOf: (commit: CommitSha) => Promise<Answer<Merge | null>>;
  /** When a schedule was first seen (ms since 1970): slots before that were never missed. */
  readonly firstSeen: (pipeline: string, schedule: Schedule) => Promise<number>;
  /** Somebody allowed to lets what is due at this commit run, reviewed or not. */
  readonly released: { readonly commit: CommitSha; readonly by: string } | null;
  /** Full name of the ledger branch's ref. */
  readonly ledger: string;
  /** More refs to look at, because every look at the remote costs. */
  readonly also?: readonly string[];
  /** Gives the ledger, as it was just seen, back what somebody took from it: nothing is decided by half of it. */
  readonly mend: () => Promise<Later | undefined>;
}

/** The world could not say enough, or has just changed: look again. */
export interface Later {
  readonly kind: "again";
  readonly afterMs: number;
  readonly why: string;
}

/** What one pipeline has at a tip where it is not run. */
export interface Standing {
  readonly pipeline: string;
  readonly commit: CommitSha;
  /** The run that stands for the tip, or null where it waits for a person, with the merge that it waits because of. */
  readonly run: RunId | null;
}

/** One look at a repository, and what it has led to so far. */
export interface Looking {
  readonly ports: ReconcilePorts;
  readonly defaultBranch: string;
  readonly open: readonly RunOrder[];
  readonly started: RunOrder[];
  readonly standing: Standing[];
}

export interface Tip {
  readonly branch: string;
  readonly tip: CommitSha;
  readonly commit: PlannedCommit;
}

/** What a run at a tip is asked with, whoever asks. */
export function askedAt(
  { ports, defaultBranch, open, started }: Looking,
  { branch, tip }: Tip,
): Omit<Asked, "request" | "plan" | "pins"> {
  return {
    repository: String(ports.forge.repository.id),
    source: tip,
    domain: branch === defaultBranch ? "main" : "pr",
    branch,
    pullRequest: null,
    requestedBy: null,
    acceptedAt: acceptedAfter(ports.forge.date() ?? ports.clock.now(), [...open, ...started]),
  };
}

export async function start(
  looking: Looking,
  one: PlannedPipeline,
  asked: Omit<Asked, "plan" | "pins">,
): Promise<void> {
  if (one.order === null) return;
  const order = orderOf(one.file.pipeline, { ...asked, plan: one.order.digest, pins: pinsOf(one.datasets) });
  if (await looking.ports.accept(order)) looking.started.push(order);
}
