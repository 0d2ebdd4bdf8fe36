import { causeSentence } from "./cause.ts";
import { formatDuration, formatElapsed } from "./duration.ts";
import { failureSentence } from "./failure-sentence.ts";
import type { RunProgress } from "./run-progress.ts";
import type { RunTextOptions } from "./run-text.ts";
import { safeLine } from "./safe-text.ts";
import { fit } from "./table.ts";
import { terminalVoice } from "./voice.ts";

/** A step as the live view knows it; times in milliseconds of the run's clock. */
interface LiveStep {
  readonly step: string;
  readonly since: number;
  readonly attempt: number;
  readonly expectedMs: number | null;
  readonly words: string;
}

/** How far a run looks to somebody who watches it: made by `liveRun`, moved on by `watched`. */
export interface LiveRun {
  readonly total: number;
  readonly done: number;
  readonly cached: number;
  readonly failed: number;
  readonly startedAt: number;
  readonly running: readonly LiveStep[];
  readonly expected: ReadonlyMap<string, number>;
}

/** A run of `total` steps in which nothing has happened; `expected` are predicted wall times (ms) by step. */
export function liveRun(total: number, startedAt: number, expected: ReadonlyMap<string, number>): LiveRun {
  return { total, done: 0, cached: 0, failed: 0, startedAt, running: [], expected };
}

/** The view after one event; finished steps leave it (their lines are `progressLine`). */
export function watched(
  live: LiveRun,
  event: { readonly progress: RunProgress; readonly at: number },
  options: RunTextOptions,
): LiveRun {
  const { progress, at } = event;
  const voice = terminalVoice(options.paint);
  const running = live.running.filter((step) => step.step !== progress.step);
  switch (progress.kind) {
    case "started": {
      const words = progress.attempt > 1 ? `attempt ${progress.attempt}` : causeSentence(progress.cause, voice);
      const step = {
        step: progress.step,
        since: at,
        attempt: progress.attempt,
        expectedMs: live.expected.get(progress.step) ?? null,
        words,
      };
      return { ...live, running: [...running, step] };
    }
    case "retrying": {
      const words = `${failureSentence(progress.failure, voice)}; again in ${formatDuration(progress.delayMs)}`;
      const step = { step: progress.step, since: at, attempt: progress.attempt, expectedMs: null, words };
      return { ...live, running: [...running, step] };
    }
    case "cached":
      return { ...live, done: live.done + 1, cached: live.cached + 1 };
    case "succeeded":
      return { ...live, running, done: live.done + 1 };
    case "failed":
      return { ...live, running, failed: live.failed + 1 };
    case "gate":
      return live;
    case "cancelled":
      return { ...live, running };
  }
}

/** The lines to draw now, at most `height` of `width` columns: a bar, then what runs, the longest first. */
export function liveFrame(
  live: LiveRun,
  screen: { readonly now: number; readonly width: number; readonly height: number },
  { paint }: RunTextOptions,
): readonly string[] {
  const shown = live.running.slice(0, Math.max(0, screen.height - 2));
  const rest = live.running.length - shown.length;
  const lines = shown.map((step) => {
    const elapsed = screen.now - step.since;
    const of = step.expectedMs === null ? "" : ` of about ${formatDuration(step.expectedMs)}`;
    const text = fit(`▶ ${safeLine(step.step, 40)}  ${formatElapsed(elapsed)}${of}  ${step.words}`, screen.width);
    return text.replace("▶", paint.accent("▶"));
  });
  if (rest > 0) lines.push(fit(`  and ${rest} more`, screen.width));
  return [fit(bar(live, screen), screen.width), ...lines].slice(0, Math.max(1, screen.height));
}

const BAR = 20;

function bar(live: LiveRun, { now }: { readonly now: number }): string {
  const full = live.total === 0 ? BAR : Math.floor((BAR * Math.min(live.done, live.total)) / live.total);
  const failed = live.failed > 0 ? `, ${live.failed} failed` : "";
  const cached = live.cached > 0 ? ` (${live.cached} cached)` : "";
  return `${"━".repeat(full)}${"─".repeat(BAR - full)} ${live.done} of ${live.total} done${cached}${failed} · ${formatElapsed(now - live.startedAt)}`;
}
