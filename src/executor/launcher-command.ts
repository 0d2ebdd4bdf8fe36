import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** Starts the launcher in the Node that runs this. */
export function launcherCommand(launcherPath: string): readonly string[] {
  return [process.execPath, "--disable-warning=ExperimentalWarning", launcherPath];
}

/** The FFI library's packages, which the launcher inside a sandbox loads; nothing else of ours is shown there. */
export function koffiDirectories(launcherPath: string): readonly string[] {
  for (let at = dirname(launcherPath); dirname(at) !== at; at = dirname(at)) {
    const found = [join(at, "node_modules", "koffi"), join(at, "node_modules", "@koromix")].filter((path) =>
      existsSync(path),
    );
    if (found.length > 0)
      return [...found, ...["package.json"].map((name) => join(at, name)).filter((path) => existsSync(path))];
  }
  return [];
}
