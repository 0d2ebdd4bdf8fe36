import type { Node } from "yaml";

import { refuseGlob } from "./path-problem.ts";
import { report, type Reading } from "./reading.ts";
import { shorten } from "../problem/shorten.ts";

/** Checks globs that choose what a push concerns: one that can match nothing would stop its pipeline in silence. */
export function checkGlobs(reading: Reading, list: Node | undefined, globs: readonly string[]): void {
  globs.forEach((glob, at) => {
    const plain = glob.startsWith("!") ? glob.slice(1) : glob;
    const wrong = refuseGlob(plain) ?? (isClean(plain) ? undefined : matchesNothing(glob));
    if (wrong !== undefined) report(reading, reading.yaml.span(reading.yaml.child(list, at)), wrong);
  });
}

/** Why a glob of files selects none, or others than whoever wrote it means; undefined where it is one of ours. */
export function refusePattern(glob: string): ReturnType<typeof refuseGlob> {
  const foreign = refuseGlob(glob);
  if (foreign !== undefined) return foreign;
  if (glob.startsWith("!") || glob.includes("\\") || /\(.*\|.*\)/.test(glob) || !isClean(glob))
    return matchesNothing(glob);
  return undefined;
}

function isClean(glob: string): boolean {
  return glob.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

function matchesNothing(glob: string): NonNullable<ReturnType<typeof refuseGlob>> {
  return {
    code: "glob-syntax",
    message: glob === "" ? "an empty glob matches nothing" : `\`${shorten(glob)}\` matches nothing`,
    next: "write names with one `/` between them, such as `release/*`",
  };
}
