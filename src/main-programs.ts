import { existsSync } from "node:fs";
import { join } from "node:path";

/** Absolute path of a program of ours that is started by its file: beside the bundle when built, else the TypeScript. */
export function programPath(name: "launcher" | "main-verifier"): string {
  const here = import.meta.dirname;
  const built = join(here, `${name}.js`);
  return existsSync(built) ? built : join(here, `${name}.ts`);
}
