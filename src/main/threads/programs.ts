import { existsSync } from "node:fs";
import { join } from "node:path";

/** Programs that run as threads of ours. */
export type ThreadProgram = "parser" | "verifier";
/** Programs that run as processes of ours. */
type ProcessProgram = "launcher" | "runner";

/** Absolute path of a program of ours that is started by its file: beside the bundle when built, else the TypeScript. */
export function programPath(name: ProcessProgram | ThreadProgram): string {
  const here = import.meta.dirname;
  const built = join(here, `${name}.js`);
  if (existsSync(built)) return built;
  return name === "launcher" ? join(here, "..", "..", "launcher.ts") : join(here, `${name}.ts`);
}
