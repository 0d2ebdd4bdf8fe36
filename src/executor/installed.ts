import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Environment } from "../pipeline/pipeline.ts";
import type { Failure } from "../run/run-record.ts";
import { condaDifferences } from "./conda-packages.ts";
import type { Difference } from "./difference.ts";
import { nodeDifferences } from "./node-packages.ts";
import { venvDifferences } from "./venv-packages.ts";

/** How many packages a message names. */
const NAMED = 3;
const known = new Map<string, readonly Difference[]>();

type Locked = Exclude<Environment, { kind: "system" | "image" }>;

/** Refuses an environment whose installed packages are not those that its lock file pins. */
export function checkInstalled(environment: Environment, place: string, project: string): Failure | undefined {
  if (!("lock" in environment) || environment.lock === null) return undefined;
  const lock = join(project, environment.lock);
  const stat = statSync(lock, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const stamp = `${stat.size}\0${stat.mtimeMs}`;
  return compareInstalled(environment, place, { stamp: `${lock}\0${stamp}`, text: () => readFileSync(lock, "utf8") });
}

/** The same with a lock that lies elsewhere; `stamp` changes with its text. */
export function compareInstalled(
  environment: Locked,
  place: string,
  lock: { readonly stamp: string; readonly text: () => string },
): Failure | undefined {
  const stamp = `${place}\0${lock.stamp}`;
  let differences = known.get(stamp);
  if (differences === undefined) {
    differences = differencesOf(environment, place, lock.text());
    known.set(stamp, differences);
  }
  if (differences.length === 0) return undefined;
  const file = environment.lock ?? "";
  const anew = differences.some(({ changed }) => changed !== undefined);
  return {
    kind: "refused",
    why: `\`${nameOf(environment)}\` is not what \`${file}\` pins: ${sentence(differences)}`,
    next: `\`${installOf(environment, file, anew)}\`, or change the line in \`${file}\`, then \`sluice run\` (\`--allow-environment-drift\` runs it as it is)`,
  };
}

function differencesOf({ kind }: Locked, place: string, lock: string): readonly Difference[] {
  if (kind === "conda") return condaDifferences(place, lock);
  return kind === "node" ? nodeDifferences(place, lock) : venvDifferences(place, lock);
}

function nameOf(environment: Locked): string {
  if (environment.kind === "conda") return environment.name;
  if (environment.kind === "node") return join(dirname(environment.lock), "node_modules");
  return environment.kind === "uv" ? join(environment.path, ".venv") : environment.path;
}

function installOf(environment: Locked, lock: string, anew: boolean): string {
  if (environment.kind === "node") return "npm ci";
  if (environment.kind === "uv") return `uv sync --frozen${anew ? " --reinstall" : ""}`;
  if (environment.kind === "conda") return `conda create --name ${environment.name} --file ${lock}`;
  return `${environment.path}/bin/pip install${anew ? " --force-reinstall" : ""} -r ${lock}`;
}

function sentence(differences: readonly Difference[]): string {
  const named = differences.slice(0, NAMED).map(({ name, pinned, found, changed }) => {
    if (found === null) return `\`${name}\` ${pinned} is not installed`;
    if (changed !== undefined) return `\`${name}\` ${pinned} was changed after it was installed (\`${changed}\`)`;
    return `\`${name}\` is ${found} instead of ${pinned}`;
  });
  const rest = differences.length - named.length;
  return `${named.join(", ")}${rest > 0 ? `, and ${rest} more` : ""}`;
}
