import type { DeclaredStep } from "../run/declared-step.ts";
import type { FailedStep } from "./failed-run.ts";
import { failureSentence } from "./failure-sentence.ts";
import type { Voice } from "./voice.ts";
import { listed } from "./words.ts";

const UNREACHED =
  /Could not resolve host|Temporary failure in name resolution|Name or service not known|nodename nor servname provided|unable to resolve host address|EAI_AGAIN|ENOTFOUND|Network is unreachable|ENETUNREACH/;

/** More lines than these nobody pastes: a directory is meant. */
const MOST_OUTPUTS = 20;

/** True for a step whose log says that it reached nobody, where steps without `network: true` cannot. */
export function lacksNetwork({ failure, declared, tail }: FailedStep): boolean {
  return failure.kind === "exit" && declared?.closed === true && tail.some((line) => UNREACHED.test(line));
}

type Written = Pick<FailedStep, "failure"> & { readonly declared: Pick<DeclaredStep, "read"> | null };

/** Inputs that a step changed, or wrote into, where it should have written elsewhere; and what else it wrote. */
export function changedInputs({ failure, declared }: Written): {
  readonly inputs: readonly string[];
  readonly others: readonly string[];
} {
  if (failure.kind !== "undeclared-write") return { inputs: [], others: [] };
  const inputs = new Set<string>();
  const others: string[] = [];
  for (const path of failure.paths) {
    const input = declared?.read.find((read) => path === read || path.startsWith(`${read}/`));
    if (input === undefined) others.push(path);
    else inputs.add(input);
  }
  return { inputs: [...inputs], others };
}

/** Files that only lack a line in `outputs:`; none where the step may rather have written to a wrong place. */
export function newOutputs(step: FailedStep): readonly string[] {
  const { failure, declared } = step;
  if (failure.kind !== "undeclared-write" || failure.missing !== undefined || declared === null) return [];
  if (failure.paths.length > MOST_OUTPUTS || changedInputs(step).inputs.length > 0) return [];
  return failure.paths;
}

/** Why a step failed; one that changed what it reads is told so. */
export function sentenceOf(step: Written, voice: Voice): string {
  const { failure } = step;
  const { inputs: changed, others } = changedInputs(step);
  if (failure.kind !== "undeclared-write" || changed.length === 0) return failureSentence(failure, voice);
  const inputs = `it changed its ${changed.length === 1 ? "input" : "inputs"} ${listed(changed.map(voice.code), 4)}`;
  if (others.length === 0 && failure.missing === undefined) return inputs;
  if (others.length === 0) return `${inputs}, and did not write ${listed((failure.missing ?? []).map(voice.code), 4)}`;
  return `${inputs}; besides, ${failureSentence({ ...failure, paths: others }, voice)}`;
}
