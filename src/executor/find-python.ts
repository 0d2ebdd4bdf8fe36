import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import type { Failure } from "../run/run-record.ts";

/** An interpreter from which environments are made. */
export interface Python {
  /** Absolute, links followed: what a version manager puts on PATH is not shown in a sandbox. */
  readonly program: string;
  readonly version: string;
  /** Whether its own pip installs into other environments (`pip --python`, since 22.3). */
  readonly installs: boolean;
}

const PROBE = `
import os, sys
from importlib import metadata
try:
    pip = tuple(int(part) for part in metadata.version("pip").split(".")[:2])
except Exception:
    pip = (0,)
base = getattr(sys, "_base_executable", None) or sys.executable
print(os.path.realpath(base), ".".join(map(str, sys.version_info[:3])), pip >= (22, 3), sep="\\n")
`;

/** What was found; a probe that took too long says nothing about the next. */
const known = new Map<string, Promise<Python | undefined>>();

/** The interpreter on PATH that `tools: { python: … }` asks for; without that, the first. */
export async function findPython(path: string, expected: string | undefined): Promise<Python | Failure> {
  const exact = expected === undefined ? undefined : /^\d+\.\d+/.exec(expected)?.[0];
  const names = [...(exact === undefined ? [] : [`python${exact}`]), "python3", "python"];
  let other: Python | undefined;
  for (const program of programs(names, path)) {
    const found = await ask(program);
    if (found === undefined) continue;
    if (expected === undefined || found.version === expected || found.version.startsWith(`${expected}.`)) return found;
    other ??= found;
  }
  if (expected !== undefined && other !== undefined)
    return {
      kind: "environment",
      name: "python",
      expected,
      found: other.version,
      line: `tools: { python: "${other.version}" }`,
    };
  return {
    kind: "refused",
    why: `there is no Python${expected === undefined ? "" : ` ${expected}`} on this worker's PATH`,
    next: "install it where the workers of this pool are: `apt-get install python3 python3-venv`",
  };
}

/** The first program of these names on PATH. */
export function findProgram(names: readonly string[], path: string): string | undefined {
  return programs(names, path)[0];
}

function programs(names: readonly string[], path: string): readonly string[] {
  return names.flatMap((name) =>
    path
      .split(":")
      .filter((directory) => directory.startsWith("/"))
      .map((directory) => join(directory, name))
      .filter(isProgram),
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function ask(program: string): Promise<Python | undefined> {
  const before = known.get(program);
  if (before !== undefined) return before;
  const asked = probe(program).then((found) => {
    if (found === undefined) known.delete(program);
    return found;
  });
  known.set(program, asked);
  return asked;
}

async function probe(program: string): Promise<Python | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, ["-I", "-c", PROBE], { timeout: 20_000 });
    const [real = "", version = "", installs] = stdout.trim().split("\n");
    return version === "" ? undefined : { program: real, version, installs: installs === "True" };
  } catch {
    // A version manager's shim may stand for an interpreter that is not installed.
    return undefined;
  }
}
