import type { CommitSha, RunId } from "../identity/identity.ts";
import { formatMetric } from "../diff/number.ts";
import type { RunRecord } from "../run/run-record.ts";
import { formatDuration } from "./duration.ts";
import type { Paint } from "./paint.ts";
import { safeLine } from "./safe-text.ts";
import { alignColumns } from "./table.ts";
import { formatTime, jsonDocument, shortDigest, type ShortId } from "./words.ts";

/** One run as lists show it. */
export interface LogEntry {
  readonly id: RunId;
  readonly pipeline: string;
  readonly status: RunRecord["status"];
  readonly source: CommitSha;
  readonly trigger: RunRecord["trigger"];
  readonly requestedBy: string | null;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly metrics: Readonly<Record<string, number | string>>;
}

export interface LogTextOptions {
  readonly paint: Paint;
  readonly shortId: ShortId;
}

const METRICS = 3;

/** The history for a terminal, newest first, one run a line. */
export function logText(entries: readonly LogEntry[], { paint, shortId }: LogTextOptions): string {
  if (entries.length === 0) return "No run is recorded yet. Next: `sluice run`\n";
  const rows = entries.map((entry) => [
    paint.accent(shortId(entry.id)),
    formatTime(entry.startedAt),
    safeLine(entry.pipeline, 40),
    statusPaint(entry.status, paint)(entry.status),
    formatDuration(Date.parse(entry.finishedAt) - Date.parse(entry.startedAt)),
    shortDigest(entry.source),
    [entry.trigger, ...(entry.requestedBy === null ? [] : [safeLine(entry.requestedBy, 40)])].join(" by "),
    metricWords(entry.metrics),
  ]);
  return `${alignColumns(rows, new Set([4])).join("\n")}\n`;
}

export function statusPaint(status: RunRecord["status"], paint: Paint): (text: string) => string {
  if (status === "succeeded") return paint.good;
  return status === "failed" || status === "refused" ? paint.bad : paint.warn;
}

function metricWords(metrics: LogEntry["metrics"]): string {
  const names = Object.keys(metrics);
  const words = names.slice(0, METRICS).map((name) => {
    const value = metrics[name] ?? "";
    return `${safeLine(name, 30)} ${typeof value === "number" ? formatMetric(value) : safeLine(value, 20)}`;
  });
  return [...words, ...(names.length > METRICS ? [`and ${names.length - METRICS} more`] : [])].join(", ");
}

/** The history for programs, version 1. */
export function logJson(entries: readonly LogEntry[]): string {
  return jsonDocument({ runs: entries });
}
