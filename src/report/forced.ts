import type { Live } from "../release/environment-state.ts";
import { codeSpan, markdownText } from "./escape-markdown.ts";
import { safeLine } from "./safe-text.ts";

export interface ForcedView {
  readonly environment: string;
  readonly pipeline: string;
  readonly live: Live;
}

/** Who released past what stood against it, why, and what that was; closed by the next release or rollback. */
export function forcedIssue({ environment, pipeline, live }: ForcedView): {
  readonly marker: string;
  readonly title: string;
  readonly body: string;
  readonly open: boolean;
} {
  const { glass = { reason: "", skipped: [] }, by, run, since } = live;
  const over = glass.skipped.length === 0 ? ["nothing stood against it"] : glass.skipped;
  const what = `${codeSpan(pipeline)} in ${codeSpan(environment)}`;
  return {
    marker: `<!-- sluice:forced ${environment}/${pipeline} -->`,
    title: safeLine(`${environment} was forced: ${pipeline} by ${by.login}`),
    body: [
      `**${markdownText(by.login)}** released run ${codeSpan(run)} of ${what} at ${since}, past what it waited for.`,
      `**Why:** ${markdownText(glass.reason)}`,
      `**Passed over:**\n${over.map((one) => `- ${markdownText(one)}`).join("\n")}`,
      "**Next:** look at what was passed over. The next release closes this, and so does " +
        `${codeSpan(`/sluice rollback ${environment} ${pipeline}`)}.`,
      "<sub>The ledger holds this as a signed event: `sluice audit` shows it.</sub>\n",
    ].join("\n\n"),
    open: live.how === "forced",
  };
}
