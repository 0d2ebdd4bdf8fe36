import { withinBudget } from "./budget.ts";
import { codeBlock, codeSpan } from "./escape-markdown.ts";
import { declarationOf, failureHeadline, nextSentence, notStartedLines } from "./failure.ts";
import { sentenceOf } from "./failure-hint.ts";
import type { FailedRun, FailedStep } from "./failed-run.ts";
import { markdownVoice } from "./voice.ts";
import { listed, type ShortId } from "./words.ts";

const TAIL = 20;
const FAILED = 5;

/** A failed run as a section of the sticky comment. */
export function failureMarkdown(
  run: FailedRun,
  options: { readonly shortId: ShortId; readonly characters?: number },
): string {
  const withTail = (lines: number): FailedRun => ({
    ...run,
    failed: run.failed.map((step) => ({ ...step, tail: step.tail.slice(-lines) })),
  });
  const [first] = run.failed;
  const least = first === undefined ? [] : [{ ...first, tail: [], nearMiss: null, declared: null }];
  return withinBudget(
    [
      () => section(run, options),
      () => section(withTail(5), options),
      () => section({ ...withTail(1), failed: withTail(1).failed.slice(0, 1) }, options),
      () => section({ ...run, failed: least, kept: run.kept.slice(0, 1), notStarted: [], cancelled: [] }, options),
    ],
    options.characters,
  );
}

function section(run: FailedRun, options: { readonly shortId: ShortId }): string {
  const [first, ...others] = run.failed;
  const title = `### Run ${codeSpan(options.shortId(run.run))} · ${first === undefined ? "failed" : failureHeadline(first, markdownVoice)}`;
  const state = [
    run.kept.length > 0
      ? `Done and kept: ${listed(
          run.kept.map((step) => codeSpan(step)),
          12,
        )}`
      : "Nothing was done before",
    ...notStartedLines(run, markdownVoice),
    ...(run.cancelled.length > 0
      ? [
          `Cancelled: ${listed(
            run.cancelled.map((step) => codeSpan(step)),
            12,
          )}`,
        ]
      : []),
  ].join(" · ");
  const blocks = [title, state, ...(first === undefined ? [] : evidence(first)), ...others.slice(0, FAILED).map(also)];
  if (others.length > FAILED) blocks.push(`… and ${others.length - FAILED} more failed`);
  const next = first === undefined ? "`/sluice retry`" : nextSentence(first, "pull-request", markdownVoice);
  blocks.push(`**Next:** ${next}.`);
  return `${blocks.join("\n\n")}\n`;
}

function evidence(step: FailedStep): readonly string[] {
  const blocks: string[] = [];
  if (step.tail.length > 0) blocks.push(codeBlock(step.tail.slice(-TAIL)));
  const declaration = declarationOf(step, markdownVoice);
  if (declaration !== null) blocks.push(declaration.sentence, codeBlock(declaration.lines, "yaml"));
  return blocks;
}

function also(step: FailedStep): string {
  const next = nextSentence(step, "pull-request", markdownVoice);
  return `Also ${codeSpan(step.step)}: ${sentenceOf(step, markdownVoice)}; ${next}`;
}
