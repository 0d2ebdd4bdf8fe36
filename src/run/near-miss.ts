import type { NearMiss } from "./run-record.ts";

const FILE_PATTERNS: readonly RegExp[] = [
  /No such file or directory: '([^'\n]+)'/g,
  /No such file or directory: "([^"\n]+)"/g,
  /ENOENT[^'\n]*'([^'\n]+)'/g,
  /Cannot find module '([^'\n]+)'/g,
  /(?:^|: )([\w./-]+): No such file or directory/gm,
  /cannot open (?:file )?['"`‘]?([\w./-]+)['"`’]?/gi,
  /can't open file '([^'\n]+)'/g,
];
const MODULE_PATTERN = /ModuleNotFoundError: No module named '([\w.]+)'/g;

/**
 * A path or module that a failed step named, that exists, and that is not among its inputs:
 * the message can then print the line that is missing (SEMANTICS §3).
 */
export function nearMiss(
  log: string,
  exists: (path: string) => { readonly step: string | null } | undefined,
  inputs: readonly string[],
): NearMiss | undefined {
  const isInput = (path: string): boolean => inputs.some((input) => path === input || path.startsWith(`${input}/`));
  for (const path of candidates(log)) {
    if (isInput(path)) continue;
    const found = exists(path);
    if (found !== undefined) return { path, step: found.step, inputs: [...inputs, path] };
  }
  return undefined;
}

function* candidates(log: string): Generator<string> {
  for (const pattern of FILE_PATTERNS) {
    for (const match of log.matchAll(pattern)) {
      const path = relative(match[1] ?? "");
      if (path !== undefined) yield path;
    }
  }
  for (const match of log.matchAll(MODULE_PATTERN)) {
    const path = (match[1] ?? "").replaceAll(".", "/");
    for (const root of ["", "src/", "lib/"]) {
      yield `${root}${path}.py`;
      yield `${root}${path}/__init__.py`;
    }
  }
}

/** A named path as the repository has it: below the workspace, without `./`. */
function relative(path: string): string | undefined {
  const inside = path.replace(/^.*\/(?:sluice\/workspace|slot-\d+-\d+\/workspace)\//, "").replace(/^\.\//, "");
  return inside.startsWith("/") || inside === "" || inside.includes("..") ? undefined : inside;
}
