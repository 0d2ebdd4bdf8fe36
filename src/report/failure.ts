import { ownWords } from "./cause.ts";
import { formatDuration } from "./duration.ts";
import { flowItem } from "../pipeline/flow-item.ts";
import { nextAction, type Where } from "./failure-next.ts";
import { failureSentence } from "./failure-sentence.ts";
import type { FailedRun, FailedStep } from "./failed-run.ts";
import { changedInputs, lacksNetwork, newOutputs, sentenceOf } from "./failure-hint.ts";
import type { NearMiss } from "../run/run-record.ts";
import type { Paint } from "./paint.ts";
import { safeLine, safeLines } from "./safe-text.ts";
import { terminalVoice, type Voice } from "./voice.ts";
import { listed, type ShortId } from "./words.ts";

export interface FailureTextOptions {
  readonly paint: Paint;
  readonly shortId: ShortId;
  /** Steps whose missing line `--fix` has just written, and into which file. */
  readonly fixed?: { readonly path: string; readonly steps: ReadonlySet<string> };
}

const TAIL = 20;
const MOST_NEXT = 8;

/** A failed run for a terminal: the sentence, what is kept, what was not started, the last lines, what to type. */
export function failureText(run: FailedRun, options: FailureTextOptions): string {
  const { paint } = options;
  const voice = terminalVoice(paint);
  const id = options.shortId(run.run);
  const blocks = run.failed.map((step) => stepText(step, { ...options, id, voice }));
  const { gates } = run;
  const failed = run.failed.filter(({ step }) => options.fixed?.steps.has(step) !== true);
  blocks.push(
    ...gates.map(
      ({ step, failure }) =>
        `${paint.bad("✗")} Run ${id} stopped after ${voice.code(step)}: ${failureSentence(failure, voice)}`,
    ),
  );
  const rest = [keptLine(run, voice), ...notStartedLines(run, voice), cancelledLine(run, voice)].filter(
    (line) => line !== "",
  );
  if (rest.length > 0) blocks.push(rest.map((line) => `  ${line}`).join("\n"));
  blocks.push(`${paint.strong("Next:")}${nextOf({ failed, gates })}`);
  return `${blocks.join("\n\n")}\n`;
}

/** `failed in train after 3 min 12 s: out of memory at 2.0 GiB of 2 GiB`, without the run. */
export function failureHeadline(step: FailedStep, voice: Voice): string {
  const after = step.afterMs === null ? "" : ` after ${formatDuration(step.afterMs)}`;
  const attempts = step.attempts > 1 ? ` (attempt ${step.attempts})` : "";
  return `failed in ${voice.code(step.step)}${after}${attempts}: ${sentenceOf(step, voice)}`;
}

interface Setting extends Pick<FailureTextOptions, "paint" | "fixed"> {
  readonly id: string;
  readonly voice: Voice;
}

function stepText(step: FailedStep, { id, paint, voice, fixed }: Setting): string {
  const lines = [`${paint.bad("✗")} Run ${id} ${failureHeadline(step, voice)}`];
  const tail = safeLines(step.tail).slice(-TAIL);
  if (tail.length > 0) {
    lines.push(
      "",
      `  The last ${tail.length === 1 ? "line" : `${tail.length} lines`} of its log (all: \`sluice logs ${id} ${safeLine(step.step)}\`)`,
    );
    lines.push(...tail.map((line) => paint.dim(`  │ ${line}`).trimEnd()));
  }
  const declaration = declarationOf(step, voice);
  if (declaration !== null) {
    lines.push("", `  ${declaration.sentence}`, "", ...declaration.lines.map((line) => `      ${line}`));
    if (fixed?.steps.has(step.step) === true) lines.push("", `  ${safeLine(fixed.path)} has that line now`);
    else if (declaration.fixable) lines.push("", "  or let `sluice run --fix` write that line");
  }
  return lines.join("\n");
}

/** The lines that a step lacks, where they are known. */
export function declarationOf(
  step: FailedStep,
  voice: Voice,
): { readonly sentence: string; readonly lines: readonly string[]; readonly fixable: boolean } | null {
  const { nearMiss, declared } = step;
  if (nearMiss !== null)
    return {
      sentence: nearMissSentence(step.step, nearMiss, voice),
      lines: nearMissLines(nearMiss),
      fixable: isFixable(nearMiss),
    };
  const outputs = newOutputs(step);
  if (outputs.length === 0 || declared === null) return null;
  const lines = entryLines("outputs", [...declared.outputs, ...outputs.map(flowItem)]);
  return { sentence: "Where it is meant to be kept, declare it:", lines, fixable: true };
}

/** Says which file the log names and where it is, before the lines that declare it. */
function nearMissSentence(step: string, miss: NearMiss, voice: Voice): string {
  const names = `Its log names ${voice.code(miss.path)}, which`;
  if (miss.environment !== undefined)
    return `${names} belongs to an environment. A step gets that as a whole, by its name${miss.environment.program === null ? "" : ", and calls its programs by theirs"}:`;
  if (miss.dataset?.declared === false) return `${names} is here but git ignores it. Name it as a dataset:`;
  const where =
    miss.dataset !== undefined
      ? `belongs to dataset ${voice.code(miss.dataset.name)}`
      : miss.step === null
        ? "is in the repository"
        : `is an output of ${voice.code(miss.step)}`;
  return `${names} ${where} but is not among the inputs of ${voice.code(step)}. Declare it:`;
}

/** The corrected list of a step: one line where it is short, a list otherwise. */
function entryLines(name: "inputs" | "outputs", written: readonly string[]): readonly string[] {
  const items = safeLines(written);
  const flow = `${name}: [${items.join(", ")}]`;
  return flow.length <= 100 ? [flow] : [`${name}:`, ...items.map((item) => `  - ${item}`)];
}

function nearMissLines(miss: NearMiss): readonly string[] {
  if (miss.environment !== undefined) {
    const { written, program } = miss.environment;
    return [`environment: ${safeLine(written)}`, ...(program === null ? [] : [`run: ${safeLine(program)} …`])];
  }
  const inputs = entryLines("inputs", miss.inputs);
  if (miss.dataset?.declared !== false) return inputs;
  return [`datasets: { ${miss.dataset.name}: { path: ${safeLine(flowItem(miss.path))} } }`, ...inputs];
}

/** A dataset that is none yet needs its pin too; an environment its lock, and it may stand for more steps than this one. */
export function isFixable(miss: NearMiss): boolean {
  return miss.dataset?.declared !== false && miss.environment === undefined;
}

function keptLine({ kept }: FailedRun, voice: Voice): string {
  return kept.length === 0 ? "" : `Done and kept: ${listed(kept.map(voice.code), 8)}`;
}

/** Steps that never began, grouped by the step they waited for. */
export function notStartedLines({ notStarted }: Pick<FailedRun, "notStarted">, voice: Voice): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const { step, because } of notStarted) {
    const group = groups.get(because);
    if (group === undefined) groups.set(because, [step]);
    else group.push(step);
  }
  return [...groups].map(
    ([because, steps]) => `Not started: ${listed(steps.map(voice.code), 8)} (after ${voice.code(because)})`,
  );
}

function cancelledLine({ cancelled }: FailedRun, voice: Voice): string {
  return cancelled.length === 0 ? "" : `Cancelled: ${listed(cancelled.map(voice.code), 8)}`;
}

/** One next action on the same line, several below it. */
function nextOf({ failed, gates }: Pick<FailedRun, "failed" | "gates">): string {
  const all = [
    ...failed.map((step) => ({ step: step.step, next: nextText(step, "local") })),
    ...gates.map(({ step, failure }) => ({ step, next: safeLine(nextAction(failure, step, "local")) })),
  ];
  if (all.length < 2) return ` ${all[0]?.next ?? "`sluice run`"}`;
  const lines = all.slice(0, MOST_NEXT).map(({ step, next }) => `${safeLine(step)}: ${next}`);
  const more = all.length > MOST_NEXT ? [`… and ${all.length - MOST_NEXT} more`] : [];
  return ["", ...lines, ...more].join("\n  ");
}

/** The next action with its backticks: they mark what to type or edit, also on a terminal. */
function nextText(step: FailedStep, where: Where): string {
  return nextSentence(step, where, {
    text: (text) => safeLine(text),
    code: (text) => `\`${safeLine(text)}\``,
    strong: (text) => text,
  });
}

/** The next action; a near miss is the better advice where there is one. */
export function nextSentence(step: FailedStep, where: Where, voice: Voice): string {
  if (step.nearMiss === null) return ownWords(hintOf(step, where) ?? nextAction(step.failure, step.step, where), voice);
  const { dataset, path, environment } = step.nearMiss;
  if (environment !== undefined) {
    const call = environment.program === null ? "" : ` and call ${voice.code(environment.program)} by that name`;
    return `write ${voice.code(`environment: ${environment.written}`)} to ${voice.code(step.step)}${call}, then ${where === "local" ? voice.code("sluice run") : "push"}`;
  }
  if (dataset?.declared === false)
    return `name ${voice.code(path)} as a dataset, then ${voice.code(`sluice data add ${dataset.name}`)} and ${voice.code("sluice run")}`;
  const item = dataset === undefined ? path : `dataset:${dataset.name}`;
  const line = `add ${voice.code(item)} to the inputs of ${voice.code(step.step)}`;
  return where === "local"
    ? `${line} (${voice.code("sluice run --fix")}), then ${voice.code("sluice run")}`
    : `${line}, then push`;
}

function hintOf(step: FailedStep, where: Where): string | undefined {
  const then = where === "local" ? "then `sluice run`" : "then push";
  const name = step.step.replaceAll("`", "'");
  const { inputs: changed } = changedInputs(step);
  if (changed.length > 0)
    return `let \`${name}\` write elsewhere than to ${listed(
      changed.map((path) => `\`${path.replaceAll("`", "'")}\``),
      4,
    )} and declare that in \`outputs:\`, ${then}`;
  if (lacksNetwork(step))
    return `\`${name}\` has no network: add \`network: true\` to it, or declare the data as a dataset with \`uri:\`, ${then}`;
  if (where === "local" && newOutputs(step).length > 0)
    return `add it to \`outputs:\` of \`${name}\` (\`sluice run --fix\`), or write it below \`$TMPDIR\`, ${then}`;
  return undefined;
}
