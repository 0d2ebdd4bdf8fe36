import type { Clock } from "../clock/clock.ts";
import type { Forge } from "../forge/forge.ts";
import type { Mirror } from "../git/mirror.ts";
import { runIdOf, type CommitSha } from "../identity/identity.ts";
import type { History } from "../index/history.ts";
import type { Triggers } from "../pipeline/pipeline.ts";
import { ACCEPTED, type RunOrder } from "../run/request.ts";
import type { PlanAt, PlannedPipeline } from "./project.ts";

export interface ReconcilePorts {
  readonly forge: Forge;
  readonly mirror: Mirror;
  readonly history: History;
  readonly planAt: PlanAt;
  readonly clock: Clock;
  /** Runs that are accepted and not recorded, among these refs. */
  readonly openOrders: (refs: ReadonlyMap<string, CommitSha>) => Promise<readonly RunOrder[]>;
  /** Accepts a run; answers whether it may be enqueued now. */
  readonly accept: (order: RunOrder) => Promise<boolean>;
  /** Hands a run that must end to the queue; asking twice is asking once. */
  readonly enqueue: (order: RunOrder) => Promise<void>;
  /** Full name of the ledger branch's ref. */
  readonly ledger: string;
}

/** What looking at a repository led to. */
export type Reconciled =
  | {
      readonly kind: "looked";
      readonly branch: string;
      readonly tip: CommitSha;
      /** Runs that were accepted just now, and those that already were and must still end. */
      readonly started: readonly RunOrder[];
      readonly open: readonly RunOrder[];
      /** Pipelines with nothing due at the tip, with the run that stands for them; null before the first. */
      readonly unchanged: readonly { readonly pipeline: string; readonly run: string | null }[];
      readonly broken: readonly PlannedPipeline[];
    }
  | { readonly kind: "empty" }
  | { readonly kind: "again"; readonly afterMs: number; readonly why: string };

/**
 * Brings a repository to what its default branch says: what is due at the tip is accepted, and what is accepted and
 * not recorded is handed to the queue. Any wake-up does the same; missing one changes nothing (law 2).
 */
export async function reconcile(ports: ReconcilePorts): Promise<Reconciled> {
  const about = await ports.forge.about();
  if (about.kind !== "ok")
    return { kind: "again", afterMs: 30_000, why: about.kind === "not-found" ? "the repository is gone" : about.why };
  const branch = about.value.defaultBranch;
  const refreshed = await ports.mirror.refresh([`refs/heads/${branch}`, ports.ledger, `${ACCEPTED}*`]);
  if (refreshed.kind !== "ok") return { kind: "again", afterMs: 10_000, why: refreshed.why };
  await ports.history.sync();
  const open = await ports.openOrders(refreshed.refs);
  const tip = refreshed.refs.get(`refs/heads/${branch}`);
  if (tip === undefined) return { kind: "empty" };
  const { planned } = await ports.planAt({ commit: tip, tree: null, domain: "main", against: null });
  const started: RunOrder[] = [];
  const unchanged: { pipeline: string; run: string | null }[] = [];
  const broken = planned.filter((one) => one.order === null);
  for (const one of planned) {
    const due = await dueOnPush(ports, one, { branch, tip, open, defaultBranch: branch });
    if (due.kind === "nothing") {
      unchanged.push({ pipeline: one.file.pipeline.name, run: due.run });
      continue;
    }
    if (await ports.accept(due.order)) started.push(due.order);
  }
  for (const order of [...open, ...started]) await ports.enqueue(order);
  return { kind: "looked", branch, tip, started, open, unchanged, broken };
}

interface At {
  readonly branch: string;
  readonly tip: CommitSha;
  readonly open: readonly RunOrder[];
  readonly defaultBranch: string;
}

type Due =
  | { readonly kind: "due"; readonly order: RunOrder }
  | { readonly kind: "nothing"; readonly run: string | null };

/**
 * Due on push (SEMANTICS §6): at the tip only; iff no run is accepted or recorded for it, and its work order differs
 * from that of the newest push run of that pipeline on that branch.
 */
async function dueOnPush(ports: ReconcilePorts, one: PlannedPipeline, at: At): Promise<Due> {
  const { pipeline } = one.file;
  if (one.order === null || !listens(pipeline.triggers.push, at)) return { kind: "nothing", run: null };
  const repository = String(ports.forge.repository.id);
  const request = `push:${at.branch}`;
  const id = runIdOf(repository, pipeline.id, at.tip, request);
  if (at.open.some((order) => order.id === id) || ports.history.byPrefix(id).length > 0)
    return { kind: "nothing", run: id };
  const newest = await newestPush(ports, { pipeline: pipeline.id, request, open: at.open });
  if (newest !== undefined && newest.plan === one.order.digest) return { kind: "nothing", run: newest.id };
  return {
    kind: "due",
    order: {
      order: 1,
      id,
      repository,
      pipeline: pipeline.id,
      source: at.tip,
      request,
      trigger: "push",
      plan: one.order.digest,
      domain: "main",
      branch: at.branch,
      pullRequest: null,
      requestedBy: null,
      acceptedAt: new Date(ports.forge.date() ?? ports.clock.now()).toISOString(),
    },
  };
}

function listens(push: Triggers["push"], at: At): boolean {
  if (push === false) return false;
  return push.branches === "default" ? at.branch === at.defaultBranch : push.branches.includes(at.branch);
}

/** The newest push run of a pipeline on a branch, accepted ones before recorded ones. */
async function newestPush(
  { history }: ReconcilePorts,
  wanted: { readonly pipeline: string; readonly request: string; readonly open: readonly RunOrder[] },
): Promise<{ readonly id: string; readonly plan: string } | undefined> {
  const mine = wanted.open.filter((order) => order.pipeline === wanted.pipeline && order.request === wanted.request);
  const [accepted] = mine.toSorted((a, b) => (a.acceptedAt < b.acceptedAt ? 1 : -1));
  if (accepted !== undefined) return accepted;
  for (const summary of history.runs({ pipeline: wanted.pipeline })) {
    if (summary.trigger !== "push") continue;
    const record = await history.record(summary.id);
    if (record?.request === wanted.request) return { id: record.id, plan: record.plan };
  }
  return undefined;
}
