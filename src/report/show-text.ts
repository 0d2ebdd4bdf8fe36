import { formatMetric } from "../diff/number.ts";
import { isSame, type Reproduction } from "../release/reproduction.ts";
import type { RunRecord, StepRecord } from "../run/run-record.ts";
import { formatBytes } from "./bytes.ts";
import { causeSentence, ownWords } from "./cause.ts";
import { formatDuration } from "./duration.ts";
import { failureSentence } from "./failure-sentence.ts";
import { statusPaint } from "./log-text.ts";
import type { Paint } from "./paint.ts";
import { costWords, metricsOf, notes } from "./run-text.ts";
import { safeLine } from "./safe-text.ts";
import { inOrder } from "./step-order.ts";
import { alignColumns } from "./table.ts";
import { terminalVoice, type Voice } from "./voice.ts";
import { formatTime, jsonDocument, listed, shortDigest, type ShortId } from "./words.ts";

export interface ShowTextOptions {
  readonly paint: Paint;
  readonly shortId: ShortId;
}

/** What counts of a run's reproductions; null: nobody has recorded one. */
interface Told extends ShowTextOptions {
  readonly reproduced: Reproduction | null;
  /** The push that one waits for, where it was computed again in this clone. */
  readonly waiting: string | null;
}

/** One recorded run for a terminal: who, when, from what, step by step, what came out. */
export function showText(record: RunRecord, options: Told): string {
  const { paint } = options;
  const metrics = alignColumns(
    metricsOf(record).map(([name, value]) => [`  ${safeLine(name, 60)}`, formatMetric(value)]),
    new Set([1]),
  );
  const blocks = [
    [paint.strong(`Run ${record.id}`), ...factLines(record, options)].join("\n"),
    [paint.strong("Steps"), ...alignColumns(inOrder(record.steps).map((step) => stepRow(step, options)))].join("\n"),
    metrics.length > 0 ? [paint.strong("Metrics"), ...metrics].join("\n") : "",
    outputBlock(record, paint),
    notes(record).join("\n"),
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function factLines(record: RunRecord, { paint, shortId, reproduced, waiting }: Told): readonly string[] {
  const wall = Date.parse(record.finishedAt) - Date.parse(record.startedAt);
  const rows: (readonly [string, string])[] = [
    ["pipeline", `${safeLine(record.pipeline.name)} (${safeLine(record.pipeline.path)})`],
    ["status", statusPaint(record.status, paint)(record.status)],
    ["source", `${shortDigest(record.source)}${record.dirty === null ? "" : " with uncommitted files"}`],
    [
      "request",
      `${safeLine(record.request)}${record.requestedBy === null ? "" : ` by ${safeLine(record.requestedBy)}`}`,
    ],
    ...(record.approvedBy.length > 0
      ? [
          [
            "approved",
            listed(
              record.approvedBy.map((name) => safeLine(name)),
              10,
            ),
          ] as const,
        ]
      : []),
    ...(record.pullRequest === null ? [] : [["pull request", `#${record.pullRequest}`] as const]),
    ["time", `${formatTime(record.startedAt)} UTC, ${formatDuration(wall)}`],
    ["plan", shortDigest(record.plan)],
    [
      "machine",
      `${safeLine(record.host.platform)}, ${record.host.cpus} cores, ${formatBytes(record.host.memoryBytes)}, sluice ${safeLine(record.host.version)}`,
    ],
    ...reproducedRow(record, { shortId, reproduced, waiting }),
    ...record.datasets.map(
      (dataset) =>
        ["data", `${safeLine(dataset.name)} ${shortDigest(dataset.digest)} (${formatBytes(dataset.size)})`] as const,
    ),
  ];
  return alignColumns(rows.map(([name, value]) => [`  ${paint.dim(name)}`, value]));
}

/** What failed was recorded as it was: nobody is asked to compute it again. */
function reproducedRow(
  { id, status }: RunRecord,
  { shortId, reproduced, waiting }: Pick<Told, "shortId" | "reproduced" | "waiting">,
): readonly (readonly [string, string])[] {
  if (reproduced !== null) return [["reproduced", reproducedWords(reproduced)]];
  return status === "succeeded" ? [["reproduced", `not yet: ${waiting ?? `sluice reproduce ${shortId(id)}`}`]] : [];
}

/** How it went when the run was computed again, and when and where that was. */
function reproducedWords(reproduction: Reproduction): string {
  const { compared, differences, left, at, platform } = reproduction;
  const words = isSame(reproduction)
    ? `yes, ${compared} digests and metrics compared`
    : `no, ${differences.count} of ${compared} differ: ${listed(differences.names.map((name) => safeLine(name, 60)))}`;
  const without = left.length === 0 ? "" : `, without ${listed(left.map((name) => safeLine(name, 60)))}`;
  return `${words}${without} (${formatTime(at)} UTC, ${safeLine(platform, 40)})`;
}

function stepRow(step: StepRecord, { paint, shortId }: ShowTextOptions): readonly string[] {
  const voice = terminalVoice(paint);
  const profile = step.attempts.at(-1)?.profile;
  const again = step.attempts.length > 1 ? ` (attempt ${step.attempts.length})` : "";
  const cost = profile === undefined ? "" : costWords(profile) + again;
  const [sign, words] = outcomeWords(step.outcome, { paint, shortId, voice });
  return [`  ${sign} ${safeLine(step.name, 60)}`, words, cost];
}

function outcomeWords(
  outcome: StepRecord["outcome"],
  { paint, shortId, voice }: ShowTextOptions & { readonly voice: Voice },
): readonly [sign: string, words: string] {
  switch (outcome.kind) {
    case "succeeded":
      return [paint.good("✓"), causeSentence(outcome.cause, voice)];
    case "cached":
      return [paint.good("✓"), `from run ${shortId(outcome.from)}`];
    case "failed":
      return [paint.bad("✗"), failureSentence(outcome.failure, voice)];
    case "cancelled":
      return ["·", "cancelled"];
    case "not-started":
      return ["·", `not started, after ${safeLine(outcome.because)}`];
    case "withheld":
      return ["·", `left out: ${ownWords(outcome.why, voice)}`];
  }
}

const OUTPUTS = 50;

function outputBlock(record: RunRecord, paint: Paint): string {
  const outputs = inOrder(record.steps).flatMap((step) =>
    step.outcome.kind === "succeeded" || step.outcome.kind === "cached" ? step.outcome.facts.outputs : [],
  );
  if (outputs.length === 0) return "";
  const rows = outputs
    .slice(0, OUTPUTS)
    .map((output) => [`  ${safeLine(output.path)}`, shortDigest(output.digest), formatBytes(output.size)]);
  const more = outputs.length > OUTPUTS ? [`  … and ${outputs.length - OUTPUTS} more`] : [];
  return [paint.strong("Outputs"), ...alignColumns(rows, new Set([2])), ...more].join("\n");
}

/** One recorded run for programs, version 1. */
export function showJson(record: RunRecord, reproduction: Reproduction | null): string {
  const reproduced = reproduction === null ? null : { same: isSame(reproduction), ...reproduction };
  return jsonDocument({ run: record, reproduced });
}
