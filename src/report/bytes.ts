const decimal = ["B", "kB", "MB", "GB", "TB", "PB"];
const binary = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Sizes of files and peaks, decimal units: `812 B`, `1.2 kB`, `412 MB`. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1000, decimal);
}

/** Measured memory in the units in which limits are written: `2.0 GiB`. */
export function formatMemory(bytes: number): string {
  return scaled(bytes, 1024, binary, true);
}

/** A limit as its author wrote it, without decimals where it has none: `2 GiB`. */
export function formatLimit(bytes: number): string {
  return scaled(bytes, 1024, binary);
}

function scaled(bytes: number, base: number, units: readonly string[], tenths = false): string {
  let value = Number.isFinite(bytes) ? Math.max(0, bytes) : 0;
  let unit = 0;
  while (unit < units.length - 1 && Math.round(value * 10) / 10 >= base) {
    value /= base;
    unit++;
  }
  if (unit === 0) return `${Math.round(value)} B`;
  const rounded = value < 10 ? value.toFixed(1) : String(Math.round(value));
  return `${tenths ? rounded : rounded.replace(/\.0$/, "")} ${units[unit]}`;
}
