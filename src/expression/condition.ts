import { Environment } from "@marcbachmann/cel-js";

/** What is wrong with a CEL condition: the sentence, and the offset in its source where that is known. */
export interface ConditionFault {
  readonly message: string;
  readonly offset: number | null;
}

/** Conditions over a plan (policies) and over a release (gates). */
export type ConditionKind = "policy" | "gate";

const environments = new Map<ConditionKind, Environment>();

function environmentFor(kind: ConditionKind): Environment {
  const known = environments.get(kind);
  if (known !== undefined) return known;
  const made = kind === "policy" ? policyEnvironment() : gateEnvironment();
  environments.set(kind, made);
  return made;
}

function policyEnvironment(): Environment {
  return new Environment({ unlistedVariablesAreDyn: false }).registerVariable("plan", "map<string, dyn>");
}

function gateEnvironment(): Environment {
  return new Environment({ unlistedVariablesAreDyn: false })
    .registerVariable("metrics", "map<string, dyn>")
    .registerVariable("run", "map<string, dyn>")
    .registerVariable("live", "dyn");
}

/** Parses and type-checks a condition; undefined when it is well-formed and gives a boolean. */
export function checkCondition(kind: ConditionKind, source: string): ConditionFault | undefined {
  try {
    const checked = environmentFor(kind).check(source);
    if (!checked.valid) return { message: firstLine(checked.error?.message ?? "it does not type-check"), offset: null };
    if (checked.type !== undefined && checked.type !== "bool" && checked.type !== "dyn") {
      return { message: `it gives ${checked.type}, not true or false`, offset: null };
    }
    return undefined;
  } catch (error) {
    // Also a stack overflow on a thousand parentheses: whatever the text is, it is its author's mistake.
    return { message: firstLine(error instanceof Error ? error.message : String(error)), offset: null };
  }
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? text;
}
