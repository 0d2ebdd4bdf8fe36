import { realpathSync } from "node:fs";

import { SETTINGS_PATH, type PlannedPipeline } from "../controller/project.ts";
import { byUtf8 } from "../identity/canonical-json.ts";
import type { Session } from "./session.ts";

/** More names are no line that people paste. */
const MOST = 8;

/** The line that commits settings, pipelines and what they read, as far as git does not have it; undefined where it has all. */
export function commitLine(session: Session, planned: readonly PlannedPipeline[]): string | undefined {
  const { project, repository, world } = session;
  const read = [
    SETTINGS_PATH,
    ...project.pipelines.flatMap(({ path, parameterFiles }) => [path, ...parameterFiles.map((file) => file.path)]),
    ...planned.flatMap(({ resolution }) => resolution.sources),
  ];
  const lacking = [...new Set(read)].filter((path) => project.tree.get(path)?.tracked === false).sort(byUtf8);
  if (lacking.length === 0) return project.view.commit === null ? COMMIT : undefined;
  const names = lacking.length <= MOST ? lacking : [...new Set(lacking.map((path) => path.split("/", 1)[0] ?? path))];
  // `:/` is the root of the work tree, wherever the person stands.
  const top = realpathSync(world.config.cwd) === repository.git.root ? "" : ":/";
  return `git add ${names.map((name) => quoted(`${top}${name}`)).join(" ")} && ${COMMIT}`;
}

const COMMIT = "git commit -m 'Add a pipeline'";

/** As one word of a shell. */
export function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
