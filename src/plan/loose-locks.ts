import type { Environment, Pipeline, Span, Step } from "../pipeline/pipeline.ts";
import { explicitPackages } from "../pipeline/explicit-packages.ts";
import { lockedRequirements } from "../pipeline/locked-requirements.ts";
import type { Problem } from "../problem/problem.ts";
import type { WorkOrder } from "./plan.ts";

/** Locks that people write by hand too; the others only a program writes, and it pins. */
export function handWrittenLocks({ steps }: Pick<Pipeline, "steps">): readonly string[] {
  return [...new Set(steps.flatMap(({ environment }) => lockOf(environment) ?? []))];
}

/** Warns once of each environment whose lock leaves open what is installed: its digest then says nothing of that. */
export function looseLocks(
  pipeline: Pick<Pipeline, "path" | "steps">,
  text: (path: string) => string | undefined,
): { readonly locks: ReadonlySet<string>; readonly problems: readonly Problem[] } {
  const locks = new Set<string>();
  const problems = new Map<string, Problem>();
  const told = new Map<string, string | undefined>();
  for (const step of pipeline.steps) {
    const lock = lockOf(step.environment);
    const words = lock === undefined ? undefined : text(lock);
    if (lock === undefined || words === undefined) continue;
    if (!told.has(lock)) told.set(lock, whyLoose(step.environment, words));
    const why = told.get(lock);
    if (why === undefined) continue;
    locks.add(lock);
    const at = placeOf(step);
    problems.set(`${at.join()} ${lock}`, problem(pipeline.path, at, { environment: step.environment, lock, why }));
  }
  return { locks, problems: [...problems.values()] };
}

/** The same order with the steps marked whose lock pins nothing; keys and digest stay what they are. */
export function withLooseLocks(order: WorkOrder, locks: ReadonlySet<string>): WorkOrder {
  const steps = order.steps.map((work) =>
    locks.has(lockOf(work.step.environment) ?? "") ? { ...work, loose: true as const } : work,
  );
  return { ...order, steps, pinned: false };
}

function lockOf(environment: Environment): string | undefined {
  const { kind } = environment;
  return kind === "venv" || kind === "conda" ? (environment.lock ?? undefined) : undefined;
}

/** Why a lock leaves something open, as a worker reads it. */
function whyLoose({ kind }: Environment, text: string): string | undefined {
  if (kind === "conda") {
    const read = explicitPackages(text);
    if ("line" in read) return `line ${read.line} is no package by address and digest`;
    return read.packages.length === 0 ? "it names no package" : undefined;
  }
  const read = lockedRequirements(text);
  if (read.kind === "bad") return `line ${read.line}: ${read.why}`;
  return read.packages.length === 0 ? "it names no package" : undefined;
}

function placeOf({ environmentAt, at }: Step): Span {
  return environmentAt ?? at;
}

function problem(
  path: string,
  [line, column, endLine, endColumn]: Span,
  { environment, lock, why }: { readonly environment: Environment; readonly lock: string; readonly why: string },
): Problem {
  return {
    severity: "warning",
    code: "loose-lock",
    at: { path, line, column, end: { line: endLine, column: endColumn } },
    message: `\`${lock}\` does not pin what is installed, and workers build nothing from it: ${why}`,
    next:
      environment.kind === "conda"
        ? `\`conda list --explicit --sha256 > ${lock}\``
        : `\`pip-compile --generate-hashes\` or \`uv pip compile --generate-hashes\`, and name what it writes as \`lock:\``,
  };
}
