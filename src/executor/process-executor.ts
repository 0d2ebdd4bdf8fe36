import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { redact } from "../run/redact.ts";
import type { Failure } from "../run/run-record.ts";
import { checkProgram, checkTools, prepareEnvironment, type PreparedEnvironment } from "./environment.ts";
import type { Attempt, AttemptEnd, AttemptOrder, Executor } from "./executor.ts";
import { endedBefore, endOf } from "./attempt-end.ts";
import { startLauncher, type Launcher } from "./launcher-client.ts";
import { HOME, readOnlyFor, sandboxArguments, tryBubblewrap, WORKSPACE, type SandboxSettings } from "./sandbox.ts";
import { clearWorkspace, stage, undeclaredWrites, type Materialize, type Staged } from "./workspace.ts";

export interface ProcessExecutorOptions {
  /** Workspaces live here, on the store's file system. */
  readonly directory: string;
  readonly sandbox: "auto" | "require" | "off";
  readonly slots: number;
  /** Absolute root of the user's repository: environments stand in it. */
  readonly project: string;
  readonly materialize: Materialize;
  readonly launcherPath: string;
  /** The worker's own PATH, which follows the environment's. */
  readonly path: string;
}

interface Slot {
  readonly root: string;
  readonly workspace: string;
  launcher: RunningLauncher | undefined;
}

interface RunningLauncher {
  readonly process: Launcher;
  readonly settings: string;
}

interface Pool {
  readonly options: ProcessExecutorOptions;
  readonly sandboxed: boolean;
  readonly free: Slot[];
  readonly waiting: ((slot: Slot) => void)[];
  readonly systemReadOnly: readonly string[];
  /** Processes that may still be started; staging goes on meanwhile in the spare workspaces. */
  permits: number;
  readonly asking: (() => void)[];
  /** Without a sandbox a launcher belongs to no slot: as many as may run at once are enough. */
  readonly idle: RunningLauncher[];
}

/** Workspaces beyond the slots: the next steps are staged while others run. */
const SPARE = 2;

function permit(pool: Pool): Promise<void> {
  if (pool.permits > 0) {
    pool.permits--;
    return Promise.resolve();
  }
  return new Promise((resolve) => pool.asking.push(resolve));
}

function returnPermit(pool: Pool): void {
  const next = pool.asking.shift();
  if (next === undefined) pool.permits++;
  else next();
}

/** Steps as processes of this machine: in bubblewrap where it is there, else each in a directory of its own. */
export function processExecutor(
  options: ProcessExecutorOptions,
): Executor | { readonly kind: "refused"; readonly why: string } {
  const bubblewrap =
    options.sandbox === "off" ? { works: false, why: "`sandbox: off` in sluice.yaml" } : tryBubblewrap();
  if (options.sandbox === "require" && !bubblewrap.works)
    return { kind: "refused", why: `\`sandbox: require\`, but ${bubblewrap.why}` };
  const pool: Pool = {
    options,
    sandboxed: bubblewrap.works,
    free: Array.from({ length: options.slots + SPARE }, (_, at) => makeSlot(options.directory, at)),
    waiting: [],
    permits: options.slots,
    asking: [],
    idle: [],
    systemReadOnly: bubblewrap.works ? readOnlyFor(options.path) : [],
  };
  const all = [...pool.free];
  // Starting takes as long as ten steps: it begins while the first of them is prepared.
  if (!pool.sandboxed)
    pool.idle.push({ process: launch(pool, launcherCommand(options.launcherPath)), settings: PLAIN });
  return {
    isolation: bubblewrap.works ? "sandbox" : "workspace",
    why: bubblewrap.works
      ? "steps run in a closed bubblewrap sandbox"
      : `steps run in a directory of their own and can read other files of this machine: ${bubblewrap.why}`,
    ahead: options.slots + SPARE,
    start: (order, signal) => start(pool, order, signal),
    async [Symbol.asyncDispose]() {
      const launchers = [...all.flatMap((slot) => slot.launcher ?? []), ...pool.idle];
      await Promise.all(launchers.map((one) => one.process.close()));
      for (const slot of all) rmSync(slot.root, { recursive: true, force: true });
    },
  };
}

function makeSlot(directory: string, at: number): Slot {
  const root = join(directory, `slot-${process.pid}-${at}`);
  for (const part of ["workspace", "home", "tmp", "logs"]) mkdirSync(join(root, part), { recursive: true });
  return { root, workspace: join(root, "workspace"), launcher: undefined };
}

function take(pool: Pool): Promise<Slot> {
  // The one used last: its launcher is running, its pages are warm.
  const slot = pool.free.pop();
  return slot === undefined ? new Promise((resolve) => pool.waiting.push(resolve)) : Promise.resolve(slot);
}

function giveBack(pool: Pool, slot: Slot): void {
  const waiter = pool.waiting.shift();
  if (waiter === undefined) pool.free.push(slot);
  else waiter(slot);
}

async function start(pool: Pool, order: AttemptOrder, signal: AbortSignal): Promise<Attempt> {
  const slot = await take(pool);
  const log = join(slot.root, "logs", "step.log");
  writeFileSync(log, "");
  clearWorkspace(slot.workspace, order);
  const prepared = prepare(pool, order);
  const staged = "kind" in prepared ? undefined : await stageFor(pool, slot, { order, prepared });
  await permit(pool);
  const ended = run(pool, slot, { order, prepared, staged, log, signal }).finally(() => returnPermit(pool));
  let disposed = false;
  return {
    workspace: slot.workspace,
    log,
    ended,
    async undeclared() {
      return staged === undefined || "missing" in staged ? [] : undeclaredWrites(slot.workspace, order, staged);
    },
    async dispose() {
      if (disposed) return;
      disposed = true;
      await ended;
      giveBack(pool, slot);
    },
  };
}

interface Prepared {
  readonly environment: PreparedEnvironment;
  readonly path: string;
}

function prepare(pool: Pool, order: AttemptOrder): Prepared | Failure {
  const environment = prepareEnvironment(order.environment, pool.options.project);
  if ("kind" in environment) return environment;
  const path = [...environment.path, pool.options.path].join(":");
  const wrong = checkProgram(order.argv[0] ?? "", path) ?? checkTools(order.tools, path);
  return wrong ?? { environment, path };
}

async function stageFor(
  pool: Pool,
  slot: Slot,
  { order, prepared }: { readonly order: AttemptOrder; readonly prepared: Prepared },
): ReturnType<typeof stage> {
  const staged = await stage(slot.workspace, order, {
    materialize: pool.options.materialize,
    sandboxed: pool.sandboxed,
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

async function run(pool: Pool, slot: Slot, running: Running): Promise<AttemptEnd> {
  const { order, prepared, staged, log } = running;
  if ("kind" in prepared) return endedBefore(prepared);
  if (staged === undefined) throw new Error("running a step: nothing was staged");
  if ("missing" in staged) {
    return endedBefore(
      staged.diskFull
        ? { kind: "disk-full", path: staged.missing }
        : { kind: "lost", why: `the bytes of \`${staged.missing}\` are not there any more` },
    );
  }
  if (!pool.sandboxed) slot.launcher ??= pool.idle.pop();
  const launcher = launcherFor(pool, slot, { order, prepared });
  const inside = pool.sandboxed;
  const end = await launcher.run(
    {
      id: order.id,
      argv: order.argv,
      env: Object.entries(
        environmentOf(
          order,
          prepared,
          inside
            ? { home: HOME, temporary: "/tmp" }
            : { home: join(slot.root, "home"), temporary: join(slot.root, "tmp") },
        ),
      ).map(([name, value]) => `${name}=${value}`),
      cwd: inside ? WORKSPACE : slot.workspace,
      log: inside ? "/sluice/logs/step.log" : log,
      timeoutMs: order.timeoutMs,
      clean: inside ? [HOME, "/tmp"] : [join(slot.root, "home"), join(slot.root, "tmp")],
    },
    running.signal,
  );
  if (Object.keys(order.secrets).length > 0 || end.kind === "lost") await discard(slot);
  if (!pool.sandboxed && slot.launcher !== undefined) {
    pool.idle.push(slot.launcher);
    slot.launcher = undefined;
  }
  redactLog(log, order.secrets);
  return endOf(order, end);
}

/** Set for every step (SEMANTICS §2), so that a result never depends on the machine's habits. */
function environmentOf(
  order: AttemptOrder,
  prepared: Prepared,
  places: { readonly home: string; readonly temporary: string },
): Readonly<Record<string, string>> {
  return {
    LC_ALL: "C.UTF-8",
    TZ: "UTC",
    SOURCE_DATE_EPOCH: "315532800",
    PYTHONHASHSEED: "0",
    PYTHONDONTWRITEBYTECODE: "1",
    PYTHONUNBUFFERED: "1",
    ...prepared.environment.env,
    ...order.env,
    ...order.secrets,
    PATH: prepared.path,
    HOME: places.home,
    TMPDIR: places.temporary,
  };
}

/** The slot's launcher if it was started with the same settings; a step with secrets always gets a fresh one. */
function launcherFor(
  pool: Pool,
  slot: Slot,
  { order, prepared }: { readonly order: AttemptOrder; readonly prepared: Prepared },
): Launcher {
  const settings: SandboxSettings = {
    network: order.network,
    readOnly: pool.sandboxed
      ? [
          ...new Set([
            ...pool.systemReadOnly,
            ...prepared.environment.readOnly,
            ...readOnlyFor(prepared.environment.path.join(":")),
          ]),
        ]
      : [],
    inPlace: order.inputs.flatMap((input) =>
      input.kind === "in-place" ? [{ source: input.source, path: input.path }] : [],
    ),
  };
  const name = pool.sandboxed ? JSON.stringify(settings) : PLAIN;
  const fresh =
    pool.sandboxed &&
    (Object.keys(order.secrets).length > 0 || pool.options.sandbox === "require" || settings.inPlace.length > 0);
  if (slot.launcher !== undefined && slot.launcher.process.alive && slot.launcher.settings === name && !fresh)
    return slot.launcher.process;
  void slot.launcher?.process.close();
  const process = launch(pool, commandOf(pool, slot, settings));
  slot.launcher = { process, settings: name };
  return process;
}

/** Settings of every launcher outside a sandbox. */
const PLAIN = "plain";

function launch(pool: Pool, command: readonly string[]): Launcher {
  return startLauncher(command, { NODE_COMPILE_CACHE: "", PATH: pool.options.path });
}

function launcherCommand(launcherPath: string): readonly string[] {
  return [process.execPath, "--disable-warning=ExperimentalWarning", launcherPath];
}

function commandOf(pool: Pool, slot: Slot, settings: SandboxSettings): readonly string[] {
  const { launcherPath } = pool.options;
  const node = launcherCommand(launcherPath);
  if (!pool.sandboxed) return node;
  const koffi = koffiDirectories(launcherPath);
  const own = [process.execPath, launcherPath, ...koffi];
  return [
    "bwrap",
    ...sandboxArguments(slot.workspace, join(slot.root, "logs"), {
      ...settings,
      readOnly: [...settings.readOnly, ...own],
    }),
    ...node,
  ];
}

/** The FFI library's packages, which the launcher inside a sandbox loads; nothing else of ours is shown there. */
function koffiDirectories(launcherPath: string): readonly string[] {
  for (let at = dirname(launcherPath); dirname(at) !== at; at = dirname(at)) {
    const found = [join(at, "node_modules", "koffi"), join(at, "node_modules", "@koromix")].filter((path) =>
      existsSync(path),
    );
    if (found.length > 0)
      return [...found, ...["package.json"].map((name) => join(at, name)).filter((path) => existsSync(path))];
  }
  return [];
}

async function discard(slot: Slot): Promise<void> {
  const { launcher } = slot;
  slot.launcher = undefined;
  await launcher?.process.close();
}

function redactLog(log: string, secrets: Readonly<Record<string, string>>): void {
  const values = Object.values(secrets);
  if (values.length === 0 || statSync(log).size === 0) return;
  const clean = redact(readFileSync(log, "utf8"), values);
  truncateSync(log);
  appendFileSync(log, clean);
}
