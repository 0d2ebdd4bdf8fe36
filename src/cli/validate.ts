import { PLAIN_REQUEST, openSession, planSession, tellProblems } from "./session.ts";
import { EXIT } from "./exit.ts";
import { isError } from "../problem/problem.ts";
import type { World } from "./world.ts";

/** `sluice validate`: problems with code frames; exit 1 if any is an error. */
export async function validate(
  world: World,
  files: readonly string[],
  flags: { readonly json?: boolean },
): Promise<number> {
  const session = await openSession(world);
  const store = await session.repository.store(session.project.settings);
  const planned = await planSession(session, store, PLAIN_REQUEST);
  session.repository.save();
  const all = [...session.project.problems, ...planned.flatMap((one) => one.problems)];
  const problems =
    files.length === 0
      ? all
      : all.filter((problem) => files.some((file) => problem.at.path === file || problem.at.path.endsWith(`/${file}`)));
  const errors = problems.filter(isError).length;
  if (flags.json === true) world.terminal.print(`${JSON.stringify({ version: 1, problems }, null, 2)}\n`);
  else {
    await tellProblems(session, session.project.view, problems);
    const count = session.project.pipelines.length + session.project.broken.length;
    const found =
      problems.length === 0
        ? "no problems"
        : `${errors} ${errors === 1 ? "error" : "errors"}, ${problems.length - errors} ${problems.length - errors === 1 ? "warning" : "warnings"}`;
    world.terminal.print(`${count} ${count === 1 ? "pipeline" : "pipelines"}: ${found}\n`);
  }
  return errors > 0 ? EXIT.bad : EXIT.fine;
}
