import { codeSpan, markdownText } from "./escape-markdown.ts";
import { safeLine } from "./safe-text.ts";

/** Why a promotion ended without a release. */
export interface WithdrawnView {
  readonly environment: string;
  readonly pipeline: string;
  readonly why: string;
  readonly next: string;
}

/** What the check of a promotion says that was given up. */
export function withdrawnStatus({ why, next }: WithdrawnView): {
  readonly title: string;
  readonly summary: string;
} {
  return {
    title: safeLine(`closed: ${why}`),
    summary: `${markdownText(why)}. **Next:** ${markdownText(next)}.`,
  };
}

/** What is written under a promotion that was closed. */
export function withdrawnComment({ environment, pipeline, why, next }: WithdrawnView): string {
  const what = `${codeSpan(pipeline)} is not promoted to ${codeSpan(environment)}`;
  return `Closed, ${what}: ${markdownText(why)}.\n\n**Next:** ${markdownText(next)}.\n`;
}
