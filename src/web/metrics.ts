import { byUtf8 } from "../identity/canonical-json.ts";

/** Upper bounds of the histogram in seconds. */
const BOUNDS = [0.01, 0.05, 0.1, 0.2, 0.5, 1, 5];

export interface Metrics {
  delivered(what: { readonly event: string; readonly status: number }, ms: number): void;
  /** Prometheus' text format 0.0.4. */
  text(jobs: Readonly<Record<string, number>> | null, more?: readonly string[]): string;
}

/** What this process counted since it started. */
export function createMetrics(): Metrics {
  const deliveries = new Map<string, number>();
  const buckets = BOUNDS.map(() => 0);
  let count = 0;
  let seconds = 0;
  return {
    delivered({ event, status }, ms) {
      const labels = `{event="${event}",status="${status}"}`;
      deliveries.set(labels, (deliveries.get(labels) ?? 0) + 1);
      count++;
      seconds += ms / 1000;
      for (const [at, bound] of BOUNDS.entries()) if (ms / 1000 <= bound) buckets[at] = (buckets[at] ?? 0) + 1;
    },
    text(jobs, more = []) {
      const lines = [
        "# HELP sluice_deliveries_total Deliveries of the forge, by event and answer.",
        "# TYPE sluice_deliveries_total counter",
        ...[...deliveries]
          .sort(([a], [b]) => byUtf8(a, b))
          .map(([labels, n]) => `sluice_deliveries_total${labels} ${n}`),
        "# HELP sluice_delivery_seconds Time from a delivery's arrival to its answer.",
        "# TYPE sluice_delivery_seconds histogram",
        ...BOUNDS.map((bound, at) => `sluice_delivery_seconds_bucket{le="${bound}"} ${buckets[at] ?? 0}`),
        `sluice_delivery_seconds_bucket{le="+Inf"} ${count}`,
        `sluice_delivery_seconds_sum ${seconds}`,
        `sluice_delivery_seconds_count ${count}`,
        "# HELP sluice_queue_up Whether the queue answered.",
        "# TYPE sluice_queue_up gauge",
        `sluice_queue_up ${jobs === null ? 0 : 1}`,
        ...(jobs === null ? [] : jobLines(jobs)),
        ...more,
      ];
      return `${lines.join("\n")}\n`;
    },
  };
}

function jobLines(jobs: Readonly<Record<string, number>>): readonly string[] {
  return [
    "# HELP sluice_jobs Triggers in the controller's queue, by state.",
    "# TYPE sluice_jobs gauge",
    ...Object.entries(jobs).map(([state, n]) => `sluice_jobs{queue="controller",state="${state}"} ${n}`),
  ];
}
