import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** Absolute path of what came with this program, wherever it is installed, built or not. */
export function installed(...path: readonly string[]): string {
  for (let at = import.meta.dirname; ; at = dirname(at)) {
    const found = join(at, ...path);
    if (existsSync(found)) return found;
    if (dirname(at) === at) throw new Error(`${path.join("/")} is missing from this installation`);
  }
}
