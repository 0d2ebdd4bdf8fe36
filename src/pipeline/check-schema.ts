import type { z } from "zod";

import type { Json } from "../identity/canonical-json.ts";
import { report, type Reading } from "./reading.ts";
import { RESERVED } from "./schema.ts";
import { keysAt } from "./schema-keys.ts";
import { schemaProblems } from "./schema-problems.ts";

/** What stands in for a refused value, so that the rest of the file can be read; `*` is any name. */
export interface StandIn {
  readonly path: readonly string[];
  readonly value: Json;
}

type Path = readonly PropertyKey[];

const ROUNDS = 4;
const MAX_ISSUES = 1_000;

/**
 * A file's value as its schema has it; undefined when too little of it is left.
 * What the schema refuses is reported and taken out, so that the mistakes in the rest are found in the same go.
 */
export function checkAgainstSchema<Schema extends z.ZodType>(
  reading: Reading,
  schema: Schema,
  {
    standIns,
    elsewhere = new Set(),
  }: { readonly standIns: readonly StandIn[]; readonly elsewhere?: ReadonlySet<string> },
): z.infer<Schema> | undefined {
  let value = reading.yaml.value;
  if (isNewer(reading, value)) return undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const checked = schema.safeParse(value);
    if (checked.success) return checked.data;
    const issues = checked.error.issues.slice(0, MAX_ISSUES);
    if (round === 0) {
      const vocabulary = { reserved: RESERVED, elsewhere, keysAt: (path: Path) => keysAt(schema, path) };
      reading.problems.push(...schemaProblems(reading.yaml, issues, vocabulary));
    }
    value = mended(value, issues, standIns);
  }
  return undefined;
}

/** A file of a later version is refused in one sentence: its other keys are no mistakes. */
function isNewer(reading: Reading, value: Json): boolean {
  const version = isHolder(value) && !Array.isArray(value) ? value["version"] : undefined;
  if (typeof version !== "number" || !Number.isInteger(version) || version <= 1) return false;
  report(reading, reading.yaml.span(reading.yaml.child(reading.yaml.root, "version")), {
    code: "newer-version",
    message: `the file is of version ${version}, and this Sluice reads version 1`,
    next: "upgrade Sluice, or write `version: 1`",
  });
  return true;
}

function mended(value: Json, issues: readonly z.core.$ZodIssue[], standIns: readonly StandIn[]): Json {
  const root: Record<string, unknown> = { value: structuredClone(value) };
  for (const issue of issues) {
    if (issue.code === "unrecognized_keys") {
      const holder = at(root, ["value", ...issue.path]);
      if (isHolder(holder)) for (const key of issue.keys) delete holder[key];
    } else mend(root, issue.path, standIns);
  }
  return root["value"] as Json;
}

function mend(root: Record<string, unknown>, path: Path, standIns: readonly StandIn[]): void {
  const standIn = standIns.find((one) => matches(one.path, path));
  const holder = at(root, ["value", ...path.slice(0, -1)]);
  const key = String(path.at(-1));
  if (path.length === 0) root["value"] = {};
  else if (!isHolder(holder)) return;
  else if (standIn !== undefined) holder[key] = structuredClone(standIn.value);
  // The items after a refused one keep their index, and with it their place in the file.
  else if (Array.isArray(holder)) holder[Number(key)] = typeof holder[Number(key)] === "string" ? undefined : "removed";
  else if (Object.hasOwn(holder, key) && holder[key] !== undefined) delete holder[key];
  else mend(root, path.slice(0, -1), standIns);
  if (Array.isArray(holder) && holder[Number(key)] === undefined) mend(root, path.slice(0, -1), standIns);
}

function matches(pattern: readonly string[], path: Path): boolean {
  return pattern.length === path.length && pattern.every((part, index) => part === "*" || part === path[index]);
}

function at(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => (isHolder(value) ? value[String(part)] : undefined), root);
}

function isHolder(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
