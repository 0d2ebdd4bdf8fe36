import type { EnvironmentChange } from "../diff/environment-changes.ts";
import type { Digest, RunId } from "../identity/identity.ts";
import type { KeyDocument } from "../key/key-document.ts";
import type { Change, Verdict, WorkStep } from "../plan/plan.ts";
import { changeSentence, verdictSentence } from "./cause.ts";
import { failureSentence } from "./failure-sentence.ts";
import type { Failure } from "../run/run-record.ts";
import type { Paint } from "./paint.ts";
import { safeLine, safeLines } from "./safe-text.ts";
import { terminalVoice } from "./voice.ts";
import { counted, jsonDocument, listed, shortDigest, type ShortId } from "./words.ts";

/** Why one step runs, or ran, or does not. */
export interface ExplainView {
  readonly pipeline: string;
  readonly step: string;
  readonly verdict: Verdict;
  readonly work: WorkStep | undefined;
  readonly key: Digest | null;
  readonly document: KeyDocument | null;
  /** The run that it is told against, null where there is none. */
  readonly against: { readonly run: RunId; readonly key: Digest } | null;
  /** Every difference of the two key documents. */
  readonly changes: readonly Change[];
  /** How it ended in a recorded run: undefined is a plan, null no failure. */
  readonly failed?: Failure | null;
  /** What surrounded the step in a recorded run and differs without being part of the key: isolation, machine. */
  readonly surroundings: readonly EnvironmentChange[];
}

export interface ExplainTextOptions {
  readonly paint: Paint;
  readonly shortId: ShortId;
  /** Whether the step is named with its pipeline: there are several. */
  readonly named?: boolean;
}

const verbs: Readonly<Record<Verdict["kind"], string>> = {
  run: "runs",
  cached: "is cached",
  depends: "depends",
  withheld: "does not run",
};

const past: typeof verbs = {
  run: "ran",
  cached: "was cached",
  depends: "depended",
  withheld: "did not run",
};

/** The reason in a sentence, then each difference of the key documents with both sides. */
export function explainText(view: ExplainView, { paint, shortId, named = false }: ExplainTextOptions): string {
  const voice = terminalVoice(paint);
  const { verdict } = view;
  const cause = view.failed !== undefined && verdict.kind === "run" ? verdict.cause : undefined;
  const again = cause?.kind === "unfinished" && cause.failed === undefined;
  const why = again ? "it had not finished before" : verdictSentence(verdict, { step: view.work, shortId }, voice);
  const name = named ? `${view.pipeline}/${view.step}` : view.step;
  const keys = [
    view.against === null ? "" : `${shortDigest(view.against.key)} (run ${shortId(view.against.run)})`,
    view.key === null ? "not known yet" : shortDigest(view.key),
  ];
  const blocks = [
    `${paint.strong(safeLine(name))} ${(view.failed === undefined ? verbs : past)[view.verdict.kind]}: ${why}`,
    view.failed === undefined || view.failed === null ? "" : `it failed: ${failureSentence(view.failed, voice)}`,
    `key ${keys.filter((key) => key !== "").join(view.against?.key === view.key ? " = " : " → ")}`,
    ...view.changes.map((change) => [changeSentence(change, voice), ...sides(change, paint)].join("\n")),
    view.surroundings.map(surroundingLine).join("\n"),
    view.changes.length === 0 && view.document !== null ? contents(view.document) : "",
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function surroundingLine({ name, from, to }: EnvironmentChange): string {
  const side = (text: string | null): string => (text === null ? "none" : safeLine(text, 60));
  return `not in the key: ${safeLine(name, 40)} ${side(from)} → ${side(to)}`;
}

/** Both sides of what does not fit into a sentence; equal lines at head and tail are left out. */
function sides(change: Change, paint: Paint): readonly string[] {
  if (
    change.kind !== "command" &&
    change.kind !== "outputs" &&
    change.kind !== "metrics" &&
    change.kind !== "plots" &&
    change.kind !== "secrets"
  )
    return [];
  const [from, to] = [change.from.split("\n"), change.to.split("\n")];
  let head = 0;
  while (head < from.length && head < to.length && from[head] === to[head]) head++;
  let tail = 0;
  while (tail < from.length - head && tail < to.length - head && from.at(-1 - tail) === to.at(-1 - tail)) tail++;
  const middle = (lines: readonly string[]): readonly string[] =>
    safeLines(lines.slice(head, lines.length - tail)).slice(0, 20);
  return [
    ...middle(from).map((line) => paint.bad(`  − ${line}`)),
    ...middle(to).map((line) => paint.good(`  + ${line}`)),
  ];
}

/** What the key is made of, where there is nothing to compare. */
function contents(document: KeyDocument): string {
  const environment =
    document.image ??
    (document.environment === null
      ? "system"
      : `${document.environment.kind}${document.environment.lock === null ? "" : ` ${shortDigest(document.environment.lock)}`}`);
  const lines = [
    `command ${safeLine(typeof document.run === "string" ? document.run : document.run.join(" "))}`,
    `${counted(document.inputs.length, "input")}${
      document.inputs.length > 0
        ? `: ${listed(
            document.inputs.map((input) => safeLine(input.path)),
            6,
          )}`
        : ""
    }`,
    `${counted(Object.keys(document.params).length, "parameter")}${
      Object.keys(document.params).length > 0
        ? `: ${listed(
            Object.keys(document.params).map((name) => safeLine(name)),
            6,
          )}`
        : ""
    }`,
    `environment ${safeLine(environment)}, platform ${safeLine(document.platform)}`,
  ];
  return lines.map((line) => `  ${line}`).join("\n");
}

/** The explanation for programs, version 1. */
export function explainJson(view: ExplainView): string {
  const { work: _, ...members } = view;
  return jsonDocument({
    ...members,
    why: verdictSentence(view.verdict, { step: view.work, shortId: (id) => id }, terminalVoice()),
  });
}
