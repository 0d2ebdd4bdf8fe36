import type { FileChange, RunDiff } from "../diff/run-diff.ts";
import { shownValue } from "./cause.ts";
import { environmentValue, isSame, outcomeWords, timeWords } from "./diff-text.ts";
import { codeSpan, markdownTable } from "./escape-markdown.ts";
import { overallSentence } from "./metric-row.ts";
import { metricTable } from "./run-markdown.ts";
import { counted, listed, type ShortId } from "./words.ts";

const LISTED = 20;

/** Two runs side by side as Markdown: verdict and metrics open, the rest one click away. */
export function diffMarkdown(diff: RunDiff, { shortId }: { readonly shortId: ShortId }): string {
  const [from, to] = [codeSpan(shortId(diff.from.run)), codeSpan(shortId(diff.to.run))];
  const steps = diff.steps.filter((step) => !isSame(step));
  const summary = `Parameters (${diff.parameters.length}) · Code (${diff.code.length}) · Data (${diff.data.length}) · Environment (${diff.environment.length}) · Steps (${steps.length})`;
  const parameters = diff.parameters
    .slice(0, LISTED)
    .map((parameter) => [
      codeSpan(parameter.name),
      codeSpan(shownValue(parameter.from)),
      codeSpan(shownValue(parameter.to)),
    ]);
  const rows = steps.slice(0, LISTED).map((step) => [
    codeSpan(step.step),
    outcomeWords(step),
    timeWords(step),
    listed(
      step.outputs.map((output) => codeSpan(output.path)),
      4,
    ),
  ]);
  const side = (text: string | null): string => (text === null ? "–" : codeSpan(environmentValue(text)));
  const environment = diff.environment.slice(0, LISTED).map(({ name, from, to, steps: where }) => [
    codeSpan(name),
    side(from),
    side(to),
    listed(
      where.map((step) => codeSpan(step)),
      4,
    ),
  ]);
  const blocks = [
    `### ${from} → ${to} · ${overallSentence(diff, null)}`,
    metricTable(diff, [from, to]),
    `<details><summary>${summary}</summary>`,
    parameters.length > 0
      ? markdownTable(["parameter", "before", "now"], parameters) + more(diff.parameters.length)
      : "",
    fileLine("Code", diff.code),
    fileLine("Data", diff.data),
    environment.length > 0
      ? markdownTable(["environment", "before", "now", "steps"], environment) + more(diff.environment.length)
      : "",
    rows.length > 0
      ? markdownTable(["step", "outcome", "time", "other bytes"], rows) + more(steps.length)
      : `All ${counted(diff.steps.length, "step")} with the same key and outputs`,
    "</details>",
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function more(count: number): string {
  return count > LISTED ? `\n\n… and ${count - LISTED} more` : "";
}

function fileLine(title: string, changes: readonly FileChange[]): string {
  return changes.length === 0
    ? ""
    : `${title}: ${listed(
        changes.map(({ path, change }) => `${codeSpan(path)} ${change}`),
        LISTED,
      )}`;
}
