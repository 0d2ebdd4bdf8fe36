/** One line of the table; `rival` is measured in the same call. `target` and `met` are null for a row without a target. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
  readonly target: number | null;
  readonly met: boolean | null;
  readonly rival: string | null;
  readonly rivalValue: number | null;
  readonly ratio: number | null;
}

export type Unit = "ms" | "MB" | "GB/s" | "files/s" | "steps/s" | "manifests/s";

/** More is better for speeds, less for times and sizes. */
function isSpeed(unit: Unit): boolean {
  return unit.endsWith("/s");
}

export interface Against {
  readonly target?: number;
  readonly rival?: string;
  readonly rivalValue?: number;
}

/** Figures with three significant digits; `ratio` is ours divided by the rival's. */
export function row(name: string, [value, unit]: readonly [number, Unit], against: Against = {}): Row {
  const { target = null, rival = null, rivalValue = null } = against;
  const rounded = significant(value);
  return {
    name,
    value: rounded,
    unit,
    target: target === null ? null : significant(target),
    met: target === null ? null : isSpeed(unit) ? rounded >= target : rounded <= target,
    rival,
    rivalValue: rivalValue === null ? null : significant(rivalValue),
    ratio: rivalValue === null ? null : significant(value / rivalValue),
  };
}

function significant(value: number): number {
  return Number(value.toPrecision(3));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** The table of README. */
export function markdown(rows: readonly Row[]): string {
  const lines = rows.map((one) => {
    const target = one.target === null ? "" : `${one.target} ${one.unit}${one.met === true ? "" : " (missed)"}`;
    const rival = one.rival === null ? "" : `${one.rival} ${one.rivalValue} ${one.unit} (×${one.ratio})`;
    return `| ${one.name} | ${one.value} ${one.unit} | ${target} | ${rival} |`;
  });
  return ["| what | Sluice | target | rival in the same call |", "|---|---:|---:|---|", ...lines, ""].join("\n");
}
