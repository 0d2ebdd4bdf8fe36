import type { RefusedLabel } from "../../controller/request-promotions.ts";
import type { Desired } from "../../forge/desired.ts";
import { answerLines } from "../../report/sticky-comment.ts";

const MARKER = "<!-- sluice:refused-labels -->";

/** Takes labels off that ask for nothing, and says why where they stood. */
export function tellRefusedLabels(refused: readonly RefusedLabel[]): readonly Desired[] {
  const numbers = new Set(refused.map(({ pullRequest }) => pullRequest.number));
  return [...numbers].flatMap((number): readonly Desired[] => {
    const mine = refused.filter(({ pullRequest }) => pullRequest.number === number);
    const words = answerLines([...new Set(mine.map((one) => one.words))], Infinity);
    return [
      { kind: "labels", number, add: [], remove: [...new Set(mine.map(({ label }) => label))] },
      { kind: "comment", number, marker: MARKER, body: [MARKER, ...words].join("\n\n") },
    ];
  });
}
