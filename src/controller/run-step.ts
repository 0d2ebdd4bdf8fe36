import type { Clock } from "../clock/clock.ts";
import { readMetrics } from "../diff/read-metrics.ts";
import { readPlot } from "../diff/read-plot.ts";
import type { Attempt, AttemptEnd, AttemptOrder, Executor, StagedInput } from "../executor/executor.ts";
import { fillArgument, fillShell } from "../expression/template.ts";
import type { JsonObject } from "../identity/canonical-json.ts";
import type { Digest, Domain, RunId } from "../identity/identity.ts";
import {
  resultDigest,
  type Isolation,
  type MetricValue,
  type OutputRecord,
  type StepResult,
} from "../key/key-document.ts";
import { parameterEnvironment } from "../pipeline/parameters.ts";
import type { Step } from "../pipeline/pipeline.ts";
import { formatLimit, formatMemory } from "../report/bytes.ts";
import { nearMiss as findNearMiss, readBy } from "../run/near-miss.ts";
import { ok, refused, type Result } from "../result/result.ts";
import { redactFailure } from "../run/redact.ts";
import type { AttemptRecord, Deploys, Failure } from "../run/run-record.ts";
import type { SecretValues } from "../run/secret-values.ts";
import type { CheckpointOf, Checkpoints } from "../store/checkpoints.ts";
import type { Ingested, Store } from "../store/store.ts";
import type { StepEnd, StepJob } from "../run/step-job.ts";

const TAIL_LINES = 20;
const TAIL_BYTES = 16_384;
/** Metrics and plots are read whole. */
const LARGEST_DATA = 16 << 20;

export interface StepPorts {
  readonly executor: Executor;
  readonly store: Store;
  readonly clock: Clock;
  /** The last bytes of a log, and the whole of it as it is kept. */
  readonly logs: {
    tail(path: string, bytes: number): string;
    size(path: string): number;
    kept<Kept>(path: string, keep: (path: string) => Promise<Kept>): Promise<Kept>;
  };
  /** What the attempts of one key hand on to each other. */
  readonly checkpoints: Checkpoints;
}

export interface StepContext {
  readonly run: RunId;
  readonly domain: Domain;
  /** Everything the step reads, found in the work tree, a commit or the store. */
  readonly stage: (job: StepJob) => Promise<readonly StagedInput[] | Failure>;
  /** Resolved at spawn; a step without grants is refused before. */
  readonly secrets: (step: Step) => SecretValues;
  /** Declared values of a step, after overrides. */
  readonly params: (step: Step) => JsonObject;
  /** True when a path exists as a file of the repository or as another step's output. */
  readonly exists: (path: string) => { readonly step: string | null } | undefined;
  /** Said after the step: the first input whose bytes are no longer those of the key. */
  readonly changed: (job: StepJob) => Promise<Failure | undefined>;
  readonly requestedBy: string | null;
  /** `require`: refused where no sandbox can be made; absent where the executor knows by itself. */
  readonly sandbox?: "auto" | "require";
  /** What the step deploys; null: nothing. */
  readonly deploys: Deploys | null;
  /** The step's process begins now. */
  readonly started: (job: StepJob) => void;
  /** Reads an attempt's log along, for whoever follows it; absent where nobody can. */
  readonly follow?: (job: StepJob, log: string, secrets: readonly string[]) => Following;
}

/** A log that is read along. */
export interface Following {
  /** The log is put in order next: what was not read of it is read now. */
  drain(): void;
  /** Ends when everything that was read has been told. */
  end(): Promise<void>;
}

/** One attempt of one step: workspace, process, outputs into the store, the result created once. */
export async function runStep(
  ports: StepPorts,
  context: StepContext,
  job: StepJob,
  signal: AbortSignal,
): Promise<StepEnd> {
  const startedAt = new Date(ports.clock.now()).toISOString();
  const order = await orderOf(ports, context, job);
  if ("failure" in order) return refusedBefore(startedAt, job, order.failure);
  let following: Following | undefined;
  const attempt = await ports.executor.start({ ...order.order, ending: () => following?.drain() }, signal);
  following = context.follow?.(job, attempt.log, Object.values(order.order.secrets));
  context.started(job);
  try {
    const end = await attempt.ended;
    if (end.lingers === true) dropCheckpoint(ports, context, job);
    await following?.end();
    const record = (failure: Failure | null, log: Digest | null): AttemptRecord => ({
      attempt: job.attempt,
      startedAt,
      profile: end.profile,
      failure,
      log,
    });
    const log = await keepLog(ports, attempt);
    if (end.cancelled) return { kind: "cancelled", attempt: record(null, log) };
    const collected = end.failure === null ? await collect(ports, job, attempt) : end.failure;
    const found = "kind" in collected ? collected : await context.changed(job);
    // A path that a step wrote may be named after what it was to keep to itself.
    const failure = found && redactFailure(found, Object.values(order.order.secrets));
    if (failure !== undefined)
      return failedWith(ports, context, { job, attempt, failure, record: record(failure, log) });
    if ("kind" in collected) throw new Error("unreachable: a failure was handled before");
    const drifted = attempt.drifted === true;
    const isolation = attempt.isolation ?? ports.executor.isolation;
    const kept = await keep(ports, context, { job, collected, end, isolation, drifted, record: record(null, log) });
    dropCheckpoint(ports, context, job);
    return kept;
  } finally {
    following?.drain();
    await attempt.dispose();
  }
}

interface Collected {
  readonly outputs: readonly OutputRecord[];
  readonly metrics: Readonly<Record<string, MetricValue>>;
}

/** Results that belong to one run have their checkpoint with it. */
function checkpointOf({ domain, run }: StepContext, { key, step: { step } }: StepJob): CheckpointOf {
  return { domain, key, run: step.cache && !step.effects ? null : run };
}

function dropCheckpoint(ports: StepPorts, context: StepContext, job: StepJob): void {
  if (job.step.step.checkpoint !== null) ports.checkpoints.drop(checkpointOf(context, job));
}

/** The directory as the last attempt left it; a step that is forced begins anew. */
function openCheckpoint(ports: StepPorts, context: StepContext, job: StepJob): readonly StagedInput[] {
  const { checkpoint } = job.step.step;
  if (checkpoint === null) return [];
  const of = checkpointOf(context, job);
  if (job.forced && job.attempt === 1) ports.checkpoints.drop(of);
  return [{ kind: "checkpoint", path: checkpoint.path, source: ports.checkpoints.open(of) }];
}

async function orderOf(
  ports: StepPorts,
  context: StepContext,
  job: StepJob,
): Promise<{ readonly order: AttemptOrder } | { readonly failure: Failure }> {
  const { step } = job.step;
  const secrets = context.secrets(step);
  if (secrets.kind === "refused") return { failure: secrets.failure };
  const inputs = await context.stage(job);
  if (!Array.isArray(inputs)) return { failure: inputs as Failure };
  const params = context.params(step);
  const uncached = !step.cache || step.effects;
  const lock = job.document.environment?.lock ?? null;
  return {
    order: {
      id: job.id,
      argv: argvOf(step, params),
      env: {
        ...step.env,
        ...parameterEnvironment(params),
        ...(uncached ? { SLUICE_RUN: context.run, SLUICE_STEP: step.name, SLUICE_ATTEMPT: String(job.attempt) } : {}),
        ...deploymentEnvironment(context.deploys),
        ...(step.effects ? { SLUICE_IDEMPOTENCY_KEY: `${context.run}-${job.key.slice(7, 23)}` } : {}),
      },
      inputs: [...inputs, ...openCheckpoint(ports, context, job)],
      outputs: job.document.outputs.map(({ path, kind }) => ({ path, directory: kind === "directory" })),
      network: step.network,
      ...(context.sandbox === "require" ? { sandbox: "require" as const } : {}),
      secrets: secrets.values,
      environment: step.environment,
      ...(lock === null ? {} : { lock }),
      tools: step.tools,
      timeoutMs: step.timeoutMs,
      memoryBytes: job.memoryBytes,
      ...batchOf(step),
    },
  };
}

function batchOf({ executor, resources }: Step): Pick<AttemptOrder, "batch"> {
  if (executor !== "slurm" && executor !== "kubernetes") return {};
  return { batch: { system: executor, cpus: resources.cpu, gpus: resources.gpu } };
}

function deploymentEnvironment(deploys: Deploys | null): Readonly<Record<string, string>> {
  if (deploys === null) return {};
  const { environment, run, number } = deploys;
  return { SLUICE_ENVIRONMENT: environment, SLUICE_RELEASE: run, SLUICE_DEPLOYMENT: String(number) };
}

function argvOf(step: Step, params: JsonObject): readonly string[] {
  const { command } = step;
  if (command.kind === "argv") return command.argv.map((argument) => fillArgument(argument, params));
  const script = fillShell(command.script, params);
  return command.shell === "bash" ? ["bash", "-eu", "-o", "pipefail", "-c", script] : ["sh", "-eu", "-c", script];
}

function refusedBefore(startedAt: string, job: StepJob, failure: Failure): StepEnd {
  return {
    kind: "failed",
    failure,
    attempt: {
      attempt: job.attempt,
      startedAt,
      profile: { wallMs: 0, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" },
      failure,
      log: null,
    },
    tail: [],
    nearMiss: undefined,
  };
}

/** The whole log goes into the store, so that a manifest can name it by digest; an empty one is no object. */
async function keepLog(ports: StepPorts, attempt: Attempt): Promise<Digest | null> {
  if (ports.logs.size(attempt.log) === 0) return null;
  const kept = await ports.logs.kept(attempt.log, (path) => ports.store.ingestCopy(path));
  return kept.kind === "ok" ? kept.record.digest : null;
}

async function collect(ports: StepPorts, job: StepJob, attempt: Attempt): Promise<Collected | Failure> {
  const { outputs: declared, metrics: measured } = job.document;
  const undeclared = await attempt.undeclared();
  const wanted = [...declared.map(({ path }) => path), ...measured];
  const missing = [...new Set(await ports.store.missing(attempt.workspace, wanted))];
  if (undeclared.length > 0)
    return { kind: "undeclared-write", paths: undeclared, ...(missing.length > 0 ? { missing } : {}) };
  if (missing.length > 0) return { kind: "missing-output", paths: missing };
  const metrics = await readMetricFiles(ports, job, attempt);
  if (metrics.kind === "refused") return metrics.refusal;
  const plot = await plotFailure(ports, job, attempt);
  if (plot !== undefined) return plot;
  const outputs: OutputRecord[] = [];
  for (const output of declared) {
    const ingested = await ports.store.ingest(`${attempt.workspace}/${output.path}`, output.path);
    if (ingested.kind === "absent") return { kind: "missing-output", paths: [output.path] };
    if (ingested.kind !== "ok") return refusal(ingested, output.path);
    if (output.kind === "directory" && ingested.record.kind !== "directory")
      return { kind: "wrong-output", path: output.path, why: "it is declared as a directory and is a file" };
    outputs.push(ingested.record);
  }
  return { outputs, metrics: metrics.value };
}

function refusal(ingested: Exclude<Ingested, { kind: "ok" | "absent" }>, path: string): Failure {
  if (ingested.kind === "disk-full") return { kind: "disk-full", path };
  return { kind: "wrong-output", path, why: ingested.why };
}

async function readMetricFiles(
  ports: StepPorts,
  job: StepJob,
  attempt: Attempt,
): Promise<Result<Readonly<Record<string, MetricValue>>, Failure>> {
  const all: Record<string, MetricValue> = {};
  for (const path of job.document.metrics) {
    const peeked = await ports.store.peek(attempt.workspace, path, LARGEST_DATA);
    if (peeked.kind === "absent") return refused({ kind: "missing-output", paths: [path] });
    if (peeked.kind === "too-large") return refused({ kind: "bad-metrics", path, why: tooLarge(peeked.size) });
    const read = await readMetrics(path, peeked.bytes);
    if (read.kind === "refused") return refused({ kind: "bad-metrics", path, why: read.refusal });
    Object.assign(all, read.value);
  }
  return ok(all);
}

function tooLarge(size: number): string {
  return `it is ${formatMemory(size)} large, and no more than ${formatLimit(LARGEST_DATA)} are read`;
}

/** A plot that cannot be read is as wrong as a metric that cannot: better now than in a review. */
async function plotFailure(ports: StepPorts, job: StepJob, attempt: Attempt): Promise<Failure | undefined> {
  for (const plot of job.step.step.plots) {
    if (plot.kind === "image") continue;
    for (const { path } of plot.series) {
      const peeked = await ports.store.peek(attempt.workspace, path, LARGEST_DATA);
      if (peeked.kind === "absent") continue;
      if (peeked.kind === "too-large")
        return { kind: "wrong-output", path, why: `it is a plot and ${tooLarge(peeked.size)}` };
      const read = await readPlot(path, peeked.bytes);
      if (read.kind === "refused") return { kind: "wrong-output", path, why: `it is a plot and ${read.refusal}` };
    }
  }
  return undefined;
}

async function failedWith(
  ports: StepPorts,
  context: StepContext,
  failed: {
    readonly job: StepJob;
    readonly attempt: Attempt;
    readonly failure: Failure;
    readonly record: AttemptRecord;
  },
): Promise<StepEnd> {
  const text = ports.logs.tail(failed.attempt.log, TAIL_BYTES);
  const lines = text.split("\n").filter((line) => line !== "");
  const { inputs, step } = failed.job.step;
  const miss = findNearMiss(text, context.exists, { read: readBy(inputs), declared: step.inputs });
  return {
    kind: "failed",
    failure: failed.failure,
    attempt: failed.record,
    tail: lines.slice(-TAIL_LINES),
    nearMiss: miss,
  };
}

async function keep(
  ports: StepPorts,
  context: StepContext,
  done: {
    readonly job: StepJob;
    readonly collected: Collected;
    readonly end: AttemptEnd;
    readonly isolation: Isolation;
    readonly drifted: boolean;
    readonly record: AttemptRecord;
  },
): Promise<StepEnd> {
  const { job, collected, record } = done;
  const result: StepResult = {
    result: 1,
    key: job.key,
    // In the order of canonical JSON, as outputs are: digest and manifest of thousands need not sort them.
    facts: { metrics: collected.metrics, outputs: collected.outputs },
    made: {
      run: context.run,
      step: job.step.name,
      attempt: job.attempt,
      domain: context.domain,
      isolation: done.isolation,
      network: job.document.network,
      secrets: job.document.secrets.length > 0,
      finishedAt: new Date(ports.clock.now()).toISOString(),
      profile: done.end.profile,
      log: record.log,
    },
  };
  const succeeded = (the: StepResult, different: readonly Digest[]): StepEnd => ({
    kind: "succeeded",
    result: the,
    digest: resultDigest(the),
    attempt: record,
    different,
  });
  // What was made in another environment than its key says lives under this run alone.
  if (!job.step.step.cache || job.step.step.effects || done.drifted) return succeeded(result, []);
  const created = await ports.store.createResult(context.domain, result);
  if (created.kind === "created") return succeeded(result, []);
  if (created.same) return succeeded(created.result, []);
  if (!job.forced) return succeeded(created.result, [resultDigest(result)]);
  const who = context.requestedBy ?? "local";
  const why = { who, reason: `--force ${job.step.name}` };
  await ports.store.revoke(context.domain, { old: created.result, now: result, why });
  return succeeded(result, [resultDigest(created.result)]);
}
