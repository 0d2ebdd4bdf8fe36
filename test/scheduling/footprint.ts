import { createFairShare } from "../../src/scheduling/fair-share.ts";

/** A process of its own, started with --expose-gc: prints the bytes that each of 100,000 queued steps takes. */
const QUEUED = 100_000;
const FLOWS = 1_000;

function heapUsed(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const share = createFairShare();
const before = heapUsed();
for (let at = 0; at < QUEUED; at++) {
  share.add(
    {
      id: `${String(at).padStart(26, "0")}-${String(at * 7).padStart(16, "0")}-1`,
      flow: `${at % FLOWS}/pipeline`,
      weight: 1,
      cost: 1_000 + at,
      priority: 0,
      path: at,
      demand: { cpu: 1, memoryBytes: (1 + (at % 4)) * 2 ** 30, gpus: 0 },
      limits: [{ key: `repository ${at % 10}`, most: 100 }],
    },
    at,
  );
}
const bytes = (heapUsed() - before) / QUEUED;
if (share.size !== QUEUED) throw new Error("not all are queued");
process.stdout.write(`${Math.round(bytes)}\n`);
