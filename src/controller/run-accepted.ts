import type { Clock } from "../clock/clock.ts";
import { failedGate, type FailedGate } from "../diff/failed-gate.ts";
import type { Mirror } from "../git/mirror.ts";
import type { CommitSha, Domain } from "../identity/identity.ts";
import type { StepResult } from "../key/key-document.ts";
import { ORDER_FILES, signedOrder } from "../manifest/signed-order.ts";
import { isRecorded } from "../manifest/signed-run.ts";
import type { WorkStep } from "../plan/plan.ts";
import { endedAt } from "../run/ended-at.ts";
import type { RunRecord } from "../run/run-record.ts";
import { recordOf } from "../run/record-of.ts";
import { ACCEPTED, acceptedRef, orderRef, type RunOrder } from "../run/request.ts";
import type { RunState } from "../run/advance.ts";
import type { StepTrace } from "../run/step-trace.ts";
import { turnOf } from "../run/turn.ts";
import type { Signer } from "../signer/signer.ts";
import type { PlanAt, PlannedCommit, PlannedPipeline } from "./project.ts";

export interface RunAcceptedPorts {
  readonly mirror: Mirror;
  readonly planAt: PlanAt;
  readonly clock: Clock;
  readonly signer: Pick<Signer, "keyId" | "publicKey">;
  /** Runs that are accepted by us and not recorded, among these refs. */
  readonly openOrders: (refs: ReadonlyMap<string, CommitSha>) => Promise<readonly RunOrder[]>;
  /** The pool of all steps of what a fork brings; null where steps run where they ask to. */
  readonly forkPool: (order: RunOrder) => Promise<string | null>;
  /** Executes the steps of a planned pipeline; composed where ports and adapters meet. */
  readonly execute: (run: Executable) => Promise<{
    readonly state: RunState;
    readonly traces: readonly StepTrace[];
    readonly cancelled: boolean;
  }>;
  /** Whether another run has made this deployment already. */
  readonly deployed: (order: RunOrder) => Promise<boolean>;
  readonly host: RunRecord["host"];
  /** Full name of the ledger branch's ref. */
  readonly ledger: string;
  /** Keys whose word on recorded runs counts. */
  readonly keys: ReadonlyMap<string, string>;
}

/** One accepted run with everything that executing it needs. */
export interface Executable {
  readonly order: RunOrder;
  readonly planned: PlannedPipeline & { readonly order: NonNullable<PlannedPipeline["order"]> } & {
    readonly forecast: NonNullable<PlannedPipeline["forecast"]>;
  };
  readonly commit: PlannedCommit;
  readonly gateOf: (step: WorkStep, result: StepResult) => FailedGate | undefined;
}

export type Ran =
  /** Executed, and to be recorded together with the end of its acceptance. */
  | { readonly kind: "ran"; readonly record: RunRecord; readonly domain: Domain; readonly acceptance: CommitSha }
  /** There is nothing that must end under this id: its ref is not of our making, or gone before anybody here saw it. */
  | { readonly kind: "not-accepted" }
  /** The ledger has it already, and its acceptance came once more: that is all there is to end. */
  | { readonly kind: "recorded"; readonly acceptance: CommitSha }
  | { readonly kind: "again"; readonly afterMs: number; readonly why: string };

/** Executes one accepted run from its ref alone: nothing that a queue or a process remembered is believed. */
export async function runAccepted(ports: RunAcceptedPorts, id: RunOrder["id"]): Promise<Ran> {
  const ref = acceptedRef(id);
  // Somebody may delete the ref: what was accepted ends in a manifest all the same (law 6).
  const known = [await ports.mirror.resolve(ref), await ports.mirror.resolve(orderRef(id))];
  const refreshed = await ports.mirror.refresh([`${ACCEPTED}*`, ports.ledger]);
  if (refreshed.kind !== "ok") return { kind: "again", afterMs: 5_000, why: refreshed.why };
  const there = [refreshed.refs.get(ref), ...known].filter((commit) => commit !== undefined);
  const [acceptance] = there;
  const order = await orderAmong(ports, id, there);
  if (acceptance === undefined || order === undefined) return { kind: "not-accepted" };
  const head = refreshed.refs.get(ports.ledger);
  if (head !== undefined && (await isRecorded(ports.mirror, head, order, ports.keys)))
    return { kind: "recorded", acceptance };
  const open = await ports.openOrders(refreshed.refs);
  const turn = turnOf(order, [...open.filter((one) => one.id !== id), order]);
  if (turn.kind === "wait") return { kind: "again", afterMs: WAIT_MS, why: `${turn.behind} goes first` };
  const startedAt = new Date(ports.clock.now()).toISOString();
  const commit = await ports.planAt({
    commit: order.source,
    tree: null,
    domain: order.domain,
    against: null,
    as: { ...order, released: order.deploys?.run ?? null, pool: await ports.forkPool(order) },
  });
  const planned = commit.planned.find((one) => one.file.pipeline.id === order.pipeline);
  // Asked for twice at two tips, a deployment is made once: the second one waited for the first.
  const again = order.deploys !== null && (await ports.deployed(order));
  const ends = turn.kind === "superseded" || again ? ("superseded" as const) : order.ends;
  if (ends !== null || planned === undefined || planned.order === null || planned.forecast === null)
    return {
      kind: "ran",
      acceptance,
      domain: order.domain,
      record: notExecuted(ports, { order, startedAt, status: ends ?? "refused" }, planned),
    };
  const end = await ports.execute({
    order,
    planned: { ...planned, order: planned.order, forecast: planned.forecast },
    commit,
    gateOf: (step, result) => failedGate(planned.order?.metrics ?? [], step.name, result),
  });
  const finishedAt = endedAt(startedAt, ports.clock.now());
  const record = recordOf({ ...identityOf(ports, order, planned), startedAt, finishedAt }, planned.order, end);
  const { domain } = order;
  return { kind: "ran", acceptance, domain, record: { ...record, status: statusOf(record), ...askedOf(order) } };
}

/** The first of these commits that is ours: what somebody put in the place of an acceptance does not undo it. */
async function orderAmong(
  { mirror, signer }: RunAcceptedPorts,
  id: RunOrder["id"],
  commits: readonly CommitSha[],
): Promise<RunOrder | undefined> {
  for (const commit of commits) {
    const order = signedOrder(await mirror.files(commit, ORDER_FILES), signer);
    if (order?.id === id) return order;
  }
  return undefined;
}

function askedOf({ pullRequest, deploys }: RunOrder): Pick<RunRecord, "pullRequest" | "deploys"> {
  return { pullRequest, ...(deploys !== null && { deploys }) };
}

/** What was not allowed is no failure of a step: the run is refused. */
function statusOf({ status, steps }: RunRecord): RunRecord["status"] {
  const failures = steps.flatMap(({ outcome }) => (outcome.kind === "failed" ? [outcome.failure.kind] : []));
  return status === "failed" && failures.length > 0 && failures.every((kind) => kind === "refused")
    ? "refused"
    : status;
}

/** Looking again is one listing of refs. */
const WAIT_MS = 1_000;

function identityOf(
  { host }: RunAcceptedPorts,
  order: RunOrder,
  { resolution, sources, datasets }: PlannedPipeline,
): Omit<Parameters<typeof recordOf>[0], "startedAt" | "finishedAt"> {
  const read = resolution.sources.flatMap((path) => {
    const fact = sources.get(path);
    return fact === undefined ? [] : [[path, fact.digest] as const];
  });
  return {
    id: order.id,
    repository: order.repository,
    source: order.source,
    dirty: null,
    request: order.request,
    trigger: order.trigger,
    requestedBy: order.requestedBy,
    overrides: {},
    environmentDrift: false,
    sources: Object.fromEntries(read),
    datasets: [...datasets].flatMap(([name, state]) =>
      state.kind === "ready"
        ? [{ name, path: state.path, digest: state.digest, size: state.size, uri: state.uri }]
        : [],
    ),
    host,
  };
}

/** Not to be executed, or impossible by now: it ends like every accepted run, in one manifest. */
function notExecuted(
  ports: RunAcceptedPorts,
  of: { readonly order: RunOrder; readonly startedAt: string; readonly status: RunRecord["status"] },
  planned: PlannedPipeline | undefined,
): RunRecord {
  const { order, startedAt, status } = of;
  const pipeline = planned?.file.pipeline;
  return {
    id: order.id,
    pipeline: { id: order.pipeline, name: pipeline?.name ?? order.pipeline, path: pipeline?.path ?? "" },
    repository: order.repository,
    source: order.source,
    dirty: null,
    request: order.request,
    trigger: order.trigger,
    requestedBy: order.requestedBy,
    approvedBy: [],
    ...askedOf(order),
    status,
    plan: order.plan,
    params: {},
    overrides: {},
    environmentDrift: false,
    sources: {},
    datasets: [],
    metricSpecs: [],
    steps: [],
    startedAt,
    finishedAt: startedAt,
    host: ports.host,
  };
}
