import { existsSync } from "node:fs";

import { EXIT } from "../../cli/exit.ts";
import type { Service, World } from "../../cli/world.ts";
import type { WorkerConfig } from "../../config-service.ts";
import { endsWithin, leaveSoon, orLeave } from "./leave.ts";
import type { Refused } from "./refused.ts";
import { keepOutOfGit } from "../local/keep-out-of-git.ts";
import type { Operator } from "../../pipeline/operator.ts";
import type { Queue } from "../../queue/queue.ts";

/** A part of main.ts for the doors of a service, each loaded when it is opened. */
export function serviceDoors(world: World): Service {
  const { clock, version, terminal, config: here } = world;
  const { path, variable } = here;
  return {
    async serve(config, stop) {
      const { openService } = await import("./open-service.ts");
      const { listenRefusal } = await import("../../web/listen-refusal.ts");
      const opening = orLeave(() => openService({ config, clock, version, path, slots: SLOTS, variable }));
      const opened = await opening.catch((error: unknown) => {
        const refusal = listenRefusal(error, config);
        if (refusal === undefined) throw error;
        return { kind: "refused" as const, reason: "later" as const, ...refusal };
      });
      if (opened.kind === "refused") return stop.aborted ? STOPPED : refused(world, opened);
      const { service } = opened;
      terminal.say(`sluice serves at ${service.web.url}, with ${service.queue.backend}; Ctrl-C stops\n`);
      await stopped(stop);
      await service[Symbol.asyncDispose]();
      return leaveSoon(0);
    },
    async worker(config, { pool, concurrency }, stop) {
      const { readOperator } = await import("./operator.ts");
      const read = readOperator(config.operatorFile);
      if (read.kind === "refused") return refused(world, read);
      // Where nothing says so, nobody means to begin a service's directory where they stand.
      const none = config.named ? undefined : noServiceIn(config);
      if (none !== undefined)
        return refused(world, {
          ...none,
          next: "SLUICE_DATA=…, or SLUICE_QUEUE_URL=redis://…, as the service has it",
        });
      const { openQueue, queueWords } = await import("../../queue/open-queue.ts");
      const { startWorker } = await import("./worker.ts");
      const { servicePaths } = await import("./paths.ts");
      const { openUsableStore } = await import("./store.ts");
      const onError = (error: unknown): void => terminal.say(`sluice: ${String(error)}\n`);
      const url = config.queue.kind === "embedded" ? "embedded:" : config.queue.url;
      const { openTracing } = await import("./tracing.ts");
      const { correlation } = await import("../../queue/correlation.ts");
      const { createLog } = await import("../../web/log.ts");
      const { logLevel, queue: at } = config;
      const log = createLog(
        { logLevel, queue: at, app: { privateKey: "" }, webhooks: null, signingKey: null },
        { correlation },
      );
      const kept = await openUsableStore(config.store ?? read.operator.store, servicePaths(config.data).store, clock);
      if (kept.kind === "refused") return refused(world, kept);
      const tracing = await openTracing(variable, { role: "worker", version });
      const holder = `sluice worker ${process.pid}`;
      const opened = await openQueue(url, { data: config.data, holder, onError, telemetry: tracing.telemetry });
      if (opened.kind === "refused") {
        if (stop.aborted) return STOPPED;
        return refused(world, queueWords(opened));
      }
      const { queue } = opened;
      keepOutOfGit(config.data);
      const parts = {
        queue,
        store: kept.store,
        begun: kept.begun,
        checkpoints: kept.checkpoints,
        clock,
        data: config.data,
        path,
        pool,
        version,
        concurrency: concurrency ?? writtenConcurrency(read.operator, pool) ?? SLOTS,
        kubernetes: read.operator.pools[pool]?.kubernetes ?? null,
        variable,
        tracing,
        log,
        onError,
      };
      const worker = await orLeave(() => startWorker(parts));
      terminal.say(`a worker of pool ${pool} takes ${parts.concurrency} steps at once; Ctrl-C stops\n`);
      await stopped(stop);
      await worker[Symbol.asyncDispose]();
      if (!(await endsWithin(LEAVE_MS, queue[Symbol.asyncDispose]())))
        onError(new Error(`the queue's connections did not end in ${LEAVE_MS / 1_000} s`));
      await endsWithin(LEAVE_MS, tracing[Symbol.asyncDispose]());
      return leaveSoon(0);
    },
    async pool(config, pool) {
      const queue = await queueOf(world, config);
      if (typeof queue === "number") return queue;
      const { openPool } = await import("./pool.ts");
      return openPool(queue, pool, () => clock.now());
    },
    async runs(config) {
      const queue = await queueOf(world, config);
      if (typeof queue === "number") return queue;
      const { openRuns } = await import("../run/runs.ts");
      return openRuns({ queue, onError: (error) => terminal.say(`sluice: ${String(error)}\n`) });
    },
    async log(config, digest) {
      const { parseDigest } = await import("../../identity/identity.ts");
      const { readOperator } = await import("./operator.ts");
      const { servicePaths } = await import("./paths.ts");
      const { openStore } = await import("./store.ts");
      const named = parseDigest(digest);
      const { store } = servicePaths(config.data);
      const read = readOperator(config.operatorFile);
      const at = config.store ?? (read.kind === "ok" ? read.operator.store : null);
      if (named === undefined || (at === null && !existsSync(store))) return undefined;
      const kept = await openStore(at, store);
      if (kept.kind === "refused") return undefined;
      const bytes = await kept.store.read(named);
      await kept.store[Symbol.asyncDispose]();
      const { plainLog } = await import("../../store/log-file.ts");
      return bytes === undefined ? undefined : new TextDecoder().decode(await plainLog(bytes));
    },
    async here(config) {
      const { servedHere } = await import("../local/served-here.ts");
      return servedHere(world, config);
    },
    async demo(stop) {
      const { playDemo } = await import("./demo.ts");
      const print = (text: string): void => terminal.print(text);
      const log = (line: string): void => terminal.say(line);
      return playDemo({ clock, version, path, variable, stop, print, log });
    },
  };
}

/** A service's queue as somebody who looks finds it: looking makes no database. */
async function queueOf(world: World, { queue, data }: WorkerConfig): Promise<Queue | number> {
  const none = noServiceIn({ queue, data });
  if (none !== undefined)
    return refused(world, {
      ...none,
      next: "say where it does: SLUICE_DATA=…, or SLUICE_QUEUE_URL=… of another queue",
    });
  const { openQueue, queueWords } = await import("../../queue/open-queue.ts");
  const onError = (error: unknown): void => world.terminal.say(`sluice: ${String(error)}\n`);
  const url = queue.kind === "embedded" ? "embedded:" : queue.url;
  const opened = await openQueue(url, { data, holder: `sluice ps ${process.pid}`, onError });
  if (opened.kind === "opened") return opened.queue;
  return refused(world, queueWords(opened));
}

/** A pool's slots where the operator's file says how many; what it does not say is no word about this machine. */
function writtenConcurrency({ settings, pools }: Operator, pool: string): number | undefined {
  return settings.places[`pools.${pool}.concurrency`] === undefined ? undefined : pools[pool]?.concurrency;
}

function noServiceIn({
  queue,
  data,
}: Pick<WorkerConfig, "queue" | "data">): Omit<Refused, "kind" | "next"> | undefined {
  if (queue.kind !== "embedded" || existsSync(data)) return undefined;
  return { reason: "later", why: `no service keeps anything in ${data}` };
}

const LEAVE_MS = 10_000;
/** It was interrupted before it had begun: what did not succeed any more is no news. */
const STOPPED = 130;
/** Steps at once where nothing else is said. */
const SLOTS = 2;

function refused({ terminal }: World, { reason, why, next }: Omit<Refused, "kind">): number {
  terminal.say(`sluice: ${why}\n  next: ${next}\n`);
  return EXIT[reason];
}

function stopped(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
}
