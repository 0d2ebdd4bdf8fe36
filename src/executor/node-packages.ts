import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Difference } from "./difference.ts";

interface NpmLock {
  readonly packages?: Readonly<
    Record<
      string,
      {
        readonly version?: string;
        readonly optional?: boolean;
        readonly dev?: boolean;
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
    const optional = entry.optional === true || entry.dev === true || entry.peer === true;
    if (found === entry.version || (found === null && optional)) return [];
    return [{ name: path.replace(/^.*node_modules\//, ""), pinned: entry.version, found }];
  });
}

function npmPackages(text: string): NpmLock["packages"] {
  try {
    return (JSON.parse(text) as NpmLock).packages;
  } catch {
    // Not npm's: the lock's digest is in the key all the same.
    return undefined;
  }
}
