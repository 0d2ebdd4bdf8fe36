import { spawn, type ChildProcess } from "node:child_process";

/** What the launcher is asked to run. */
export interface LaunchOrder {
  readonly id: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly log: string;
  readonly timeoutMs: number | null;
  readonly clean: readonly string[];
  readonly once?: boolean;
  readonly pass?: readonly string[];
}

export type LaunchEnd =
  | {
      readonly kind: "ended";
      readonly exit: { readonly code: number } | { readonly signal: string } | { readonly spawn: string };
      readonly timeout: boolean;
      readonly cancelled: boolean;
      readonly wallMs: number;
      readonly user: number | null;
      readonly system: number | null;
      readonly peak: number | null;
      readonly method: "wait4" | "none";
    }
  /** The launcher itself died. */
  | { readonly kind: "lost"; readonly why: string };

/** One launcher process, one step at a time. */
export interface Launcher {
  readonly alive: boolean;
  /** Why it is alive no longer. */
  readonly gone: string | undefined;
  /** Ends when the launcher waits for orders, or is gone. */
  readonly ready: Promise<void>;
  run(order: LaunchOrder, signal: AbortSignal): Promise<LaunchEnd>;
  close(): Promise<void>;
}

interface Wire {
  readonly child: ChildProcess;
  method: "wait4" | "none";
  gone: string | undefined;
  errors: string;
  waiting: ((end: LaunchEnd) => void) | undefined;
  ready: () => void;
}

/** Starts a launcher by a command line, which may lead through a sandbox. */
export function startLauncher(command: readonly string[], env: NodeJS.ProcessEnv): Launcher {
  const [program, ...args] = command;
  const child = spawn(program ?? "", args, { stdio: ["pipe", "pipe", "pipe"], env, detached: true });
  let settle = (): void => undefined;
  const ready = new Promise<void>((resolve) => (settle = resolve));
  const wire: Wire = { child, method: "none", gone: undefined, errors: "", waiting: undefined, ready: settle };
  const closed = new Promise<void>((resolve) => {
    const gone = (why: string): void => {
      wire.gone ??= wire.errors.trim() === "" ? why : `${why}: ${firstError(wire.errors)}`;
      const { waiting } = wire;
      wire.waiting = undefined;
      waiting?.({ kind: "lost", why: wire.gone });
      wire.ready();
      resolve();
    };
    child.on("error", (error) => gone(error.message));
    child.on("close", (code, signal) => gone(`the launcher ended (${signal ?? `exit code ${code ?? 0}`})`));
  });
  child.stdin?.on("error", () => undefined);
  child.stderr?.on("data", (chunk: Buffer) => (wire.errors = `${wire.errors}${chunk.toString("utf8")}`.slice(-2_000)));
  listen(wire);
  return {
    get alive() {
      return wire.gone === undefined;
    },
    get gone() {
      return wire.gone;
    },
    ready,
    run: (order, signal) => run(wire, order, signal),
    async close() {
      child.stdin?.end();
      await closed;
    },
  };
}

function listen(wire: Wire): void {
  let buffer = "";
  wire.child.stdout?.setEncoding("utf8");
  wire.child.stdout?.on("data", (chunk: string) => {
    buffer += chunk;
    for (let newline = buffer.indexOf("\n"); newline >= 0; newline = buffer.indexOf("\n")) {
      receive(wire, buffer.slice(0, newline));
      buffer = buffer.slice(newline + 1);
    }
  });
}

interface Message {
  readonly ready?: "wait4" | "none";
  readonly code?: number;
  readonly signal?: string;
  readonly spawn?: string;
  readonly timeout: boolean;
  readonly cancelled: boolean;
  readonly wallMs: number;
  readonly user: number | null;
  readonly system: number | null;
  readonly peak: number | null;
}

function receive(wire: Wire, line: string): void {
  const message = JSON.parse(line) as Message;
  if (message.ready !== undefined) {
    wire.method = message.ready;
    wire.ready();
    return;
  }
  const { waiting } = wire;
  wire.waiting = undefined;
  waiting?.(endFrom(message, wire.method));
}

/** What a launcher said while it had one order, to its end; undefined where it has not ended. */
export function endIn(said: string): LaunchEnd | undefined {
  const messages = said
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Message);
  const end = messages.find((message) => message.ready === undefined);
  return end && endFrom(end, messages[0]?.ready ?? "none");
}

function endFrom(message: Message, method: "wait4" | "none"): LaunchEnd {
  const exit =
    message.code !== undefined
      ? { code: message.code }
      : message.signal !== undefined
        ? { signal: message.signal }
        : { spawn: message.spawn ?? "" };
  const { timeout, cancelled, wallMs, user, system, peak } = message;
  return { kind: "ended", exit, timeout, cancelled, wallMs, user, system, peak, method };
}

function run(wire: Wire, order: LaunchOrder, signal: AbortSignal): Promise<LaunchEnd> {
  if (wire.gone !== undefined) return Promise.resolve({ kind: "lost", why: "the launcher is gone" });
  return new Promise((resolve) => {
    const cancel = (): void => void wire.child.stdin?.write(`${JSON.stringify({ cancel: order.id })}\n`);
    wire.waiting = (end) => {
      signal.removeEventListener("abort", cancel);
      resolve(end);
    };
    wire.child.stdin?.write(`${JSON.stringify(order)}\n`);
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
  });
}

/** The line of a crash that says what happened, without the frames below it. */
function firstError(text: string): string {
  return /^\w*(?:Error|bwrap).*$/m.exec(text)?.[0] ?? text.trim().slice(0, 300);
}
