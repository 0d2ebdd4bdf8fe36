/**
 * The small process that spawns, measures and kills steps; one step at a time. It imports nothing of ours, holds no
 * data, and dies with everything below it when its parent does. Protocol: one JSON document a line, orders in, ends out.
 *
 * in   {"id","argv","env":["K=V"…],"cwd","log","timeoutMs","clean":[dirs],"once","pass":[names]} · {"cancel":id}
 * out  {"ready":method} · {"id","code"|"signal"|"spawn", "timeout","cancelled","wallMs","user","system","peak"}
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";

import type * as Koffi from "koffi";

interface Order {
  readonly id: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly log: string;
  readonly timeoutMs: number | null;
  /** Directories that are emptied before the step starts: its HOME and TMPDIR. */
  readonly clean: readonly string[];
  /** The only order: it goes on when the orders end, is cancelled by SIGTERM, and this process ends with it. */
  readonly once?: boolean;
  /** Variables of this process that the step gets too, where they are set. */
  readonly pass?: readonly string[];
}

interface Usage {
  readonly user: number | null;
  readonly system: number | null;
  readonly peak: number | null;
}

type Exit = { readonly code: number } | { readonly signal: string } | { readonly spawn: string };

interface Spawner {
  readonly method: "wait4" | "none";
  start(order: Order, ended: (exit: Exit, usage: Usage) => void): number;
}

/** Between asking a process tree to stop and ending it. */
const GRACE_MS = 2_000;
const NOT_MEASURED: Usage = { user: null, system: null, peak: null };

let current:
  | {
      readonly order: Order;
      readonly pid: number;
      readonly startedAt: number;
      timeout: boolean;
      cancelled: boolean;
      timers: NodeJS.Timeout[];
    }
  | undefined;

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function begin(spawner: Spawner, ordered: Order): void {
  const order = withPassed(ordered);
  for (const directory of order.clean) empty(directory);
  const startedAt = performance.now();
  let early: { readonly exit: Exit; readonly usage: Usage } | undefined;
  const pid = spawner.start(order, (exit, usage) => {
    if (current === undefined) early = { exit, usage };
    else end(exit, usage);
  });
  current = { order, pid, startedAt, timeout: false, cancelled: false, timers: [] };
  if (early !== undefined) {
    end(early.exit, early.usage);
    return;
  }
  // Nothing else keeps this process when its orders have ended.
  if (order.once === true) current.timers.push(setInterval(() => undefined, 2 ** 30));
  if (order.timeoutMs !== null) {
    // setTimeout holds 31 bits of milliseconds: 24 days are as good as no limit.
    const timer = setTimeout(() => stop("timeout"), Math.min(order.timeoutMs, 2 ** 31 - 1));
    current.timers.push(timer);
  }
}

function withPassed(order: Order): Order {
  const passed = (order.pass ?? []).flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [`${name}=${value}`];
  });
  return passed.length === 0 ? order : { ...order, env: [...order.env, ...passed] };
}

function empty(directory: string): void {
  for (const name of readdirSync(directory)) {
    try {
      rmSync(`${directory}/${name}`, { recursive: true, force: true });
    } catch {
      // A mount point of the sandbox: it holds nothing of a step's.
    }
  }
}

function stop(why: "timeout" | "cancelled"): void {
  const running = current;
  if (running === undefined) return;
  running[why] = true;
  signalTree(running.pid, "SIGTERM");
  running.timers.push(setTimeout(() => signalTree(running.pid, "SIGKILL"), GRACE_MS));
}

function end(exit: Exit, usage: Usage): void {
  const ended = current;
  if (ended === undefined) return;
  current = undefined;
  for (const timer of ended.timers) clearTimeout(timer);
  const wallMs = performance.now() - ended.startedAt;
  killLeftovers();
  say({ id: ended.order.id, ...exit, timeout: ended.timeout, cancelled: ended.cancelled, wallMs, ...usage });
  if (ended.order.once === true) process.exit(0);
}

function signalTree(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
  if (signal === "SIGKILL") killLeftovers();
}

/** Ends what a step left behind: as subreaper this process is the parent of every orphan below it. */
function killLeftovers(): void {
  for (let round = 0; round < 100; round++) {
    const pids = descendants(process.pid);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    }
    reap?.();
  }
}
let reap: (() => void) | undefined;

function descendants(pid: number): readonly number[] {
  let children: string;
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  } catch {
    return [];
  }
  const direct = children
    .split(" ")
    .filter((text) => text !== "")
    .map(Number);
  return direct.flatMap((child) => [...descendants(child), child]);
}

/** posix_spawn and wait4 by FFI: no page tables are copied, and the figures are the kernel's own. Linux with glibc. */
function koffiSpawner(): Spawner {
  const koffi = createRequire(import.meta.url)("koffi") as typeof Koffi;
  const libc = koffi.load("libc.so.6");
  const actionsInit = libc.func("int posix_spawn_file_actions_init(void *actions)");
  const actionsDestroy = libc.func("int posix_spawn_file_actions_destroy(void *actions)");
  const addOpen = libc.func(
    "int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint mode)",
  );
  const addDup = libc.func("int posix_spawn_file_actions_adddup2(void *actions, int from, int to)");
  const addChdir = libc.func("int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)");
  const attributesInit = libc.func("int posix_spawnattr_init(void *attributes)");
  const setFlags = libc.func("int posix_spawnattr_setflags(void *attributes, short flags)");
  const setDefaults = libc.func("int posix_spawnattr_setsigdefault(void *attributes, void *set)");
  const setMask = libc.func("int posix_spawnattr_setsigmask(void *attributes, void *set)");
  const fillSet = libc.func("int sigfillset(void *set)");
  const emptySet = libc.func("int sigemptyset(void *set)");
  const spawnp = libc.func(
    "int posix_spawnp(void *pid, const char *file, void *actions, void *attributes, const char **argv, const char **env)",
  );
  const wait4 = libc.func("int wait4(int pid, void *status, int options, void *usage)");
  const prctl = libc.func("int prctl(int option, ulong a, ulong b, ulong c, ulong d)");
  const PR_SET_CHILD_SUBREAPER = 36;
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

  const attributes = Buffer.alloc(512);
  attributesInit(attributes);
  const all = Buffer.alloc(128);
  const none = Buffer.alloc(128);
  fillSet(all);
  emptySet(none);
  setDefaults(attributes, all);
  setMask(attributes, none);
  const [SETSIGDEF, SETSIGMASK, SETSID] = [0x04, 0x08, 0x80];
  setFlags(attributes, SETSIGDEF | SETSIGMASK | SETSID);

  const waiting = new Map<number, (exit: Exit, usage: Usage) => void>();
  const status = Buffer.alloc(8);
  const usage = Buffer.alloc(256);
  const WNOHANG = 1;
  const collect = (): void => {
    for (;;) {
      const pid = wait4(-1, status, WNOHANG, usage) as number;
      if (pid <= 0) return;
      const done = waiting.get(pid);
      waiting.delete(pid);
      done?.(exitOf(status.readInt32LE(0)), usageOf(usage));
    }
  };
  process.on("SIGCHLD", collect);
  reap = collect;

  return {
    method: "wait4",
    start(order, ended) {
      const actions = Buffer.alloc(256);
      actionsInit(actions);
      addOpen(actions, 0, "/dev/null", 0, 0);
      addOpen(actions, 1, order.log, O_WRITE_APPEND, 0o600);
      addDup(actions, 1, 2);
      addChdir(actions, order.cwd);
      const pid = Buffer.alloc(8);
      const file = find(order.argv[0] ?? "", order.env);
      const error = spawnp(pid, file, actions, attributes, [...order.argv, null], [...order.env, null]) as number;
      actionsDestroy(actions);
      if (error !== 0) {
        ended({ spawn: reason(error, order) }, NOT_MEASURED);
        return 0;
      }
      const id = pid.readInt32LE(0);
      waiting.set(id, ended);
      return id;
    },
  };
}

/** O_WRONLY | O_CREAT | O_APPEND of Linux. */
const O_WRITE_APPEND = 0o1 | 0o100 | 0o2000;

/** posix_spawnp looks in this process's PATH; a step has its own. Where a program stood last it is looked for first. */
function find(program: string, env: readonly string[]): string {
  if (program.includes("/")) return program;
  const path = env.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? "";
  const question = `${program}\0${path}`;
  const known = found.get(question);
  if (known !== undefined && existsSync(known)) return known;
  for (const directory of path.split(":")) {
    const at = `${directory}/${program}`;
    if (statSync(at, { throwIfNoEntry: false })?.isFile() !== true) continue;
    found.set(question, at);
    return at;
  }
  return `/nonexistent/${program}`;
}
const found = new Map<string, string>();

function reason(error: number, order: Order): string {
  const name = order.argv[0] ?? "";
  if (error === constants.errno.ENOENT) return `there is no program \`${name}\``;
  if (error === constants.errno.EACCES) return `\`${name}\` is not executable`;
  if (error === constants.errno.E2BIG) return "its arguments and environment are too long for the system";
  return `the system refused to start \`${name}\` (errno ${error})`;
}

function exitOf(status: number): Exit {
  const signal = status & 0x7f;
  if (signal === 0) return { code: (status >> 8) & 0xff };
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
  return { signal: name ?? `signal ${signal}` };
}

/** struct rusage: user and system time, then the largest resident set in KiB. */
function usageOf(usage: Buffer): Usage {
  const milliseconds = (at: number): number =>
    Number(usage.readBigInt64LE(at)) * 1_000 + Number(usage.readBigInt64LE(at + 8)) / 1_000;
  const peak = Number(usage.readBigInt64LE(32)) * 1_024;
  // exec keeps the high-water mark of the process that spawned: what lies below ours says nothing about the step.
  const floor = process.resourceUsage().maxRSS * 1_024;
  return { user: milliseconds(0), system: milliseconds(16), peak: peak > floor ? peak : null };
}

/** Where FFI does not load: Node's own spawn, without figures. */
function plainSpawner(): Spawner {
  return {
    method: "none",
    start(order, ended) {
      const log = openSync(order.log, "a", 0o600);
      const env = Object.fromEntries(
        order.env.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
      );
      const child = spawn(find(order.argv[0] ?? "", order.env), order.argv.slice(1), {
        argv0: order.argv[0] ?? "",
        cwd: order.cwd,
        env,
        detached: true,
        stdio: ["ignore", log, log],
      });
      closeSync(log);
      child.on("error", (error: NodeJS.ErrnoException) =>
        ended(
          { spawn: error.code === "ENOENT" ? `there is no program \`${order.argv[0] ?? ""}\`` : error.message },
          NOT_MEASURED,
        ),
      );
      child.on("exit", (code, signal) => ended(signal === null ? { code: code ?? 1 } : { signal }, NOT_MEASURED));
      return child.pid ?? 0;
    },
  };
}

function chooseSpawner(): Spawner {
  if (process.platform !== "linux") return plainSpawner();
  try {
    return koffiSpawner();
  } catch {
    return plainSpawner();
  }
}

function main(): void {
  const spawner = chooseSpawner();
  for (const directory of process.argv.slice(2)) mkdirSync(directory, { recursive: true });
  let buffer = "";
  process.stdin.setEncoding("utf8");
  process.stdin.on("data", (chunk: string) => {
    buffer += chunk;
    for (let newline = buffer.indexOf("\n"); newline >= 0; newline = buffer.indexOf("\n")) {
      const message = JSON.parse(buffer.slice(0, newline)) as Order | { readonly cancel: string };
      buffer = buffer.slice(newline + 1);
      if ("cancel" in message) {
        if (current?.order.id === message.cancel) stop("cancelled");
      } else begin(spawner, message);
    }
  });
  const leave = (): void => {
    if (current !== undefined) signalTree(current.pid, "SIGKILL");
    killLeftovers();
    process.exit(0);
  };
  process.stdin.on("end", () => {
    if (current?.order.once !== true) leave();
  });
  // A terminal's Ctrl-C reaches the whole group; the parent decides what it means.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => {
    if (current?.order.once === true) stop("cancelled");
    else leave();
  });
  say({ ready: spawner.method });
}

main();
