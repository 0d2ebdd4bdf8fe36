import type { CommitSha, RunId } from "../identity/identity.ts";
import type { RunRecord } from "../run/run-record.ts";
import { environmentsText, type EnvironmentsView } from "./environments-text.ts";
import { formatElapsed } from "./duration.ts";
import { statusPaint } from "./log-text.ts";
import type { Paint } from "./paint.ts";
import type { PlanCounts } from "./plan-view.ts";
import { safeLine } from "./safe-text.ts";
import { alignColumns } from "./table.ts";
import { counted, formatTime, fourCharacters, listed, jsonDocument, shortDigest, type ShortId } from "./words.ts";

/** What is going on in a repository. */
export interface StatusView {
  readonly branch: string | null;
  readonly commit: CommitSha | null;
  readonly pipelines: readonly {
    readonly name: string;
    readonly problems: number;
    /** What a run would do now; null where problems keep it from being known. */
    readonly pending: PlanCounts | null;
    readonly last: {
      readonly id: RunId;
      readonly status: RunRecord["status"];
      readonly finishedAt: string;
      /** The branch on which a service recorded it; absent for a run of this machine. */
      readonly ledger?: string;
    } | null;
  }[];
  /** The process that holds the repository's lock: a run, or housekeeping. */
  readonly holder: number | null;
  /** Accepted and not recorded: under way, or left by a process that ended. */
  readonly active: readonly {
    readonly id: RunId;
    readonly pipeline: string;
    readonly startedAt: string;
    readonly done: number;
    readonly total: number;
    /** The process that runs it; null when that ended without finishing. */
    readonly process: number | null;
    /** Steps under way, or those that were when the process ended; `since` is RFC 3339. */
    readonly running: readonly { readonly step: string; readonly since: string; readonly attempt: number }[];
    /** True when the next run would carry it on: same files, same commit. */
    readonly carriesOn: boolean;
  }[];
  /** Runs that a service has in hand; absent where no service is named, or it could not be asked. */
  readonly served?: readonly ServedView[];
  /** Absent where none are declared and none were ever heard of. */
  readonly environments?: EnvironmentsView;
}

interface ServedView {
  readonly id: RunId;
  readonly repository: string;
  readonly pipeline: string;
  readonly acceptedAt: string;
  /** RFC 3339; null while it waits for its turn. */
  readonly startedAt: string | null;
  readonly done: number;
  readonly total: number;
  readonly running: readonly {
    readonly step: string;
    readonly since: string;
    readonly attempt: number;
    readonly worker: string;
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
      : `last run ${shortId(last.id)} ${statusPaint(last.status, paint)(last.status)} ${formatTime(last.finishedAt)}${last.ledger === undefined ? "" : ` on ${safeLine(last.ledger)}`}`,
  ]);
  const active = view.active.map((run) => activeLines(run, options));
  const blocks = [
    [paint.strong(where), ...alignColumns(rows)].join("\n"),
    active.length > 0 ? [paint.strong("Under way"), ...active.flat()].join("\n") : "",
    active.length === 0 && view.holder !== null ? `Process ${view.holder} is at work here` : "",
    view.served === undefined ? "" : servedText(view.served, options),
    view.environments === undefined ? "" : environmentsText(view.environments, options),
    view.pipelines.length === 0 ? "No pipeline here. Next: `sluice init`" : "",
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

type ActiveRun = StatusView["active"][number];

function activeLines(run: ActiveRun, { paint, shortId, now }: StatusTextOptions): readonly string[] {
  const elapsed = (since: string): string => formatElapsed(Date.parse(now) - Date.parse(since));
  const id = shortId(run.id);
  const title = `  ${paint.accent(id)}  ${safeLine(run.pipeline, 40)}`;
  if (run.process !== null) {
    const steps = run.running.map(({ step, since, attempt }) => [
      `    ${paint.accent("▶")} ${safeLine(step, 40)}`,
      `${elapsed(since)}${attempt > 1 ? `, attempt ${attempt}` : ""}`,
    ]);
    return [
      `${title}  ${run.done} of ${run.total} done, for ${elapsed(run.startedAt)}, by process ${run.process}`,
      ...alignColumns(steps),
      paint.dim(`    stop it: \`sluice cancel ${id}\``),
    ];
  }
  const during =
    run.running.length === 0
      ? ""
      : ` while ${listed(
          run.running.map(({ step }) => safeLine(step, 40)),
          3,
        )} ran`;
  const next = run.carriesOn
    ? "`sluice run` carries it on; what finished is kept"
    : `files changed since: \`sluice run\` records it as abandoned and starts anew, \`sluice cancel ${id}\` only ends it`;
  return [`${title}  interrupted after ${run.done} of ${run.total}${during}`, `    ${next}`];
}

/** Runs of a service, oldest first. */
export function servedText(runs: readonly ServedView[], options: StatusTextOptions): string {
  const { paint } = options;
  if (runs.length === 0) return "The service has no run in hand";
  const sorted = runs.toSorted((a, b) => (a.acceptedAt < b.acceptedAt ? -1 : 1));
  return [paint.strong("In the service"), ...sorted.flatMap((run) => servedLines(run, options))].join("\n");
}

function servedLines(run: ServedView, { paint, now }: StatusTextOptions): readonly string[] {
  const elapsed = (since: string): string => formatElapsed(Math.max(0, Date.parse(now) - Date.parse(since)));
  const id = fourCharacters(run.id);
  const title = `  ${paint.accent(id)}  ${safeLine(run.pipeline, 40)}  ${safeLine(run.repository, 80)}`;
  const stop = paint.dim(`    read along: \`sluice logs -f ${id}\`, stop it: \`sluice cancel ${id}\``);
  if (run.startedAt === null) return [`${title}  waits for its turn, for ${elapsed(run.acceptedAt)}`, stop];
  const steps = run.running.map(({ step, since, attempt, worker }) => [
    `    ${paint.accent("▶")} ${safeLine(step, 40)}`,
    `${elapsed(since)}${attempt > 1 ? `, attempt ${attempt}` : ""}`,
    safeLine(worker, 60),
  ]);
  return [`${title}  ${run.done} of ${run.total} done, for ${elapsed(run.startedAt)}`, ...alignColumns(steps), stop];
}

function pendingWords(counts: PlanCounts): string {
  return [
    counts.run + counts.depends === 0 ? "nothing to run" : "",
    counts.run > 0 ? `${counts.run} to run` : "",
    counts.depends > 0 ? `${counts.depends} that ${counts.depends === 1 ? "depends" : "depend"}` : "",
    counts.withheld > 0 ? `${counts.withheld} left out (effects)` : "",
  ]
    .filter((part) => part !== "")
    .join(", ");
}

/** The state for programs, version 1. */
export function statusJson(view: StatusView): string {
  const { environments, ...here } = view;
  return jsonDocument({ ...here, ...environments });
}
