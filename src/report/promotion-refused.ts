import { codeSpan, markdownText } from "./escape-markdown.ts";
import { safeLine } from "./safe-text.ts";

/** A promotion that waits for its pull request. */
export interface RefusedPromotion {
  readonly environment: string;
  readonly pipeline: string;
  readonly branch: string;
  /** What the forge said, or what stands where the pin belongs; null: nothing stands in its way. */
  readonly why: string | null;
}

/** One issue for each pipeline of an environment: open while the promotion's branch or pull request cannot be made. */
export function promotionRefusedIssue({ environment, pipeline, branch, why }: RefusedPromotion): {
  readonly kind: "issue";
  readonly marker: string;
  readonly title: string;
  readonly body: string;
  readonly open: boolean;
} {
  const reason = why === null ? "" : `: ${markdownText(why)}`;
  return {
    kind: "issue",
    marker: `<!-- sluice:promotion-refused ${environment}/${pipeline} -->`,
    title: safeLine(`The promotion of ${pipeline} to ${environment} cannot be opened`, 200),
    body: [
      `The promotion of ${codeSpan(pipeline)} to ${codeSpan(environment)} was asked for, and Sluice cannot make the branch ${codeSpan(branch)} or its pull request${reason}.`,
      `**Next:** mend what this says. Where the forge takes neither, let the App push branches below ${codeSpan("sluice/promote/")} (a rule or a protected branch may forbid it) and open pull requests. It is tried again with every look, at least once a minute.`,
      "The pull request closes this issue when it is there.\n",
    ].join("\n\n"),
    open: why !== null,
  };
}
