/** A duration in milliseconds as people say it: `340 ms`, `4.2 s`, `42 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(milliseconds: number): string {
  const ms = Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : 0;
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 100) return `${tenths / 10} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return pair([Math.floor(seconds / 60), "min"], [seconds % 60, "s"]);
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1440) return pair([Math.floor(minutes / 60), "h"], [minutes % 60, "min"]);
  const hours = Math.round(ms / 3_600_000);
  return pair([Math.floor(hours / 24), "d"], [hours % 24, "h"]);
}

function pair([large, unit]: readonly [number, string], [small, smallUnit]: readonly [number, string]): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smallUnit}`;
}

/** Median and spread in milliseconds: `42 s ± 3`, `3 min 12 s ± 8 s`; a spread that rounds to nothing is left out. */
export function formatSpread(medianMs: number, spreadMs: number): string {
  const median = formatDuration(medianMs);
  if (/^[\d.]+ ms$/.test(median)) return spreadMs < 0.5 ? median : `${median} ± ${Math.round(spreadMs)}`;
  if (/^[\d.]+ s$/.test(median)) {
    const tenths = Math.round(spreadMs / 100);
    const shown = medianMs < 10_000 ? tenths / 10 : Math.round(spreadMs / 1000);
    return shown === 0 ? median : `${median} ± ${shown}`;
  }
  return spreadMs < 500 ? median : `${median} ± ${formatDuration(spreadMs)}`;
}

/** A forecast pretends no precision: rounded up to steps of 1 s, 5 s, 30 s, 1 min or 5 min. */
export function roughDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  const grain = seconds <= 10 ? 1 : seconds <= 60 ? 5 : seconds <= 600 ? 30 : seconds <= 3600 ? 60 : 300;
  return formatDuration(Math.max(1, Math.ceil(seconds / grain)) * grain * 1000);
}

/** Time that is still running, in whole seconds: `0 s`, `41 s`, `3 min 12 s`. */
export function formatElapsed(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1_000) * 1_000);
  return whole === 0 ? "0 s" : formatDuration(whole);
}
