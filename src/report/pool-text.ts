import { formatMemory } from "./bytes.ts";
import { safeLine } from "./safe-text.ts";
import { alignColumns } from "./table.ts";

/** A pool as `sluice ps` shows it. */
export interface PoolView {
  readonly pool: string;
  /** RFC 3339 UTC; null while it takes work. */
  readonly pausedSince: string | null;
  readonly workers: readonly {
    readonly host: string;
    readonly pid: number;
    readonly version: string;
    readonly slots: number;
    readonly room: { readonly cpu: number; readonly memoryBytes: number; readonly gpus: number };
    readonly underWay?: readonly { readonly run: string; readonly step: string; readonly attempt: number }[];
  }[];
  /** Attempts: with a worker, and handed out to whichever is free next. */
  readonly active: number;
  readonly waiting: number;
  readonly runs: readonly { readonly run: string; readonly done: number; readonly total: number }[];
}

/** What runs in a pool, and where, as lines for a terminal. */
export function poolText({ pool, pausedSince, workers, active, waiting, runs }: PoolView): string {
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const paused = pausedSince === null ? "" : `, paused since ${pausedSince}`;
  const lines = [`pool ${pool}: ${active} of ${slots} slots taken, ${waiting} handed out${paused}`];
  if (workers.length > 0) lines.push("", ...alignColumns([HEADING, ...workers.map(row)], RIGHT));
  else lines.push("", `no worker has announced itself`, `  next: sluice worker --pool ${pool}`);
  const here = workers.flatMap(({ host, pid, underWay = [] }) => underWay.map((one) => ({ ...one, host, pid })));
  if (here.length > 0)
    lines.push(
      "",
      ...here.map(
        ({ run, step, attempt, host, pid }) =>
          `▶ ${safeLine(step, 40)} of run ${run.slice(0, 4)}${attempt > 1 ? `, attempt ${attempt}` : ""}, on ${safeLine(host)} ${pid}`,
      ),
    );
  if (runs.length > 0) lines.push("", ...runs.map(({ run, done, total }) => `run ${run}: ${done} of ${total} steps`));
  if (pausedSince !== null) lines.push("", `next: sluice unpause --pool ${pool}`);
  return `${lines.join("\n")}\n`;
}

const HEADING = ["worker", "slots", "cores", "memory", "GPUs", "version"];
const RIGHT = new Set([1, 2, 3, 4]);

function row({ host, pid, version, slots, room }: PoolView["workers"][number]): readonly string[] {
  const { cpu, memoryBytes, gpus } = room;
  return [
    `${safeLine(host)} ${pid}`,
    String(slots),
    String(cpu),
    formatMemory(memoryBytes),
    String(gpus),
    safeLine(version),
  ];
}
