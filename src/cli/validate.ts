import { normalize, relative, resolve } from "node:path";

import { SETTINGS_PATH } from "../controller/project.ts";
import { isError } from "../problem/problem.ts";
import { EXIT, Refusal } from "./exit.ts";
import { PLAIN_REQUEST, openSession, planSession, tellProblems, type Session } from "./session.ts";
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
  const wanted = new Set(files.map((file) => pathOf(session, file)));
  const problems = files.length === 0 ? all : all.filter(({ at }) => wanted.has(at.path));
  const errors = problems.filter(isError).length;
  if (flags.json === true) world.terminal.print(`${JSON.stringify({ version: 1, problems }, null, 2)}\n`);
  else {
    await tellProblems(session, session.project.view, problems);
    const count = files.length === 0 ? session.project.pipelines.length + session.project.broken.length : wanted.size;
    const what = files.length === 0 ? "pipeline" : "file";
    const found =
      problems.length === 0
        ? "no problems"
        : `${errors} ${errors === 1 ? "error" : "errors"}, ${problems.length - errors} ${problems.length - errors === 1 ? "warning" : "warnings"}`;
    world.terminal.print(`${count} ${what}${count === 1 ? "" : "s"}: ${found}\n`);
  }
  return errors > 0 ? EXIT.bad : EXIT.fine;
}

/** A file as people name it, from where they stand or from the top; one that is not looked at has not been found right. */
function pathOf({ world, repository, project }: Session, file: string): string {
  const known = [
    SETTINGS_PATH,
    ...project.pipelines.flatMap((one) => [one.path, ...one.parameterFiles.map(({ path }) => path)]),
    ...project.broken,
    ...project.problems.map(({ at }) => at.path),
  ];
  const here = relative(repository.git.root, resolve(world.config.cwd, file)).replaceAll("\\", "/");
  const found = [here, normalize(file)].find((path) => known.includes(path));
  if (found !== undefined) return found;
  throw new Refusal(
    EXIT.usage,
    `${file} is no pipeline, settings or parameters file of this repository\n  next: pipelines are what \`pipelines: ${project.settings.pipelines}\` selects: ${known.slice(1, 20).join(", ") || "none yet"}`,
  );
}
