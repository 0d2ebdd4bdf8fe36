import { Environment } from "@marcbachmann/cel-js";

import { closest } from "../problem/suggest.ts";

/** What is wrong with a CEL condition: the sentence, and what was most likely meant. */
export interface ConditionFault {
  readonly message: string;
  readonly meant: string | null;
}

/** Conditions over a plan (policies) and over a release (gates). */
export type ConditionKind = "policy" | "gate";

/** Characters; what is longer is no rule that people can review. */
export const LONGEST_CONDITION = 4_096;
export const LIMITS = { maxAstNodes: 1_000, maxDepth: 64, maxListElements: 500, maxMapEntries: 500 } as const;

type Fields = Readonly<Record<string, string>>;

/** Numbers of JSON are doubles, and people write `2` where CEL wants `2.0`. */
export function registerArithmetic(environment: Environment): void {
  const operators: Readonly<Record<string, (a: number, b: number) => number>> = {
    "+": (a, b) => a + b,
    "-": (a, b) => a - b,
    "*": (a, b) => a * b,
    "/": (a, b) => a / b,
  };
  for (const [operator, compute] of Object.entries(operators)) {
    environment.registerOperator(`double ${operator} int: double`, (a: number, b: bigint) => compute(a, Number(b)));
    environment.registerOperator(`int ${operator} double: double`, (a: bigint, b: number) => compute(Number(a), b));
  }
}

/** What conditions may read. Numbers are `dyn`: people write `50` and mean `50.0`. */
const TYPES: Readonly<Record<string, Fields>> = {
  Forecast: { cost_usd: "dyn", seconds: "dyn", runs: "dyn", cached: "dyn", depends: "dyn" },
  PlannedStep: {
    name: "string",
    verdict: "string",
    pinned: "bool",
    effects: "bool",
    cache: "bool",
    network: "bool",
    executor: "string",
    pool: "string",
    environment: "string",
    cpu: "dyn",
    gpu: "dyn",
    memory: "dyn",
    secrets: "list<string>",
    inputs: "list<string>",
    outputs: "list<string>",
  },
  Plan: {
    pipeline: "string",
    owner: "dyn",
    trigger: "string",
    fork: "bool",
    steps: "list<PlannedStep>",
    removed: "list<string>",
    forecast: "Forecast",
  },
  Run: {
    id: "string",
    pipeline: "string",
    source: "string",
    status: "string",
    trigger: "string",
    isolation: "string",
    reproducible: "dyn",
    dirty: "bool",
    pinned: "bool",
    seconds: "dyn",
  },
  LiveRun: { id: "string", source: "string" },
  Live: { run: "LiveRun", metrics: "map<string, dyn>" },
  Target: { name: "string" },
};

/** Variables of each kind of condition. */
const VARIABLES: Readonly<Record<ConditionKind, Fields>> = {
  policy: { plan: "Plan" },
  gate: { metrics: "map<string, dyn>", run: "Run", live: "Live", environment: "Target" },
};

const environments = new Map<ConditionKind, Environment>();

/** Types are declared for checking alone: evaluation binds plain JSON. */
function environmentFor(kind: ConditionKind): Environment {
  const known = environments.get(kind);
  if (known !== undefined) return known;
  const made = new Environment({ unlistedVariablesAreDyn: false, limits: LIMITS });
  registerArithmetic(made);
  for (const [name, fields] of Object.entries(TYPES)) made.registerType(name, { fields: { ...fields } });
  for (const [name, type] of Object.entries(VARIABLES[kind])) made.registerVariable(name, type);
  // `live` is null before the first release, and a gate may ask for that.
  made.registerOperator("Live == null", () => false);
  environments.set(kind, made);
  return made;
}

/** Names that a condition of this kind may read, as a sentence lists them. */
export function readableIn(kind: ConditionKind): readonly string[] {
  return Object.keys(VARIABLES[kind]);
}

/** Each value that a condition of this kind may read, by its whole name: `plan.steps[].pool`. */
export function readableNames(kind: ConditionKind): readonly string[] {
  return Object.entries(VARIABLES[kind]).flatMap(([name, type]) => namesBelow(name, type));
}

function namesBelow(name: string, type: string): readonly string[] {
  const member = /^list<(\w+)>$/.exec(type)?.[1];
  const fields = TYPES[member ?? type];
  if (type.startsWith("map<")) return [`${name}.<name>`];
  if (fields === undefined) return [name];
  const own = member === undefined ? name : `${name}[]`;
  return Object.entries(fields).flatMap(([field, of]) => namesBelow(`${own}.${field}`, of));
}

/** Parses and type-checks a condition; undefined when it is well-formed and gives a boolean. */
export function checkCondition(kind: ConditionKind, source: string): ConditionFault | undefined {
  if (source.length > LONGEST_CONDITION)
    return { message: `it is longer than ${LONGEST_CONDITION} characters`, meant: null };
  // A regular expression can take for ever on a text of thirty characters.
  if (/\.\s*matches\s*\(/.test(source))
    return { message: "`matches` is not in this version: use startsWith, endsWith or contains", meant: null };
  try {
    const checked = environmentFor(kind).check(source);
    if (!checked.valid) return faultOf(kind, checked.error?.message ?? "it does not type-check");
    if (checked.type !== undefined && checked.type !== "bool" && checked.type !== "dyn") {
      return { message: `it gives ${checked.type}, not true or false`, meant: null };
    }
    return undefined;
  } catch (error) {
    // Also a stack overflow on a thousand parentheses: whatever the text is, it is its author's mistake.
    return faultOf(kind, error instanceof Error ? error.message : String(error));
  }
}

function faultOf(kind: ConditionKind, text: string): ConditionFault {
  const message = text.split("\n")[0] ?? text;
  const name = /(?:No such key|Unknown variable): (\w+)/.exec(message)?.[1];
  const known = [...readableIn(kind), ...Object.values(TYPES).flatMap((fields) => Object.keys(fields))];
  return { message, meant: name === undefined ? null : (closest(name, known) ?? null) };
}
