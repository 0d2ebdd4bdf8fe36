import { digestOf } from "../identity/identity.ts";
import type { RunRecord } from "../run/run-record.ts";
import { codeSpan } from "./escape-markdown.ts";
import { safeLine } from "./safe-text.ts";
import { shortDigest, type ShortId } from "./words.ts";

/** The issue of one schedule: whatever fails there is told in this one, found again by its marker. */
export function scheduleIssue(
  run: Pick<RunRecord, "id" | "status"> & { readonly pipeline: string; readonly source: string },
  { cron, shortId }: { readonly cron: string; readonly shortId: ShortId },
): { readonly marker: string; readonly title: string; readonly body: string } {
  const { pipeline } = run;
  const name = shortDigest(digestOf(JSON.stringify([pipeline, cron])));
  const body = [
    `The scheduled run ${codeSpan(shortId(run.id))} of ${codeSpan(pipeline)} (${codeSpan(cron)}) ${run.status} at ${codeSpan(run.source.slice(0, 7))}.`,
    `Its check there, \`sluice / run\`, says why; \`sluice show ${shortId(run.id)}\` says all.`,
    "**Next:** have that check run again, or mend the cause: the next success of this schedule closes this issue.",
  ];
  return {
    marker: `<!-- sluice:schedule:${name} -->`,
    title: safeLine(`Scheduled run of ${pipeline} ${run.status}`, 200),
    body: body.join("\n\n"),
  };
}
