import type { PlannedPipeline } from "../controller/project.ts";
import type { Store } from "../store/store.ts";
import { EXIT, Refusal } from "./exit.ts";
import type { RunFlags, Runnable } from "./runnable.ts";
import { openRepository } from "./open-repository.ts";
import type { Session } from "./session.ts";
import { proveUpToDate, provenUpToDate, requestOf } from "./up-to-date.ts";
import type { World } from "./world.ts";

/** `sluice run`: plans, executes what has no result, records; nothing to do is said and records nothing. */
export async function run(world: World, names: readonly string[], flags: RunFlags): Promise<number> {
  const plain = flags.force.length === 0 && flags.param.length === 0 && flags.withEffects !== true;
  const request = requestOf(names, flags.checkout);
  const repository = await openRepository(world);
  if (plain && repository.accepted.list().length === 0) {
    const steps = await provenUpToDate(world, repository, request);
    if (steps !== undefined) return nothingToDo(world, steps);
  }
  const { openSession, planSession, tellProblems } = await import("./session.ts");
  const session = await openSession(world, repository);
  const { project } = session;
  const store = await repository.store(project.settings);
  const { checkOverrides, parseOverrides } = await import("./overrides.ts");
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
  const runnable = planned.filter((one): one is Runnable => one.order !== null && one.forecast !== null);
  if (project.view.commit === null)
    throw new Refusal(EXIT.bad, "there is no commit yet\n  next: git add -A && git commit -m 'First pipeline'");
  const due = await pending(session, store, { runnable, checkout: flags.checkout });
  if (due.length === 0 && repository.accepted.list().length === 0) {
    if (plain && problems.length === 0) await proveUpToDate(world, repository, { project, store, runnable, request });
    repository.save();
    return nothingToDo(
      world,
      runnable.reduce((sum, one) => sum + one.order.steps.length, 0),
    );
  }
  const { execute } = await import("./execute.ts");
  return execute(session, store, { due, overrides, flags });
}

function nothingToDo(world: World, steps: number): number {
  world.terminal.print(`nothing to do: all ${steps} ${steps === 1 ? "step is" : "steps are"} up to date\n`);
  return EXIT.fine;
}

/** Pipelines with a step to compute, or whose outputs do not stand in the work tree. */
async function pending(
  session: Session,
  store: Store,
  { runnable, checkout }: { readonly runnable: readonly Runnable[]; readonly checkout: boolean },
): Promise<readonly Runnable[]> {
  const { isCheckedOut } = await import("../controller/check-out.ts");
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
