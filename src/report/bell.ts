import type { RunRecord } from "../run/run-record.ts";
import { formatDuration } from "./duration.ts";
import { codeSpan } from "./escape-markdown.ts";
import type { ShortId } from "./words.ts";

/** By this line the bell of one run is found again. */
export function bellMarker(run: string): string {
  return `<!-- sluice:bell:${run} -->`;
}

/** One line that mentions who asked; a login holds nothing that Markdown would read otherwise. */
export function bellComment(
  { id, pipeline, status, requestedBy }: RunRecord,
  { shortId, tookMs }: { readonly shortId: ShortId; readonly tookMs: number },
): string {
  const who = (requestedBy ?? "").replaceAll(/[^\w-]/g, "");
  const run = `run ${codeSpan(shortId(id))} of ${codeSpan(pipeline.name)}`;
  return `${bellMarker(id)}\n\n@${who} ${run} ${status} after ${formatDuration(tookMs)}: the comment above says the rest.`;
}
