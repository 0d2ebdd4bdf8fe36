import type { MetricValue } from "../key/key-document.ts";

/** A metric as a double, the nearest one for a whole number beyond 2^53; undefined for what is not finite. */
export function doubleOf(value: MetricValue): number | undefined {
  if (typeof value === "number") return value;
  return /^-?\d/.test(value) ? Number(value) : undefined;
}

/** Digits that a value needs: enough to tell two values apart, at most 17 (all of a double). */
function digitsFor(a: number, b: number): number {
  for (let digits = 4; digits < 17; digits++) {
    const [x, y] = [Number(a.toPrecision(digits)), Number(b.toPrecision(digits))];
    if (a === b || (x !== y && Math.abs(Math.abs(x - y) - Math.abs(a - b)) <= 0.05 * Math.abs(a - b))) return digits;
  }
  return 17;
}

/** A metric for people; next to another one it keeps the digits that tell them apart. */
export function formatMetric(value: MetricValue, beside: MetricValue = value): string {
  if (typeof value !== "number") return value.replace("-", value === "-Infinity" ? "-" : "−");
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value).replace("-", "−");
  const digits = typeof beside === "number" ? digitsFor(value, beside) : 4;
  return plain(value, digits);
}

/** A difference with its sign; what is not zero is never shown as 0. */
export function formatDelta(delta: number): string {
  if (delta === 0) return "0";
  if (!Number.isFinite(delta)) return delta > 0 ? "+∞" : delta < 0 ? "−∞" : "?";
  const digits = Number.isInteger(delta) && Math.abs(delta) < 1e15 ? 17 : 2;
  return `${delta > 0 ? "+" : "−"}${plain(Math.abs(delta), digits)}`;
}

function plain(value: number, digits: number): string {
  const size = Math.abs(value);
  // What stands before the point is never rounded away.
  const whole = size >= 1 && size < 1e15 ? Math.floor(Math.log10(size)) + 1 : 0;
  const cut = Number(value.toPrecision(Math.min(17, Math.max(digits, whole))));
  // The largest doubles round up beyond all doubles.
  const rounded = Number.isFinite(cut) ? cut : value;
  const exponential = size !== 0 && (size < 1e-4 || size >= 1e15);
  return (exponential ? rounded.toExponential() : String(rounded)).replaceAll("-", "−");
}
