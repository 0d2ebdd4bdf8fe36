import { existsSync } from "node:fs";
import { join } from "node:path";

/** Programs that run as threads of ours. */
export type ThreadProgram = "main-parser" | "main-verifier";

/** Absolute path of a program of ours that is started by its file: beside the bundle when built, else the TypeScript. */
export function programPath(name: "launcher" | ThreadProgram): string {
  const here = import.meta.dirname;
  const built = join(here, `${name}.js`);
  return existsSync(built) ? built : join(here, `${name}.ts`);
}
