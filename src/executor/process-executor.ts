import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import type { Failure } from "../run/run-record.ts";
import { endOf, endedBefore, endedBySystem } from "./attempt-end.ts";
import type { Environments } from "./environment.ts";
import type { Attempt, AttemptEnd, AttemptOrder, Executor } from "./executor.ts";
import { discard, giveBack, makeSlot, take, type RunningLauncher, type Slot, type Slots } from "./slot.ts";
import { environmentOf } from "./step-environment.ts";
import { unlessDiskFull } from "./full-disk.ts";
import { isShown } from "./shown.ts";
import { isolationHere } from "./isolation.ts";
import type { Launcher } from "./launcher-client.ts";
import { launcherCommand } from "./launcher-command.ts";
import { memoryLimitsHere, type MemoryGroup, type MemoryLimits } from "./memory-limit.ts";
import { permitsFor, type Permits } from "./permits.ts";
import { beginLog, keepPlain } from "./plain-log.ts";
import { prepare, type Prepared, type Walls } from "./prepare.ts";
import { HOME, readOnlyFor, WORKSPACE } from "./sandbox.ts";
import { readyOnce } from "./ready-once.ts";
import { redactLog } from "./redact-log.ts";
import { removeTrees } from "./remove-tree.ts";
import { launch, launcherFor, PLAIN, type LauncherPool } from "./slot-launcher.ts";
import { keepFresh } from "./work-place.ts";
import { clearWorkspace, stage, undeclaredWrites, type Materialize, type Staged } from "./workspace.ts";

export interface ProcessExecutorOptions {
  /** Workspaces live here, on the store's file system. */
  readonly directory: string;
  readonly sandbox: "auto" | "require" | "off";
  readonly slots: number;
  readonly environments: Environments;
  readonly materialize: Materialize;
  readonly launcherPath: string;
  /** The worker's own PATH, which follows the environment's. */
  readonly path: string;
  /** Where drift is allowed: told of tools or packages that differ from what is declared, instead of refusing. */
  readonly onDrift: ((drift: Failure) => void) | undefined;
  /** Told where no workspace can be made at the moment: a worker stays for when there can be; absent: it is an error. */
  readonly onError?: (error: unknown) => void;
}

interface Pool extends Slots, LauncherPool {
  readonly options: ProcessExecutorOptions;
  readonly walls: Walls;
  /** Memory limits, opened for the first step that has one; null where they cannot be enforced. */
  limits: MemoryLimits | null | undefined;
  /** Processes that may still be started; staging goes on meanwhile in the spare workspaces. */
  readonly permits: Permits;
  /** Without a sandbox a launcher belongs to no slot: as many as may run at once are enough. */
  readonly idle: RunningLauncher[];
}

/** Workspaces beyond the slots: the next steps are staged while others run. */
const SPARE = 2;
/** In a sandbox every workspace has a launcher of its own, whose start takes as long as thirty steps. */
const SPARE_SANDBOXED = 1;

export interface ProcessExecutor extends Executor {
  /** Whether a step finds a workspace and a launcher; where there is none, it is tried again every few seconds. */
  ready(): boolean;
  /** Ends when that was tried once. */
  readonly tried: Promise<void>;
}

/** Steps as processes of this machine: in bubblewrap where it is there, else each in a directory of its own. */
export function processExecutor(
  options: ProcessExecutorOptions,
): ProcessExecutor | { readonly kind: "refused"; readonly why: string } {
  const here = isolationHere(options.sandbox);
  if (here.kind === "refused") return here;
  const sandboxed = here.isolation === "sandbox";
  const ahead = options.slots + (sandboxed ? SPARE_SANDBOXED : SPARE);
  const pool: Pool = {
    options,
    sandboxed,
    walls: { sandboxed, why: here.why },
    directory: options.directory,
    most: ahead,
    made: [],
    free: [],
    waiting: [],
    limits: undefined,
    permits: permitsFor(options.slots),
    idle: [],
    systemReadOnly: sandboxed ? readOnlyFor(options.path) : [],
  };
  const { ready, tried } = readyOnce(() => beginAhead(pool), options.onError);
  const fresh = keepFresh(() => pool.made.map((slot) => slot.root));
  return {
    isolation: here.isolation,
    why: here.why,
    ahead,
    ready,
    tried,
    start: (order, signal) => start(pool, order, signal),
    async [Symbol.asyncDispose]() {
      const launchers = [...pool.made.flatMap((slot) => slot.launcher ?? []), ...pool.idle];
      await Promise.all(launchers.map((one) => one.process.close()));
      pool.limits?.close();
      fresh[Symbol.dispose]();
      const files = pool.made.reduce((sum, slot) => sum + slot.aside.count, 0);
      await removeTrees(
        pool.made.map((slot) => slot.root),
        files,
      );
    },
  };
}

/** The first workspace, which says whether there can be any; and its launcher, whose start takes as long as ten steps. */
function beginAhead(pool: Pool): Promise<void> {
  const { launcherPath, sandbox } = pool.options;
  if (pool.made.length === 0) pool.free.push(makeSlot(pool));
  const slot = pool.free.at(0);
  // A step that has the only one begins by itself.
  if (slot === undefined) return Promise.resolve();
  if (!pool.sandboxed) {
    const one: RunningLauncher = { process: launch(pool, launcherCommand(launcherPath)), settings: PLAIN };
    pool.idle.push(one);
    return begun(one.process).catch((error: unknown) => {
      pool.idle.splice(0, pool.idle.length, ...pool.idle.filter((other) => other !== one));
      throw error;
    });
  }
  // Each step has a fresh one.
  if (sandbox !== "auto") return Promise.resolve();
  // In the sandbox that most steps ask for; one that asks for another replaces it.
  return begun(
    launcherFor(pool, slot, {
      order: { network: false, inputs: [], secrets: {} },
      prepared: { environment: { path: [], readOnly: [] } },
      group: undefined,
    }),
  );
}

/** A launcher that dies at its start would lose every step that is taken here. */
async function begun(launcher: Launcher): Promise<void> {
  await launcher.ready;
  if (launcher.gone !== undefined) throw new Error(`no step can be started here: ${launcher.gone}`);
}

async function start(pool: Pool, order: AttemptOrder, signal: AbortSignal): Promise<Attempt> {
  let slot: Slot | undefined;
  try {
    slot = await take(pool);
    return await startIn(pool, slot, { order, log: `${slot.root}/logs/step.log`, signal });
  } catch (error) {
    if (slot !== undefined) {
      slot.standing = undefined;
      giveBack(pool, slot);
    }
    return {
      workspace: slot?.workspace ?? "",
      log: "",
      ended: Promise.resolve(endedBySystem(error, "its workspace could not be made ready")),
      undeclared: () => Promise.resolve([]),
      dispose: () => Promise.resolve(),
    };
  }
}

async function startIn(
  pool: Pool,
  slot: Slot,
  { order, log, signal }: { readonly order: AttemptOrder; readonly log: string; readonly signal: AbortSignal },
): Promise<Attempt> {
  beginLog(log);
  const left = clearWorkspace(slot.workspace, order, slot);
  slot.standing = undefined;
  const prepared = await prepare({ ...pool.options, ...pool.walls }, order, { log, signal });
  const staged = "kind" in prepared ? undefined : await stageFor(pool, slot, { order, prepared, left });
  await pool.permits.take();
  const ended = endedIn(pool, slot, { order, prepared, staged, log, signal }).finally(() => pool.permits.giveBack());
  let disposed = false;
  return {
    workspace: slot.workspace,
    log,
    drifted: "kind" in prepared ? false : prepared.drifted,
    ended,
    async undeclared() {
      if (staged === undefined || "missing" in staged) return [];
      const { undeclared, standing } = undeclaredWrites(slot.workspace, order, staged);
      const known = undeclared.length === 0 && !order.inputs.some(isShown);
      slot.standing = known ? standing : undefined;
      return undeclared;
    },
    async dispose() {
      if (disposed) return;
      disposed = true;
      // Whoever waits for the end hears of a surprise; the slot comes back in any case.
      await ended.catch(() => undefined);
      giveBack(pool, slot);
    },
  };
}

async function stageFor(
  pool: Pool,
  slot: Slot,
  {
    order,
    prepared,
    left,
  }: { readonly order: AttemptOrder; readonly prepared: Prepared; readonly left: ReadonlySet<string> },
): ReturnType<typeof stage> {
  const staged = await stage(slot.workspace, order, {
    materialize: pool.options.materialize,
    sandboxed: pool.sandboxed,
    left,
  });
  const modules = prepared.environment.nodeModules;
  if (modules !== null && !existsSync(join(slot.workspace, "node_modules")))
    symlinkSync(modules, join(slot.workspace, "node_modules"));
  return staged;
}

interface Running {
  readonly order: AttemptOrder;
  readonly prepared: Prepared | Failure;
  readonly staged: Staged | { readonly missing: string; readonly diskFull: boolean } | undefined;
  readonly log: string;
  readonly signal: AbortSignal;
}

/** The end of a step, after which its log is a plain file without secrets. */
async function endedIn(pool: Pool, slot: Slot, running: Running): Promise<AttemptEnd> {
  const ran = await run(pool, slot, running).catch((error: unknown) =>
    endedBySystem(error, "it could not be run here"),
  );
  // First, because putting the log in order may need the room.
  const end = unlessDiskFull(ran, slot);
  try {
    running.order.ending?.();
    keepPlain(running.log);
    redactLog(running.log, running.order.secrets);
    return end;
  } catch (error) {
    return endedBySystem(error, "its log could not be put in order");
  }
}

async function run(pool: Pool, slot: Slot, running: Running): Promise<AttemptEnd> {
  const { order, prepared, staged, log } = running;
  if ("kind" in prepared) return { ...endedBefore(prepared), cancelled: running.signal.aborted };
  if (staged === undefined) throw new Error("running a step: nothing was staged");
  if ("missing" in staged) {
    return endedBefore(
      staged.diskFull
        ? { kind: "disk-full", path: staged.missing }
        : { kind: "lost", why: `the bytes of \`${staged.missing}\` are not there any more` },
    );
  }
  const group = groupFor(pool, slot, order);
  if (!pool.sandboxed && group === undefined) {
    if (slot.launcher !== undefined && slot.launcher.settings !== PLAIN) await discard(slot);
    slot.launcher ??= pool.idle.pop();
  }
  const launcher = launcherFor(pool, slot, { order, prepared, group });
  if (group !== undefined && order.memoryBytes !== null) {
    // What the launcher itself takes is not the step's.
    await launcher.ready;
    group.limit(order.memoryBytes);
  }
  const killed = group?.kills() ?? 0;
  const inside = pool.sandboxed;
  const end = await launcher.run(
    {
      id: order.id,
      argv: order.argv,
      env: Object.entries(
        environmentOf(
          order,
          prepared,
          inside ? { home: HOME, temporary: "/tmp" } : { home: `${slot.root}/home`, temporary: `${slot.root}/tmp` },
        ),
      ).map(([name, value]) => `${name}=${value}`),
      cwd: inside ? WORKSPACE : slot.workspace,
      log: inside ? "/sluice/logs/step.log" : log,
      timeoutMs: order.timeoutMs,
      clean: inside ? [HOME, "/tmp"] : [`${slot.root}/home`, `${slot.root}/tmp`],
    },
    running.signal,
  );
  if (Object.keys(order.secrets).length > 0 || end.kind === "lost") await discard(slot);
  if (slot.launcher?.settings === PLAIN) {
    pool.idle.push(slot.launcher);
    slot.launcher = undefined;
  }
  return endOf(order, end, (group?.kills() ?? 0) > killed);
}

/** The slot's group of processes, for a step with a limit where the kernel can hold it to that. */
function groupFor(pool: Pool, slot: Slot, order: AttemptOrder): MemoryGroup | undefined {
  if (order.memoryBytes === null) return undefined;
  if (pool.limits === undefined) {
    const here = memoryLimitsHere();
    pool.limits = here.kind === "enforced" ? here.open() : null;
  }
  return pool.limits?.group(slot.at);
}
