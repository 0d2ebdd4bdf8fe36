import type { PlannedPipeline } from "../controller/project.ts";
import { environmentChanges, type EnvironmentChange } from "../diff/environment-changes.ts";
import { concreteDocument } from "../key/concrete.ts";
import { keyOf, type KeyDocument, type StepResult } from "../key/key-document.ts";
import { differences } from "../plan/difference.ts";
import { previousOf } from "../plan/forecast.ts";
import type { Cause, Change, WorkStep } from "../plan/plan.ts";
import type { ExplainView } from "../report/explain-text.ts";
import type { StepRecord } from "../run/run-record.ts";
import { closest } from "../problem/suggest.ts";
import { EXIT, Refusal } from "./exit.ts";
import { paintOf } from "./history.ts";
import { isRunnable, type Runnable } from "./runnable.ts";
import { selectRun, shortIds, type Selected } from "./select-run.ts";
import { openSession, planSession, PLAIN_REQUEST, tellProblems } from "./session.ts";
import type { World } from "./world.ts";
import type { History } from "../index/history.ts";

/** `sluice explain <step>` or `<pipeline>/<step>`: why it runs or is cached, in every pipeline that has it, or why it did in a recorded run. */
export async function explain(
  world: World,
  step: string,
  flags: { readonly run?: string; readonly json?: boolean },
): Promise<number> {
  const session = await openSession(world);
  const history = await session.repository.history();
  const views =
    flags.run === undefined
      ? await fromPlan(world, step, { session, history })
      : [await fromRun(step, await selectRun(session.repository, flags.run))];
  const { explainText, explainJson } = await import("../report/explain-text.ts");
  if (flags.json === true) world.terminal.print(explainJson(theOnly(views)));
  else {
    const named = session.project.pipelines.length > 1;
    const options = { paint: paintOf(world), shortId: shortIds(history), named };
    world.terminal.print(views.map((view) => explainText(view, options)).join("\n"));
  }
  return EXIT.fine;
}

/** Programs read of one step: which one is theirs to say. */
function theOnly(views: readonly ExplainView[]): ExplainView {
  const [view, ...others] = views;
  if (view !== undefined && others.length === 0) return view;
  const candidates = views.map(({ pipeline, step }) => `${pipeline}/${step}`);
  throw new Refusal(
    EXIT.usage,
    `several pipelines have this step: ${candidates.join(", ")}\n  next: sluice explain --json '${candidates[0]}'`,
  );
}

/** Whether this step of a pipeline is meant by its name, alone or after the pipeline's. */
function isMeant(text: string, pipeline: { readonly id: string; readonly name: string }, step: string): boolean {
  return [step, `${pipeline.name}/${step}`, `${pipeline.id}/${step}`].includes(text);
}

interface Planning {
  readonly session: Awaited<ReturnType<typeof openSession>>;
  readonly history: History;
}

async function fromPlan(world: World, asked: string, { session, history }: Planning): Promise<readonly ExplainView[]> {
  const store = await session.repository.store(session.project.settings);
  const planned = await planSession(session, store, PLAIN_REQUEST);
  const broken = await tellProblems(session, session.project.view, [
    ...session.project.problems,
    ...planned.flatMap((one) => one.problems),
  ]);
  if (broken) throw new Refusal(EXIT.bad, "the plan has problems");
  const views = planned.filter(isRunnable).flatMap((runnable) => {
    const work = runnable.order.steps.find(({ name }) => isMeant(asked, runnable.order.pipeline, name));
    return work === undefined ? [] : (viewOf(runnable, work, history) ?? []);
  });
  if (views.length === 0) throw noStep(asked, planned);
  return views;
}

function noStep(asked: string, planned: readonly PlannedPipeline[]): Refusal {
  const known = planned.flatMap(
    ({ order }) => order?.steps.map(({ name }) => ({ pipeline: order.pipeline.name, name })) ?? [],
  );
  const names = known.map(({ pipeline, name }) => (asked.includes("/") ? `${pipeline}/${name}` : name));
  const meant = closest(asked, names);
  const next = meant === undefined ? `known: ${names.slice(0, 30).join(", ") || "none"}` : `did you mean ${meant}?`;
  return new Refusal(EXIT.usage, `there is no step ${asked}\n  next: ${next}`);
}

/** Why a step of a plan runs or does not. */
function viewOf(runnable: Runnable, work: WorkStep, history: History): ExplainView | undefined {
  const verdict = runnable.forecast.steps.find(({ step }) => step === work.name)?.verdict;
  if (verdict === undefined) return undefined;
  const document = documentOf(runnable, work);
  const past = previousOf(runnable.facts.previous(), work);
  const last = history.runs({ pipeline: runnable.order.pipeline.id, limit: 1 })[0];
  return {
    pipeline: runnable.order.pipeline.name,
    step: work.name,
    verdict,
    work,
    key: document === undefined ? null : keyOf(document),
    document: document ?? work.document,
    against: past === undefined || last === undefined ? null : { run: last.id, key: past.key },
    changes:
      past === undefined || document === undefined
        ? verdict.kind === "depends"
          ? verdict.changes
          : []
        : differences(past.document, document, (path) => producerOf(work, path)),
    surroundings: [],
  };
}

function producerOf(work: WorkStep, path: string): string | undefined {
  return work.inputs.flatMap((input) => (input.kind === "output" && input.path === path ? [input.step] : []))[0];
}

function documentOf(runnable: Runnable, work: WorkStep): KeyDocument | undefined {
  const results = new Map<string, StepResult>();
  for (const { step, verdict } of runnable.forecast.steps)
    if (verdict.kind === "cached") results.set(step, verdict.result);
  return concreteDocument(work.document, work.inputs, {
    result: (name) => results.get(name),
    part: (directory, path) => runnable.facts.part(directory, path),
  });
}

async function fromRun(asked: string, { record, ledger: { history } }: Selected): Promise<ExplainView> {
  const found = record.steps.find(({ name }) => isMeant(asked, record.pipeline, name));
  if (found === undefined)
    throw new Refusal(
      EXIT.usage,
      `run ${record.id} of ${record.pipeline.name} has no step ${asked}\n  next: it has ${record.steps.map((one) => one.name).join(", ")}`,
    );
  const earlier = history.runs({ pipeline: record.pipeline.id });
  const before = earlier[earlier.findIndex((run) => run.id === record.id) + 1];
  const old = before === undefined ? undefined : await history.record(before.id);
  const past = old?.steps.find((one) => one.id === found.id);
  const changes =
    past?.document === null || past === undefined || found.document === null
      ? []
      : differences(past.document, found.document, () => undefined);
  return {
    pipeline: record.pipeline.name,
    step: found.name,
    verdict: verdictOf(found, past === undefined ? { kind: "first-run" } : causeOf(changes)),
    failed: found.outcome.kind === "failed" ? found.outcome.failure : null,
    work: undefined,
    key: found.key,
    document: found.document,
    against: past === undefined || past.key === null || before === undefined ? null : { run: before.id, key: past.key },
    changes,
    surroundings: old === undefined ? [] : surroundings(environmentChanges(old, record), found.name),
  };
}

/** Lock, image, tools and platform are in the key, and told as its differences. */
function surroundings(changes: readonly EnvironmentChange[], step: string): readonly EnvironmentChange[] {
  const outside = new Set(["isolation", "machine", "cores", "sluice"]);
  return changes.filter(({ name, steps }) => outside.has(name) && (steps.length === 0 || steps.includes(step)));
}

/** Why a step began that gave nothing: its cause is not recorded. */
function causeOf(changes: readonly Change[]): Cause {
  return changes.length === 0 ? { kind: "unfinished" } : { kind: "changed", changes };
}

function verdictOf(step: StepRecord, began: Cause): ExplainView["verdict"] {
  const { outcome, key } = step;
  if (key !== null && outcome.kind === "succeeded") return { kind: "run", key, cause: outcome.cause };
  if (key !== null && outcome.kind === "cached") {
    const made = {
      run: outcome.from,
      step: step.name,
      attempt: 1,
      domain: outcome.domain,
      isolation: outcome.isolation,
      network: false,
      secrets: false,
      finishedAt: "",
      profile: { wallMs: 0, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" as const },
      log: null,
    };
    return { kind: "cached", key, from: outcome.from, result: { result: 1, key, facts: outcome.facts, made } };
  }
  if (outcome.kind === "not-started")
    return { kind: "withheld", why: `it was not started because of \`${outcome.because}\`` };
  if (outcome.kind === "withheld") return { kind: "withheld", why: outcome.why };
  return key === null ? { kind: "withheld", why: "it never got that far" } : { kind: "run", key, cause: began };
}
