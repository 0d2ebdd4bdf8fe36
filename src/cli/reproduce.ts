import { runPipeline } from "../controller/run-pipeline/run-pipeline.ts";
import type { RunRequest } from "../controller/run-pipeline/running.ts";
import { runStep } from "../controller/run-step/run-step.ts";
import { NO_PAST, planPipelines } from "../controller/plan-pipelines.ts";
import { readProject } from "../controller/read-project.ts";
import type { View } from "../git/view.ts";
import { digestOf } from "../identity/identity.ts";
import { runDirectory } from "../manifest/ledger-paths.ts";
import { progressLine } from "../report/run-text.ts";
import { safeLine } from "../report/safe-text.ts";
import { fourCharacters, listed } from "../report/words.ts";
import type { RunRecord } from "../run/run-record.ts";
import type { Checkpoints } from "../store/checkpoints.ts";
import type { Store } from "../store/store.ts";
import { compareAgain, isComparable, type Compared } from "./compare-again.ts";
import { disposing } from "./disposing.ts";
import { EXIT, noSandbox, Refusal } from "./exit.ts";
import { paintOf } from "./history.ts";
import { keepReproduction } from "./keep-reproduction.ts";
import { notComputed } from "./not-computed.ts";
import { seenBy } from "./progress.ts";
import { recordedDataset } from "./recorded-dataset.ts";
import { refuseKeyless } from "./refuse-keyless.ts";
import type { Runnable } from "./runnable.ts";
import { selectRun, shortIds, type Selected } from "./select-run.ts";
import { openRepository } from "./open-repository.ts";
import { tellProblems } from "./session.ts";
import { stagingOf } from "./staging.ts";
import type { Repository, World } from "./world.ts";

/** `sluice reproduce <run>`: computes a recorded run again from the ledger, compares every digest and metric, and records that. */
export async function reproduce(world: World, run: string, flags: { readonly jobs?: number }): Promise<number> {
  const repository = await openRepository(world);
  const selected = await selectRun(repository, run);
  const { record } = selected;
  const id = shortIds(selected.ledger.history)(record.id);
  const view = await recordedView(repository, selected);
  const project = await readProject({ cache: repository.cache }, view);
  const file = project.pipelines.find((one) => one.path === record.pipeline.path);
  if (file === undefined) throw new Refusal(EXIT.bad, `${record.pipeline.path} cannot be read at ${record.source}`);
  const store = await repository.store(project.settings);
  const session = { world, repository, project };
  const planned = await planPipelines(
    {
      reader: { result: () => undefined, evicted: () => false, catchUp: async () => false },
      listing: (digest) => store.listingSync(digest),
      datasets: async (dataset) =>
        (await recordedDataset({ repository, history: selected.ledger.history }, record, dataset)) ??
        repository.dataset(dataset, project.tree),
      past: () => Promise.resolve(NO_PAST),
    },
    { project, pipelines: [file] },
    {
      platform: world.config.platform,
      accelerator: null,
      forced: new Set(),
      withEffects: false,
      overrides: record.overrides,
    },
  );
  const [plan] = planned;
  if (
    await tellProblems(
      session,
      view,
      planned.flatMap((one) => one.problems),
    )
  )
    return EXIT.bad;
  if (plan?.order === null || plan?.forecast === null || plan === undefined)
    throw new Refusal(EXIT.bad, "the run's plan cannot be made again");
  const effects = new Set(plan.order.steps.flatMap(({ name, step }) => (step.effects ? [name] : [])));
  if (!isComparable(record, effects)) throw nothingToCompare(record, id);
  refuseKeyless(world.config.keyless);
  if (plan.order.digest !== record.plan)
    world.terminal.say(
      `the work order is not the recorded one: this machine is ${world.config.platform}, the run's was ${record.host.platform}\n`,
    );
  const slots = flags.jobs ?? repository.machine.cpus;
  const end = await execute(session, {
    runnable: { ...plan, order: plan.order, forecast: plan.forecast },
    store,
    record,
    slots,
  });
  if (world.terminal.interrupted.aborted)
    throw new Refusal(EXIT.interrupted, `interrupted: run ${id} was not compared\n  next: sluice reproduce ${id}`);
  const lacking = notComputed(record, id, end.traces);
  if (lacking !== undefined) throw lacking;
  const compared = compareAgain(record, {
    results: new Map(end.traces.map((trace) => [trace.step.name, trace.result])),
    effects,
  });
  tell(world, id, compared);
  await keepReproduction({ world, repository, selected, id }, compared);
  return compared.differences.length === 0 ? EXIT.fine : EXIT.bad;
}

/** A run that gave nothing is not the same again, and not another one either. */
function nothingToCompare({ status, steps }: RunRecord, id: string): Refusal {
  const why = steps.some(({ outcome }) => outcome.kind === "succeeded" || outcome.kind === "cached")
    ? "all that it did changes the outside world, and is not done again"
    : `it ${status === "failed" ? "failed" : `was ${status}`}, and no step of it gave a result`;
  return new Refusal(EXIT.bad, `there is nothing to compare of run ${id}: ${why}\n  next: sluice show ${id}`);
}

/** The commit's files with the uncommitted ones of a dirty run over them, as the ledger kept them. */
async function recordedView(repository: Repository, { record, ledger }: Selected): Promise<View> {
  const commit = repository.commit(record.source);
  if (record.dirty === null) return commit;
  const head = await repository.git.resolve(ledger.ref);
  if (head === undefined) throw new Refusal(EXIT.bad, "there is no ledger\n  next: sluice run");
  const prefix = `${runDirectory(record.id)}/tree/`;
  const kept = await repository.git.files(
    head,
    record.dirty.paths.map((path) => `${prefix}${path}`),
  );
  const over = new Map([...kept].map(([path, bytes]) => [path.slice(prefix.length), bytes]));
  return overlaid(commit, over);
}

function overlaid(view: View, over: ReadonlyMap<string, Uint8Array>): View {
  return {
    kind: "commit",
    commit: view.commit,
    async files() {
      const files = (await view.files()).filter((file) => !over.has(file.path));
      const added = [...over.keys()].map((path) => ({ path, kind: "file" as const, tracked: true }));
      return [...files, ...added].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
    },
    read: async (path) => over.get(path) ?? view.read(path),
    async facts(paths) {
      const facts = new Map(await view.facts(paths.filter((path) => !over.has(path))));
      for (const path of paths) {
        const bytes = over.get(path);
        if (bytes !== undefined)
          facts.set(path, { digest: digestOf(bytes), size: bytes.byteLength, executable: false });
      }
      return facts;
    },
    async source(path) {
      const bytes = over.get(path);
      return bytes === undefined ? view.source(path) : { kind: "bytes", bytes };
    },
    link: (path) => (over.has(path) ? Promise.resolve(undefined) : view.link(path)),
  };
}

/** Nothing that another attempt left is gone on from. */
function fromNothing(all: Checkpoints, run: string): Checkpoints {
  return {
    open(of) {
      all.drop({ ...of, run });
      return all.open({ ...of, run });
    },
    drop: (of) => all.drop({ ...of, run }),
  };
}

interface Again {
  readonly runnable: Runnable;
  readonly store: Store;
  readonly record: RunRecord;
  readonly slots: number;
}

/** Every step is computed; its results stay beside the store's own, for comparison only. */
async function execute(session: Parameters<typeof stagingOf>[0], again: Again): ReturnType<typeof runPipeline> {
  const { repository, project, world } = session;
  const { runnable, store, record } = again;
  const executor = await repository.executor(project.settings, store, { slots: again.slots });
  if ("kind" in executor) throw noSandbox(executor.why);
  const staging = await stagingOf(session, { runnable, store });
  // Nothing that `reproduce` computes becomes a result: it is a check, not a run.
  const aside: Store = { ...store, createResult: async () => ({ kind: "created" }) };
  const checkpoints = fromNothing(repository.checkpoints(project.settings), `reproduce-${record.id}`);
  const dispatcher = await repository.dispatcher(executor.ahead, (job, signal) =>
    runStep(
      { executor, store: aside, clock: world.clock, logs: repository.logs, checkpoints },
      { run: record.id, domain: "local", requestedBy: null, deploys: null, started: () => undefined, ...staging },
      job,
      signal,
    ),
  );
  const options = { paint: paintOf(world), shortId: fourCharacters };
  const request: RunRequest = {
    order: runnable.order,
    forecast: runnable.forecast,
    facts: runnable.facts,
    forced: new Set(),
    keepGoing: true,
    // On one's own machine cores are shared: more of them are asked for than there are.
    capacityOf: () => ({ ...repository.machine, cpu: Number.POSITIVE_INFINITY }),
    room: repository.machine,
    gateOf: () => undefined,
    onProgress: (progress) => {
      const seen = seenBy(progress);
      if (seen !== undefined) world.terminal.say(`${progressLine(seen, options)}\n`);
    },
    signal: world.terminal.interrupted,
  };
  return disposing(executor, () =>
    disposing(dispatcher, () => runPipeline({ dispatcher, clock: world.clock }, request)),
  );
}

/** What was the same and what was not, in words. */
function tell(world: World, id: string, { compared, differences, left }: Compared): void {
  for (const { words } of differences) world.terminal.print(`✗ ${safeLine(words, 400)}\n`);
  world.terminal.print(
    differences.length === 0
      ? `✓ run ${id} gives the same again: ${compared} digests and metrics compared\n`
      : `run ${id} does not give the same: ${differences.length} of ${compared} differ\n`,
  );
  if (left.length > 0)
    world.terminal.say(
      `not computed again, because it changes the outside world: ${safeLine(listed(left, 10), 400)}\n`,
    );
}
