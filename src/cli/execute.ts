import { recordRun } from "../controller/record-run.ts";
import type { RunEnd } from "../controller/run-pipeline/run-pipeline.ts";
import type { RunId } from "../identity/identity.ts";
import type { OutputRecord } from "../key/key-document.ts";
import { LEDGER_HEADER, LOCAL_LEDGER } from "../manifest/ledger-paths.ts";
import type { Step } from "../pipeline/pipeline.ts";
import { failedRun, type FailedRun } from "../report/failed-run.ts";
import { failureText, type FailureTextOptions } from "../report/failure.ts";
import { ansiPaint, noPaint } from "../report/paint.ts";
import { runSummary, type RunTextOptions } from "../report/run-text.ts";
import { fourCharacters } from "../report/words.ts";
import { declaredStep } from "../run/declared-step.ts";
import { endedAt } from "../run/ended-at.ts";
import { recordOf } from "../run/record-of.ts";
import type { RunRecord } from "../run/run-record.ts";
import type { Signer } from "../signer/signer.ts";
import type { Store } from "../store/store.ts";
import { abandonOthers } from "./abandon.ts";
import { accept, identityOf, interrupted } from "./accept-local.ts";
import { bringOut } from "./bring-out.ts";
import { executeSteps } from "./execute-steps.ts";
import type { Execution, One } from "./execution.ts";
import { EXIT, Refusal } from "./exit.ts";
import { tellMissedGates } from "./missed-gates.ts";
import { refuseKeyless } from "./refuse-keyless.ts";
import type { Runnable } from "./runnable.ts";
import type { Session } from "./session.ts";
import type { StartedExecutor } from "./started-executor.ts";

/** Executes due pipelines one after another, records each and brings its outputs into the work tree. */
export async function execute(
  session: Session,
  ports: { readonly store: Store; readonly executor: StartedExecutor },
  execution: Execution,
): Promise<number> {
  const { repository, world, project } = session;
  refuseKeyless(world.config.keyless);
  const held = repository.accepted.lock();
  if (held.kind === "held")
    throw new Refusal(
      EXIT.later,
      `another run is going on here (process ${held.pid})\n  next: \`sluice status\` shows how far it is and how to stop it`,
    );
  try {
    repository.workTree.exclude(project.pipelines.flatMap(({ pipeline }) => pipeline.steps.flatMap(writtenBy)));
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

/** Paths that a step writes into the work tree. */
function writtenBy({ outputs, metrics, plots }: Step): readonly string[] {
  const series = plots.flatMap((plot) => plot.series);
  return [...outputs, ...metrics, ...series].map(({ path }) => path);
}

async function executeOne(session: Session, one: One): Promise<number> {
  const { world } = session;
  const { runnable } = one;
  const cached = cachedOutputs(runnable);
  if (cached !== undefined && interrupted(session, one) === undefined) {
    const time = new Date(world.clock.now()).toISOString();
    if (!(await bringOut(session, one, { outputs: cached, time }))) return EXIT.bad;
    world.terminal.print(
      `nothing to compute: the outputs of ${runnable.order.pipeline.name} stand in the work tree again\n`,
    );
    return tellMissedGates(world, [runnable]) ? EXIT.bad : EXIT.fine;
  }
  const accepted = await accept(session, one);
  const identity = await identityOf(session, one, accepted);
  const options: RunTextOptions = { paint: world.terminal.color ? ansiPaint : noPaint, shortId: fourCharacters };
  let signer: Promise<Signer> | undefined;
  const begun = (): void => {
    signer = openRecord(session);
    // A failure of it is thrown where it is awaited, after the steps: until then it would pass for one that nobody handles.
    signer.catch(() => undefined);
  };
  const end = await executeSteps(session, one, { run: accepted.id, options, begun });
  one.done?.[Symbol.asyncDispose]().catch(() => undefined);
  const { record, whole } = await recordOne(session, one, {
    identity,
    end,
    signer: await (signer ?? openRecord(session)),
  });
  session.repository.accepted.remove(accepted.id);
  const code = await conclude(session, one, { record, end, options });
  return code === EXIT.fine && !whole ? EXIT.bad : code;
}

/** Records how a run ended; meanwhile its outputs are brought out, as far as they can be. */
async function recordOne(
  session: Session,
  one: One,
  {
    identity,
    end,
    signer,
  }: { readonly identity: Awaited<ReturnType<typeof identityOf>>; readonly end: RunEnd; readonly signer: Signer },
): Promise<{ readonly record: RunRecord; readonly whole: boolean }> {
  const { repository, world } = session;
  const { runnable, store, execution } = one;
  const finishedAt = endedAt(identity.facts.startedAt, world.clock.now());
  const ran = recordOf({ ...identity.facts, finishedAt }, runnable.order, end);
  const record = execution.deploys === undefined ? ran : { ...ran, deploys: execution.deploys };
  const history = await repository.history();
  const before = history.runs({ pipeline: runnable.order.pipeline.id, limit: 1 })[0]?.metrics;
  const outputs = record.steps.flatMap(({ outcome }) =>
    outcome.kind === "succeeded" || outcome.kind === "cached" ? outcome.facts.outputs : [],
  );
  // While the disk and git are busy with the record, the outputs are brought out; neither waits for the other.
  const recording = recordRun(
    { git: repository.git, store, signer },
    { record, before, known: askedOnce((run) => history.computed(run)), tree: identity.tree },
  );
  const [recorded, whole] = await Promise.all([
    recording,
    bringOut(session, one, { outputs, time: record.finishedAt }),
  ]);
  if (recorded.kind === "later") throw new Error(`recording ${record.id}: ${recorded.why}`);
  history.recorded(record, recorded);
  execution.onRecorded?.(record);
  return { record, whole };
}

/** Many steps were computed by the same few runs. */
function askedOnce(ask: (run: RunId) => boolean): (run: RunId) => boolean {
  const asked = new Map<RunId, boolean>();
  return (run) => {
    const answer = asked.get(run) ?? ask(run);
    asked.set(run, answer);
    return answer;
  };
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

async function conclude(
  session: Session,
  { execution, executor }: One,
  {
    record,
    end,
    options,
  }: {
    readonly record: RunRecord;
    readonly end: RunEnd;
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
    declared(step) {
      const trace = traces.get(step);
      return trace === undefined ? null : declaredStep(trace.step, executor.isolation);
    },
  });
  terminal.print(runSummary(record, options));
  const fixed = execution.flags.fix === true ? await fixedSteps(session, record.pipeline.path, failed) : undefined;
  terminal.say(`\n${failureText(failed, fixed === undefined ? options : { ...options, fixed })}`);
  return EXIT.bad;
}

async function fixedSteps(session: Session, path: string, failed: FailedRun): Promise<FailureTextOptions["fixed"]> {
  const { fixDeclarations } = await import("./fix.ts");
  return { path, steps: await fixDeclarations(session, path, failed) };
}
