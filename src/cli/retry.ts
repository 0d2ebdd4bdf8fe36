import { disposing } from "./disposing.ts";
import { EXIT, Refusal } from "./exit.ts";
import type { Runnable } from "./runnable.ts";
import { selectRun } from "./select-run.ts";
import { openSession, planSession, PLAIN_REQUEST, tellProblems } from "./session.ts";
import type { World } from "./world.ts";

/** `sluice retry <run>`: a failed run again; what had finished is not computed a second time. */
export async function retry(world: World, run: string): Promise<number> {
  const session = await openSession(world);
  const { repository, project } = session;
  const { record } = await selectRun(repository, run);
  if (record.status === "succeeded")
    throw new Refusal(EXIT.usage, `run ${run} succeeded\n  next: sluice run --force <step> computes a step again`);
  const store = await repository.store(project.settings);
  const planned = await planSession(session, store, { ...PLAIN_REQUEST, names: [record.pipeline.id] });
  if (await tellProblems(session, project.view, [...project.problems, ...planned.flatMap((one) => one.problems)]))
    return EXIT.bad;
  const due = planned.filter((one): one is Runnable => one.order !== null && one.forecast !== null);
  const order = due[0]?.order;
  if (order?.digest !== record.plan || record.source !== project.view.commit) {
    throw new Refusal(
      EXIT.usage,
      `the work tree is not what run ${run} was of\n  next: git checkout ${record.source.slice(0, 12)} && sluice retry ${run}, or sluice run`,
    );
  }
  const history = await repository.history();
  const nth = history.runs({ pipeline: record.pipeline.id }).filter((one) => one.trigger === "retry").length + 1;
  const { execute } = await import("./execute.ts");
  const { startExecutor } = await import("./started-executor.ts");
  return disposing(startExecutor(session, store, {}), (executor) =>
    execute(
      session,
      { store, executor },
      { due, overrides: {}, flags: { force: [], checkout: true }, request: `retry:${record.id}:${nth}` },
    ),
  );
}
