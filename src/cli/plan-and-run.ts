import { isCheckedOut } from "../controller/check-out.ts";
import type { PlannedPipeline } from "../controller/project.ts";
import type { Store } from "../store/store.ts";
import { commitLine } from "./commit-line.ts";
import { disposing } from "./disposing.ts";
import { execute } from "./execute.ts";
import { EXIT, Refusal } from "./exit.ts";
import { tellMissedGates } from "./missed-gates.ts";
import { checkOverrides, parseOverrides } from "./overrides.ts";
import { isRunnable, type RunFlags, type Runnable } from "./runnable.ts";
import { openSession, planSession, tellProblems, type Session } from "./session.ts";
import { startExecutor, type StartedExecutor } from "./started-executor.ts";
import { UNNAMED_VENV } from "./unnamed-venv.ts";
import { nothingToDo, proveUpToDate, upToDate } from "./up-to-date.ts";
import type { Repository, World } from "./world.ts";

export interface RunOrder {
  readonly names: readonly string[];
  readonly flags: RunFlags;
  /** Nothing is asked for beyond what the files say. */
  readonly plain: boolean;
  readonly request: string;
}

/** A run of which nobody knows yet whether there is nothing to do: what performs steps starts while they are planned. */
export async function planAndRun(world: World, repository: Repository, order: RunOrder): Promise<number> {
  const session = await openSession(world, repository);
  const store = await repository.store(session.project.settings);
  const executor = startExecutor(session, store, order.flags);
  return disposing(executor, () => runPlanned(session, { store, executor, order }));
}

async function runPlanned(
  session: Session,
  {
    store,
    executor,
    order: { names, flags, plain, request },
  }: { readonly store: Store; readonly executor: StartedExecutor; readonly order: RunOrder },
): Promise<number> {
  const { world, repository, project } = session;
  const overrides = await parseOverrides(flags.param);
  const planned = await planSession(session, store, {
    names,
    forced: new Set(flags.force),
    withEffects: flags.withEffects === true,
    overrides,
  });
  const problems = [...project.problems, ...planned.flatMap((one) => one.problems)];
  const broken = await tellProblems(session, project.view, problems);
  repository.save();
  if (broken) return EXIT.bad;
  if (planned.length === 0)
    throw new Refusal(EXIT.usage, `no pipelines at ${project.settings.pipelines}\n  next: sluice init`);
  checkForced(planned, flags.force);
  checkOverrides(planned, overrides);
  const runnable = planned.filter(isRunnable);
  if (project.view.commit === null)
    throw new Refusal(EXIT.bad, `there is no commit yet\n  next: ${commitLine(session, planned) ?? "git commit"}`);
  const due = await pending(session, store, { runnable, checkout: flags.checkout });
  const missed = tellMissedGates(
    world,
    runnable.filter((one) => !due.includes(one)),
  );
  if (due.length > 0 || repository.accepted.list().length > 0) {
    const code = await execute(session, { store, executor }, { due, overrides, flags });
    if (due.length > 0 || code !== EXIT.fine) return code === EXIT.fine && missed ? EXIT.bad : code;
  }
  const sound = problems.every(({ code }) => code === UNNAMED_VENV);
  if (plain && sound && !missed) await proveUpToDate(world, repository, { project, store, runnable, request });
  repository.save();
  if (!missed) return nothingToDo(world, upToDate(runnable));
  world.terminal.print("nothing to do until then\n");
  return EXIT.bad;
}

/** Pipelines with a step to compute, or whose outputs do not stand in the work tree. */
async function pending(
  session: Session,
  store: Store,
  { runnable, checkout }: { readonly runnable: readonly Runnable[]; readonly checkout: boolean },
): Promise<readonly Runnable[]> {
  const due: Runnable[] = [];
  const ports = { store, digests: session.repository.digests, workTree: session.repository.workTree };
  for (const one of runnable) {
    const work = one.forecast.steps.some(({ verdict }) => verdict.kind === "run" || verdict.kind === "depends");
    const outputs = one.forecast.steps.flatMap(({ verdict }) =>
      verdict.kind === "cached" ? verdict.result.facts.outputs : [],
    );
    if (work || (checkout && !(await isCheckedOut(ports, outputs)))) due.push(one);
  }
  return due;
}

function checkForced(planned: readonly PlannedPipeline[], forced: readonly string[]): void {
  const known = new Set(planned.flatMap((one) => one.order?.steps.map((step) => step.name) ?? []));
  for (const step of forced) {
    if (!known.has(step))
      throw new Refusal(
        EXIT.usage,
        `--force ${step}: there is no such step\n  next: known: ${[...known].slice(0, 20).join(", ")}`,
      );
  }
}
