import { closest } from "../problem/suggest.ts";

/** Words of DVC, of GitHub's workflows and of others, and what is said here in their place. */
const FOREIGN: ReadonlyMap<string, { readonly here: string; readonly as?: string }> = new Map([
  ["cmd", { here: "run" }],
  ["command", { here: "run" }],
  ["script", { here: "run" }],
  ["deps", { here: "inputs" }],
  ["dependencies", { here: "inputs" }],
  ["outs", { here: "outputs" }],
  ["artifacts", { here: "outputs" }],
  ["desc", { here: "description" }],
  ["stages", { here: "steps" }],
  ["jobs", { here: "steps" }],
  ["vars", { here: "params" }],
  ["timeout-minutes", { here: "timeout" }],
  [
    "depends_on",
    { here: "needs", as: "a step waits for those whose outputs are among its `inputs`; for others `needs` names them" },
  ],
  [
    "depends-on",
    { here: "needs", as: "a step waits for those whose outputs are among its `inputs`; for others `needs` names them" },
  ],
  ["uses", { here: "run", as: "there are no actions here: write the command as `run`" }],
  ["with", { here: "params", as: "values for a command are `params` here, or `env`" }],
  ["wdir", { here: "run", as: "steps run at the top of the repository: write `cd DIRECTORY` in `run`" }],
  ["working-directory", { here: "run", as: "steps run at the top of the repository: write `cd DIRECTORY` in `run`" }],
  ["runs-on", { here: "resources", as: "where a step runs is `resources: { pool: … }` here" }],
  ["always_changed", { here: "cache", as: "a step that runs each time has `cache: false` here" }],
]);

/** A key that was meant by one that is not known, and the sentence that says so; undefined: nobody can tell. */
export function keyMeant(
  key: string,
  known: readonly string[],
): { readonly key: string; readonly next: string } | undefined {
  const foreign = FOREIGN.get(key);
  if (foreign !== undefined && known.includes(foreign.here))
    return { key: foreign.here, next: foreign.as ?? `\`${key}\` is \`${foreign.here}\` here` };
  const near = closest(key, known);
  return near === undefined ? undefined : { key: near, next: `did you mean \`${near}\`?` };
}
