import { ownWords } from "./cause.ts";
import { formatDuration } from "./duration.ts";
import { flowItem } from "../pipeline/flow-item.ts";
import { nextAction, type Where } from "./failure-next.ts";
import { failureSentence } from "./failure-sentence.ts";
import type { FailedRun, FailedStep } from "./failed-run.ts";
import type { NearMiss } from "../run/run-record.ts";
import type { Paint } from "./paint.ts";
import { safeLine, safeLines } from "./safe-text.ts";
import { terminalVoice, type Voice } from "./voice.ts";
import { listed, type ShortId } from "./words.ts";

export interface FailureTextOptions {
  readonly paint: Paint;
  readonly shortId: ShortId;
}

const TAIL = 20;
const MOST_NEXT = 8;

/** A failed run for a terminal: the sentence, what is kept, what was not started, the last lines, what to type. */
export function failureText(run: FailedRun, options: FailureTextOptions): string {
  const { paint } = options;
  const voice = terminalVoice(paint);
  const id = options.shortId(run.run);
  const blocks = run.failed.map((step) => stepText(step, { id, paint, voice }));
  const { failed, gates } = run;
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
  return `failed in ${voice.code(step.step)}${after}${attempts}: ${failureSentence(step.failure, voice)}`;
}

interface Setting {
  readonly id: string;
  readonly paint: Paint;
  readonly voice: Voice;
}

function stepText(step: FailedStep, { id, paint, voice }: Setting): string {
  const lines = [`${paint.bad("✗")} Run ${id} ${failureHeadline(step, voice)}`];
  const tail = safeLines(step.tail).slice(-TAIL);
  if (tail.length > 0) {
    lines.push(
      "",
      `  The last ${tail.length === 1 ? "line" : `${tail.length} lines`} of its log (all: \`sluice logs ${id} ${safeLine(step.step)}\`)`,
    );
    lines.push(...tail.map((line) => paint.dim(`  │ ${line}`).trimEnd()));
  }
  if (step.nearMiss !== null) {
    lines.push("", `  ${nearMissSentence(step.step, step.nearMiss, voice)}`, "");
    lines.push(...nearMissLines(step.nearMiss).map((line) => `      ${line}`));
    if (isFixable(step.nearMiss)) lines.push("", "  or let `sluice run --fix` write that line");
  }
  return lines.join("\n");
}

/** Says which file the log names and where it is, before the lines that declare it. */
export function nearMissSentence(step: string, miss: NearMiss, voice: Voice): string {
  const names = `Its log names ${voice.code(miss.path)}, which`;
  if (miss.dataset?.declared === false) return `${names} is here but git ignores it. Name it as a dataset:`;
  const where =
    miss.dataset !== undefined
      ? `belongs to dataset ${voice.code(miss.dataset.name)}`
      : miss.step === null
        ? "is in the repository"
        : `is an output of ${voice.code(miss.step)}`;
  return `${names} ${where} but is not among the inputs of ${voice.code(step)}. Declare it:`;
}

/** The corrected `inputs:` of the step: one line where it is short, a list otherwise. */
export function nearMissLines(miss: NearMiss): readonly string[] {
  const items = safeLines(miss.inputs);
  const flow = `inputs: [${items.join(", ")}]`;
  const inputs = flow.length <= 100 ? [flow] : ["inputs:", ...items.map((item) => `  - ${item}`)];
  if (miss.dataset?.declared !== false) return inputs;
  return [`datasets: { ${miss.dataset.name}: { path: ${safeLine(flowItem(miss.path))} } }`, ...inputs];
}

/** A dataset that is none yet needs its pin too. */
function isFixable(miss: NearMiss): boolean {
  return miss.dataset?.declared !== false;
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
  if (step.nearMiss === null) return ownWords(nextAction(step.failure, step.step, where), voice);
  const { dataset, path } = step.nearMiss;
  if (dataset?.declared === false)
    return `name ${voice.code(path)} as a dataset, then ${voice.code(`sluice data add ${dataset.name}`)} and ${voice.code("sluice run")}`;
  const item = dataset === undefined ? path : `dataset:${dataset.name}`;
  const line = `add ${voice.code(item)} to the inputs of ${voice.code(step.step)}`;
  return where === "local"
    ? `${line} (${voice.code("sluice run --fix")}), then ${voice.code("sluice run")}`
    : `${line}, then push`;
}
