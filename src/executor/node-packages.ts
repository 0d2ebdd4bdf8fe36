import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join, relative } from "node:path";

import type { Difference } from "./difference.ts";

interface NpmLock {
  readonly packages?: Readonly<
    Record<
      string,
      {
        readonly version?: string;
        readonly optional?: boolean;
        readonly dev?: boolean;
        readonly devOptional?: boolean;
        readonly peer?: boolean;
        readonly link?: boolean;
      }
    >
  >;
}

/** npm writes what it installed to `node_modules/.package-lock.json`; other tools' directories say nothing. */
export function nodeDifferences(modules: string, lock: string): readonly Difference[] {
  const hidden = join(modules, ".package-lock.json");
  if (!existsSync(hidden)) return [];
  const pinned = npmPackages(lock);
  const installed = npmPackages(readFileSync(hidden, "utf8"));
  if (pinned === undefined || installed === undefined) return [];
  return Object.entries(pinned).flatMap(([path, entry]): readonly Difference[] => {
    if (path === "" || entry.link === true || entry.version === undefined) return [];
    const found = installed[path]?.version ?? null;
    const optional = [entry.optional, entry.dev, entry.devOptional, entry.peer].includes(true);
    if (found === entry.version || (found === null && optional)) return [];
    return [{ name: path.replace(/^.*node_modules\//, ""), pinned: entry.version, found }];
  });
}

/** Version of the package that brings a program, as npm wrote it down when it installed it. */
export function moduleVersion(modules: string, tool: string): string | null {
  const program = join(modules, ".bin", tool);
  if (!existsSync(program)) return null;
  const [scope = "", name = ""] = relative(realpathSync(modules), realpathSync(program)).split("/");
  const installed = npmPackages(readFileSync(join(modules, ".package-lock.json"), "utf8"));
  return installed?.[`node_modules/${scope.startsWith("@") ? `${scope}/${name}` : scope}`]?.version ?? null;
}

function npmPackages(text: string): NpmLock["packages"] {
  try {
    return (JSON.parse(text) as NpmLock).packages;
  } catch {
    // Not npm's: the lock's digest is in the key all the same.
    return undefined;
  }
}
