import { codeSpan } from "./escape-markdown.ts";
import { answerLines, runSections, shownBlocks, type RunsState } from "./sticky-comment.ts";
import { counted, listed } from "./words.ts";

/** By this line the one comment about a merge is found again. */
export const MERGE_MARKER = "<!-- sluice:merge -->";

/** How what a merge runs compares with what was reviewed. */
export interface MergeReview {
  readonly kind: "same" | "not-reviewed" | "diverged";
  readonly moved: readonly { readonly pipeline: string; readonly steps: readonly string[] }[];
  /** Nothing runs until a person says so. */
  readonly waits: boolean;
}

/** One sentence and what to do next; empty where the merge runs what was reviewed. */
export function divergenceMarkdown({ kind, moved, waits }: MergeReview): string {
  if (kind === "same") return "";
  const what =
    kind === "not-reviewed"
      ? "No plan of the merged head was ever reported, so nobody has reviewed what this merge runs."
      : `This merge does not run what was reviewed: ${listed(moved.map(movedWords), 6) || "another set of pipelines"}, because the base had moved.`;
  const next = waits
    ? "**Next:** it waits. Comment `/sluice run`, or have the check `sluice / run` run again, to start it."
    : "**Next:** look at the run below; `git revert` takes the merge back.";
  return `${what}\n\n${next}`;
}

function movedWords({ pipeline, steps }: MergeReview["moved"][number]): string {
  if (steps.length === 0) return `${codeSpan(pipeline)} differs`;
  const names = listed(
    steps.map((step) => codeSpan(step, 60)),
    6,
  );
  return `${counted(steps.length, "step")} of ${codeSpan(pipeline)} differ${steps.length === 1 ? "s" : ""} (${names})`;
}

const RUNS_SHARE = 40_000;

/** The comment about a merge: how it differs from what was reviewed, and what became of its runs. */
export function mergeComment(
  state: RunsState & {
    readonly review: MergeReview;
    readonly answers: readonly string[];
    readonly shown?: readonly string[];
    readonly commit: string;
  },
): string {
  const blocks = [
    MERGE_MARKER,
    `### After the merge \`${state.commit.slice(0, 7)}\``,
    ...answerLines(state.answers),
    ...shownBlocks(state),
    divergenceMarkdown(state.review),
    ...runSections(state, RUNS_SHARE),
  ];
  return blocks.filter((block) => block !== "").join("\n\n");
}
