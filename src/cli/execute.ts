import { checkOut } from "../controller/check-out.ts";
import { recordRun } from "../controller/record-run.ts";
import { runPipeline } from "../controller/run-pipeline/run-pipeline.ts";
import { runStep } from "../controller/run-step/run-step.ts";
import type { StepContext } from "../controller/run-step/step-context.ts";
import { failedGate } from "../diff/failed-gate.ts";
import type { Executor } from "../executor/executor.ts";
import type { JsonObject } from "../identity/canonical-json.ts";
import { runIdOf, ulidOf, type RunId } from "../identity/identity.ts";
import type { OutputRecord } from "../key/key-document.ts";
import type { AcceptedRun } from "../queue/accepted-runs.ts";
import { LEDGER_HEADER, LOCAL_LEDGER } from "../manifest/ledger-paths.ts";
import { failedRun } from "../report/failed-run.ts";
import { failureText } from "../report/failure.ts";
import { ansiPaint, noPaint } from "../report/paint.ts";
import { runSummary, type RunTextOptions } from "../report/run-text.ts";
import { fourCharacters, listed } from "../report/words.ts";
import { endedAt } from "../run/ended-at.ts";
import { recordOf } from "../run/record-of.ts";
import { triggerOf } from "../pipeline/trigger-kind.ts";
import type { Deploys, RunRecord } from "../run/run-record.ts";
import type { Signer } from "../signer/signer.ts";
import type { Store } from "../store/store.ts";
import { abandonOthers } from "./abandon.ts";
import { disposing } from "./disposing.ts";
import { EXIT, Refusal } from "./exit.ts";
import { tellMissedGates } from "./missed-gates.ts";
import type { Runnable, RunFlags } from "./runnable.ts";
import type { Session } from "./session.ts";
import { describeSources, dirtyFiles } from "./sources.ts";
import { stagingOf } from "./staging.ts";
import type { StartedExecutor } from "./started-executor.ts";
import { watchRun } from "./watch.ts";

export interface Execution {
  readonly due: readonly Runnable[];
  readonly overrides: JsonObject;
  readonly flags: Pick<RunFlags, "keepGoing" | "fix" | "checkout" | "force" | "allowEnvironmentDrift">;
  /** Runs asked for otherwise than by `sluice run`: `retry:…`, `deploy:…`. */
  readonly request?: string;
  /** What is deployed; absent: nothing. */
  readonly deploys?: Deploys;
  /** Told what is recorded of each run. */
  readonly onRecorded?: (record: RunRecord) => void;
}

/** Executes due pipelines one after another, records each and brings its outputs into the work tree. */
export async function execute(
  session: Session,
  ports: { readonly store: Store; readonly executor: StartedExecutor },
  execution: Execution,
): Promise<number> {
  const { repository, world, project } = session;
  const held = repository.accepted.lock();
  if (held.kind === "held")
    throw new Refusal(
      EXIT.later,
      `another run is going on here (process ${held.pid})\n  next: \`sluice status\` shows how far it is and how to stop it`,
    );
  try {
    repository.workTree.exclude(
      project.pipelines.flatMap(({ pipeline }) =>
        pipeline.steps.flatMap((step) => step.outputs.map((output) => output.path)),
      ),
    );
    if (repository.shallow)
      world.terminal.say(
        "this clone is shallow: without its first commit a run cannot name its repository as other clones do (git fetch --unshallow)\n",
      );
    const executor = await ports.executor.opened;
    await abandonOthers(session, ports.store, execution.due);
    let code: number = EXIT.fine;
    for (const [nth, runnable] of execution.due.entries()) {
      // What the steps left behind is taken away while the last of them are recorded.
      const done = nth === execution.due.length - 1 ? ports.executor : undefined;
      const ended = await executeOne(session, { store: ports.store, executor, done, runnable, execution });
      if (ended !== EXIT.fine) code = ended;
      if (world.terminal.interrupted.aborted) return EXIT.interrupted;
    }
    return code;
  } finally {
    repository.save();
    held.release();
  }
}

interface One {
  readonly store: Store;
  readonly executor: Executor;
  /** Disposed of when the steps have ended; undefined where more come. */
  readonly done: StartedExecutor | undefined;
  readonly runnable: Runnable;
  readonly execution: Execution;
}

async function executeOne(session: Session, one: One): Promise<number> {
  const { repository, world } = session;
  const { runnable, store } = one;
  const cached = cachedOutputs(runnable);
  if (cached !== undefined && interrupted(session, one) === undefined) {
    await bringOut(session, one, { outputs: cached, time: new Date(world.clock.now()).toISOString() });
    world.terminal.print(
      `nothing to compute: the outputs of ${runnable.order.pipeline.name} stand in the work tree again\n`,
    );
    return tellMissedGates(world, [runnable]) ? EXIT.bad : EXIT.fine;
  }
  const accepted = await accept(session, one);
  const identity = await identityOf(session, one, accepted);
  const deploys = one.execution.deploys ?? null;
  const staging = await stagingOf(session, { runnable, store, trigger: deploys === null ? "command" : "deploy" });
  const options: RunTextOptions = { paint: world.terminal.color ? ansiPaint : noPaint, shortId: fourCharacters };
  const watching = watchRun(session, { run: accepted.id, runnable, options });
  const context: StepContext = {
    started: (job) => watching.tell({ kind: "started", step: job.step, attempt: job.attempt, cause: job.cause }),
    run: accepted.id,
    domain: "local",
    requestedBy: world.config.user,
    deploys,
    ...staging,
  };
  const checkpoints = repository.checkpoints(session.project.settings);
  const dispatcher = await repository.dispatcher(one.executor.ahead, (job, signal) =>
    runStep(
      { executor: one.executor, store, clock: world.clock, logs: repository.logs, checkpoints },
      context,
      job,
      signal,
    ),
  );
  const opened = openRecord(session);
  // A failure of it is thrown where it is awaited, after the steps: until then it would pass for one that nobody handles.
  opened.catch(() => undefined);
  const end = await disposing(dispatcher, () =>
    runPipeline(
      { dispatcher, clock: world.clock },
      {
        order: runnable.order,
        forecast: runnable.forecast,
        facts: runnable.facts,
        forced: new Set(one.execution.flags.force),
        keepGoing: one.execution.flags.keepGoing === true,
        capacity: repository.machine,
        room: repository.machine,
        gateOf: (step, result) => failedGate(runnable.order.metrics, step.name, result),
        onProgress: (progress) => watching.tell(progress),
        signal: world.terminal.interrupted,
      },
    ),
  ).finally(() => watching.close());
  one.done?.[Symbol.asyncDispose]().catch(() => undefined);
  const finishedAt = endedAt(identity.facts.startedAt, world.clock.now());
  const ran = recordOf({ ...identity.facts, finishedAt }, runnable.order, end);
  const record = deploys === null ? ran : { ...ran, deploys };
  const history = await repository.history();
  const before = history.runs({ pipeline: runnable.order.pipeline.id, limit: 1 })[0]?.metrics;
  const asked = new Map<RunId, boolean>();
  const known = (run: RunId): boolean => {
    const answer = asked.get(run) ?? history.computed(run);
    asked.set(run, answer);
    return answer;
  };
  const outputs = record.steps.flatMap(({ outcome }) =>
    outcome.kind === "succeeded" || outcome.kind === "cached" ? outcome.facts.outputs : [],
  );
  // While the disk and git are busy with the record, the outputs are brought out; neither waits for the other.
  const recording = recordRun(
    { git: repository.git, store, signer: await opened },
    { record, before, known, tree: identity.tree },
  );
  const [recorded] = await Promise.all([recording, bringOut(session, one, { outputs, time: record.finishedAt })]);
  if (recorded.kind === "later") throw new Error(`recording ${record.id}: ${recorded.why}`);
  history.recorded(record, recorded);
  one.execution.onRecorded?.(record);
  repository.accepted.remove(accepted.id);
  return conclude(session, one, { record, end, options });
}

/** Opens what the record needs while the steps run: the first object that is asked for starts what reads the others. */
async function openRecord({ repository }: Session): Promise<Signer> {
  const head = await repository.git.resolve(LOCAL_LEDGER);
  if (head !== undefined) await repository.git.file(head, LEDGER_HEADER);
  return repository.signer();
}

/** Outputs of a pipeline of which nothing has to be computed: they were only taken away; undefined: there is work. */
function cachedOutputs({ forecast }: Runnable): readonly OutputRecord[] | undefined {
  const verdicts = forecast.steps.map(({ verdict }) => verdict);
  if (!verdicts.every(({ kind }) => kind === "cached" || kind === "withheld")) return undefined;
  return verdicts.flatMap((verdict) => (verdict.kind === "cached" ? verdict.result.facts.outputs : []));
}

/** An accepted run of the same work order that was not recorded. */
function interrupted({ repository, project }: Session, { runnable: { order } }: One): AcceptedRun | undefined {
  return repository.accepted
    .list()
    .find(
      (run) => run.pipeline === order.pipeline.id && run.plan === order.digest && run.source === project.view.commit,
    );
}

/** Carries on an accepted run of the same work order, else accepts a new one; acceptance is durable before anything runs. */
async function accept(session: Session, one: One): Promise<AcceptedRun> {
  const { repository, project, world } = session;
  const { runnable, execution } = one;
  const { order } = runnable;
  const same = interrupted(session, one);
  if (same !== undefined) {
    world.terminal.say(`carrying on run ${fourCharacters(same.id)}, which was interrupted\n`);
    return same;
  }
  const source = project.view.commit;
  if (source === null) throw new Error("accepting a run: there is no commit");
  const now = world.clock.now();
  const request = execution.request ?? `local:${ulidOf(now, world.clock.random(10))}`;
  const id: RunId = runIdOf(await repository.identity(), order.pipeline.id, source, request);
  const run: AcceptedRun = {
    id,
    pipeline: order.pipeline.id,
    request,
    source,
    plan: order.digest,
    startedAt: new Date(now).toISOString(),
  };
  repository.accepted.accept(run);
  return run;
}

async function identityOf(
  session: Session,
  { runnable, execution }: One,
  accepted: AcceptedRun,
): Promise<{
  readonly facts: Omit<Parameters<typeof recordOf>[0], "finishedAt">;
  readonly tree: ReadonlyMap<string, Uint8Array>;
}> {
  const { repository, project, world } = session;
  const { sources, datasets } = describeSources(runnable);
  const dirty = await dirtyFiles(session, runnable);
  const source = project.view.commit;
  if (source === null) throw new Error("describing a run: there is no commit");
  return {
    tree: dirty,
    facts: {
      id: accepted.id,
      repository: await repository.identity(),
      source,
      dirty: dirty.size === 0 ? null : { tree: "tree", paths: [...dirty.keys()].sort() },
      request: accepted.request,
      trigger: triggerOf(accepted.request),
      requestedBy: world.config.user,
      overrides: execution.overrides,
      environmentDrift: execution.flags.allowEnvironmentDrift === true,
      sources,
      datasets,
      startedAt: accepted.startedAt,
      host: {
        platform: world.config.platform,
        cpus: repository.machine.cpus,
        memoryBytes: repository.machine.memoryBytes,
        version: world.version,
      },
    },
  };
}

/** Outputs of what succeeded stand in the work tree afterwards; strangers in their way are moved aside and named. */
async function bringOut(
  session: Session,
  { store, execution }: One,
  wanted: { readonly outputs: readonly OutputRecord[]; readonly time: string },
): Promise<void> {
  if (!execution.flags.checkout) return;
  const { repository, world } = session;
  const done = await checkOut(
    { store, digests: repository.digests, workTree: repository.workTree },
    wanted.outputs,
    wanted.time,
  );
  for (const { path, now } of done.replaced)
    world.terminal.say(`${path} was not written by Sluice and is kept at ${now}\n`);
  if (done.noRoom.length > 0)
    world.terminal.say(
      `the disk is full: ${listed(done.noRoom, 8)} ${done.noRoom.length === 1 ? "is" : "are"} kept in the store and could not be brought here\n  next: make room, then sluice run\n`,
    );
  for (const path of done.missing)
    world.terminal.say(`${path}: its bytes are not in the store any more (sluice run --force computes them again)\n`);
}

async function conclude(
  session: Session,
  { execution }: One,
  {
    record,
    end,
    options,
  }: {
    readonly record: RunRecord;
    readonly end: Awaited<ReturnType<typeof runPipeline>>;
    readonly options: RunTextOptions;
  },
): Promise<number> {
  const { terminal } = session.world;
  if (record.status === "succeeded") {
    terminal.print(runSummary(record, options));
    return EXIT.fine;
  }
  if (record.status === "cancelled") {
    terminal.print(runSummary(record, options));
    terminal.say("stopped; what finished is kept, and `sluice run` goes on from there\n");
    return EXIT.interrupted;
  }
  const traces = new Map(end.traces.map((trace) => [trace.step.name, trace]));
  const failed = failedRun(record, {
    tail: (step) => traces.get(step)?.tail ?? [],
    nearMiss: (step) => traces.get(step)?.nearMiss ?? null,
  });
  terminal.print(runSummary(record, options));
  terminal.say(`\n${failureText(failed, options)}`);
  if (execution.flags.fix === true) {
    const { fixInputs } = await import("./fix.ts");
    await fixInputs(session, record.pipeline.path, failed);
  }
  return EXIT.bad;
}
