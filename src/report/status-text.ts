import type { CommitSha, RunId } from "../identity/identity.ts";
import type { RunRecord } from "../run/run-record.ts";
import { formatDuration } from "./duration.ts";
import { statusPaint } from "./log-text.ts";
import type { Paint } from "./paint.ts";
import type { PlanCounts } from "./plan-view.ts";
import { safeLine } from "./safe-text.ts";
import { alignColumns } from "./table.ts";
import { counted, formatTime, jsonDocument, shortDigest, type ShortId } from "./words.ts";

/** What is going on in a repository. */
export interface StatusView {
  readonly branch: string | null;
  readonly commit: CommitSha | null;
  readonly pipelines: readonly {
    readonly name: string;
    readonly problems: number;
    /** What a run would do now; null where problems keep it from being known. */
    readonly pending: PlanCounts | null;
    readonly last: { readonly id: RunId; readonly status: RunRecord["status"]; readonly finishedAt: string } | null;
  }[];
  /** Accepted and not recorded: under way, or left by a process that ended. */
  readonly active: readonly {
    readonly id: RunId;
    readonly pipeline: string;
    readonly startedAt: string;
    readonly done: number;
    readonly total: number;
    readonly alive: boolean;
  }[];
}

export interface StatusTextOptions {
  readonly paint: Paint;
  readonly shortId: ShortId;
  /** RFC 3339: the present, handed in. */
  readonly now: string;
}

export function statusText(view: StatusView, options: StatusTextOptions): string {
  const { paint, shortId } = options;
  const where =
    view.commit === null
      ? "no commit yet"
      : `${view.branch === null ? "detached" : safeLine(view.branch)} at ${shortDigest(view.commit)}`;
  const rows = view.pipelines.map(({ name, problems, pending, last }) => [
    `  ${safeLine(name, 40)}`,
    pending === null ? paint.bad(counted(problems, "problem")) : pendingWords(pending),
    last === null
      ? "never run"
      : `last run ${shortId(last.id)} ${statusPaint(last.status, paint)(last.status)} ${formatTime(last.finishedAt)}`,
  ]);
  const active = view.active.map((run) => {
    const words = run.alive
      ? `${run.done} of ${run.total} done, for ${formatDuration(Date.parse(options.now) - Date.parse(run.startedAt))}`
      : `interrupted after ${run.done} of ${run.total}: \`sluice run\` carries it on`;
    return [`  ${paint.accent(shortId(run.id))}`, safeLine(run.pipeline, 40), words];
  });
  const blocks = [
    [paint.strong(where), ...alignColumns(rows)].join("\n"),
    active.length > 0 ? [paint.strong("Under way"), ...alignColumns(active)].join("\n") : "",
    view.pipelines.length === 0 ? "No pipeline here. Next: `sluice init`" : "",
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function pendingWords(counts: PlanCounts): string {
  if (counts.run + counts.depends === 0) return "nothing to run";
  return [
    counts.run > 0 ? `${counts.run} to run` : "",
    counts.depends > 0 ? `${counts.depends} that ${counts.depends === 1 ? "depends" : "depend"}` : "",
  ]
    .filter((part) => part !== "")
    .join(", ");
}

/** The state for programs, version 1. */
export function statusJson(view: StatusView): string {
  return jsonDocument({ ...view });
}
