import { answerLines, shownBlocks } from "./sticky-comment.ts";

/** What a command at a closed pull request was answered with: a comment of its own, since none is kept there any more. */
export function closedAnswer(
  comment: number,
  answered: { readonly words: readonly string[]; readonly shown: readonly string[] },
): { readonly marker: string; readonly body: string } | undefined {
  const blocks = [...answerLines(answered.words), ...shownBlocks(answered)];
  const marker = `<!-- sluice:answer:${comment} -->`;
  return blocks.length === 0 ? undefined : { marker, body: [marker, ...blocks].join("\n\n") };
}
