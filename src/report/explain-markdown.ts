import type { Forecast, WorkOrder } from "../plan/plan.ts";
import { changeSentence, verdictSentence } from "./cause.ts";
import { codeSpan } from "./escape-markdown.ts";
import { markdownVoice } from "./voice.ts";
import { shortDigest, type ShortId } from "./words.ts";

const STEPS = 20;
const CHANGES = 20;

/** Why steps of a plan run or do not: one of them, or all that are not cached; empty where there is none. */
export function explainMarkdown(
  { order, forecast }: { readonly order: WorkOrder; readonly forecast: Forecast },
  { step, shortId }: { readonly step: string | null; readonly shortId: ShortId },
): string {
  const wanted = forecast.steps.filter((one) => (step === null ? one.verdict.kind !== "cached" : one.step === step));
  const items = wanted.slice(0, STEPS).map((one) => {
    const work = order.steps.find(({ name }) => name === one.step);
    const { verdict } = one;
    const key = "key" in verdict ? ` (key ${codeSpan(shortDigest(verdict.key))})` : "";
    const sentence = verdictSentence(verdict, { step: work, shortId }, markdownVoice);
    const changes =
      verdict.kind === "run" && verdict.cause.kind === "changed"
        ? verdict.cause.changes
        : verdict.kind === "depends"
          ? verdict.changes
          : [];
    const more = changes.slice(0, CHANGES).map((change) => `  - ${changeSentence(change, markdownVoice)}`);
    return [`- ${codeSpan(one.step)} ${VERBS[verdict.kind]}${key}: ${sentence}`, ...more].join("\n");
  });
  if (items.length === 0) return "";
  const rest = wanted.length > STEPS ? [`- … and ${wanted.length - STEPS} more`] : [];
  return [`**Why, in** ${codeSpan(order.pipeline.name)}`, "", ...items, ...rest].join("\n");
}

const VERBS = { run: "runs", cached: "is cached", depends: "depends", withheld: "does not run" } as const;
