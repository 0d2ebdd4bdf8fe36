import type { Node } from "yaml";

import { parseDuration } from "../expression/duration.ts";
import { parseSize } from "../expression/size.ts";
import type { Resources, Span } from "./pipeline.ts";
import { report, type Reading } from "./reading.ts";
import type { RawStep } from "./schema.ts";

/** The step whose amounts are read. */
interface Frame extends Reading {
  readonly node: Node | undefined;
  readonly at: Span;
}

/** What one attempt needs, in bytes and cores. */
export function resourcesOf(frame: Frame, step: RawStep): Resources {
  const { cpu, memory, gpu, pool } = step.resources ?? {};
  return { cpu: cpu ?? 1, memory: memoryOf(frame, memory), gpu: gpu ?? 0, pool: pool ?? "default" };
}

const MEMORY = ["resources", "memory"];

function memoryOf(frame: Frame, memory: NonNullable<RawStep["resources"]>["memory"]): Resources["memory"] {
  if (memory === undefined) return null;
  if (typeof memory !== "object") {
    const base = bytesOf(frame, MEMORY, memory);
    return { base, factor: 1, max: base };
  }
  const base = bytesOf(frame, [...MEMORY, "base"], memory.base);
  const max = memory.max === undefined ? Number.MAX_SAFE_INTEGER : bytesOf(frame, [...MEMORY, "max"], memory.max);
  if (max < base)
    reportOnce(frame, [...MEMORY, "max"], {
      code: "bad-value",
      message: `memory grows from \`base\` ${String(memory.base)} to at most \`max\` ${String(memory.max)}, which is less`,
      next: "raise `max`, or lower `base`",
    });
  return { base, factor: memory.factor ?? 2, max };
}

function bytesOf(frame: Frame, keys: readonly string[], size: string | number): number {
  const bytes = typeof size === "number" ? size : parseSize(size);
  return bytes ?? tooLarge(frame, keys, size);
}

/** An amount of the right form that no number holds. */
function tooLarge(frame: Frame, keys: readonly string[], value: string | number): number {
  reportOnce(frame, keys, {
    code: "bad-value",
    message: `\`${keys.at(-1) ?? ""}\` of ${String(value)} is more than can be counted`,
    next: "write a smaller one",
  });
  return Number.MAX_SAFE_INTEGER;
}

/** A mistake at a key of the step, or of `defaults`, where the steps that share it share one mistake. */
function reportOnce(frame: Frame, keys: readonly string[], problem: Parameters<typeof report>[2]): void {
  const { yaml } = frame;
  const below = (node: Node | undefined): Node | undefined =>
    keys.reduce<Node | undefined>((at, key) => yaml.child(at, key), node);
  const node = below(frame.node) ?? below(yaml.child(yaml.root ?? undefined, "defaults"));
  const at = node === undefined ? frame.at : yaml.span(node);
  const told = frame.problems.some(
    (one) => one.message === problem.message && one.at.line === at[0] && one.at.column === at[1],
  );
  if (!told) report(frame, at, problem);
}

/** Milliseconds of a duration that the schema has accepted. */
export function durationOf(frame: Frame, keys: readonly string[], text: string): number {
  const duration = parseDuration(text);
  if (duration !== undefined) return duration;
  return /[1-9]/.test(text) ? tooLarge(frame, keys, text) : 0;
}
