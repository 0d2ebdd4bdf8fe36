import { constants } from "node:os";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import type { Failure } from "../run/run-record.ts";
import { endedBefore, endedBySystem } from "./attempt-end.ts";
import { ask, doomed, engineHere, follow, type Engine, type Said } from "./container-engine.ts";
import { containerName, removeOrphans } from "./container-orphans.ts";
import type { Attempt, AttemptEnd, AttemptOrder, Executor } from "./executor.ts";
import { unlessDiskFull } from "./full-disk.ts";
import { LONGEST_TIMER_MS } from "./longest-timer.ts";
import { redactLog } from "./redact-log.ts";
import { removeTree } from "./remove-tree.ts";
import { shownIn } from "./shown.ts";
import { environmentOf } from "./step-environment.ts";
import { keepFresh, makeWorkPlace } from "./work-place.ts";
import { stage, undeclaredWrites, type Materialize } from "./workspace.ts";

export interface ContainerExecutorOptions {
  readonly engine: Engine;
  /** Workspaces live here, on the store's file system. */
  readonly directory: string;
  readonly slots: number;
  readonly materialize: Materialize;
  /** False: only images that are here already. */
  readonly pull?: boolean;
}

interface Place {
  readonly options: ContainerExecutorOptions;
  readonly root: string;
  readonly workspace: string;
  readonly log: string;
  readonly name: string;
}

const WORKSPACE = "/sluice/workspace";
const HOME = "/sluice/home";
/** Between asking a step to end and ending it. */
const GRACE_S = 2;
const NOT_STARTED = new Set([125, 126, 127]);

/**
 * Steps in containers of podman or docker: an image by digest, nothing of the machine but the workspace, no network unless
 * declared, no capabilities, a read-only root. The container goes with this process, however it ends; where nothing of it was
 * left to see to that, the next one does.
 */
export function containerExecutor(options: ContainerExecutorOptions): Executor {
  const { engine, slots, directory } = options;
  const asking: (() => void)[] = [];
  const running = new Map<Promise<unknown>, string>();
  const fresh = keepFresh(() => [...running.values()]);
  const swept = removeOrphans(engine, directory, Date.now());
  let free = slots;

  async function permit(): Promise<() => void> {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => asking.push(resolve));
    return () => {
      const next = asking.shift();
      if (next === undefined) free++;
      else next();
    };
  }

  return {
    isolation: "container",
    why: `steps run in containers of ${engine.program}`,
    ahead: slots,
    async start(order, signal) {
      const leave = await permit();
      try {
        const place = makePlace(options, directory);
        const attempt = begin(place, order, signal);
        const over = (): void => {
          running.delete(attempt.ended);
          leave();
        };
        running.set(attempt.ended, place.root);
        void attempt.ended.then(over, over);
        return attempt;
      } catch (error) {
        leave();
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([...running.keys(), swept]);
      fresh[Symbol.dispose]();
    },
  };
}

/** The same over the engine that answers here; undefined where none does. */
export async function containerExecutorHere(
  options: Omit<ContainerExecutorOptions, "engine">,
): Promise<Executor | undefined> {
  const engine = await engineHere();
  return engine === undefined ? undefined : containerExecutor({ ...options, engine });
}

function makePlace(options: ContainerExecutorOptions, directory: string): Place {
  const root = makeWorkPlace(directory, "container");
  const workspace = join(root, "workspace");
  const log = join(root, "step.log");
  try {
    mkdirSync(workspace);
    writeFileSync(log, "");
  } catch (error) {
    removeTree(root);
    throw error;
  }
  return { options, root, workspace, log, name: containerName(basename(root)) };
}

function begin(place: Place, order: AttemptOrder, signal: AbortSignal): Attempt {
  const staging = stage(place.workspace, order, {
    materialize: place.options.materialize,
    sandboxed: true,
    left: new Set(),
  });
  const ended = (async (): Promise<AttemptEnd> => {
    const staged = await staging;
    if ("missing" in staged) {
      const why = `the bytes of \`${staged.missing}\` are not there any more`;
      return endedBefore(staged.diskFull ? { kind: "disk-full", path: staged.missing } : { kind: "lost", why });
    }
    return run(place, order, signal);
  })().catch((error: unknown) => endedBySystem(error, "it could not be run here"));
  return {
    workspace: place.workspace,
    log: place.log,
    isolation: "container",
    ended,
    async undeclared() {
      const staged = await staging;
      return "missing" in staged ? [] : undeclaredWrites(place.workspace, order, staged).undeclared;
    },
    async dispose() {
      await ended.catch(() => undefined);
      removeTree(place.root);
    },
  };
}

async function run(place: Place, order: AttemptOrder, signal: AbortSignal): Promise<AttemptEnd> {
  const { engine } = place.options;
  if (order.environment.kind !== "image") return endedBefore(NO_IMAGE);
  const created = await create(place, order, order.environment.image);
  if (created.code !== 0) return endedBefore(notCreated(engine, order.environment.image, created.stderr));
  const container = doomed(engine, place.name);
  const began = performance.now();
  const stopped = { timeout: false, cancelled: false };
  let over = false;
  const stop = async (why: "timeout" | "cancelled"): Promise<void> => {
    if (stopped.timeout || stopped.cancelled) return;
    stopped[why] = true;
    // One that is only just starting hears nothing yet.
    while (!over) await ask(engine, ["stop", "--time", String(GRACE_S), place.name]);
  };
  const cancel = (): void => void stop("cancelled");
  const late = (): void => void stop("timeout");
  const timer = order.timeoutMs === null ? undefined : setTimeout(late, Math.min(order.timeoutMs, LONGEST_TIMER_MS));
  if (signal.aborted) cancel();
  else signal.addEventListener("abort", cancel, { once: true });
  try {
    const code = await follow(engine, place.name, place.log);
    const wallMs = Math.round(performance.now() - began);
    const failure = stopped.timeout
      ? ({ kind: "timeout", limitMs: order.timeoutMs ?? 0 } as const)
      : await failureOf(place, order, code);
    const profile = { wallMs, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" } as const;
    return unlessDiskFull({ kind: "ended", failure, cancelled: stopped.cancelled, profile }, place);
  } finally {
    over = true;
    clearTimeout(timer);
    signal.removeEventListener("abort", cancel);
    await container.remove();
    order.ending?.();
    redactLog(place.log, order.secrets);
  }
}

const NO_IMAGE: Failure = {
  kind: "refused",
  why: "a container step needs an image",
  next: "write `environment: { image: …@sha256:… }`",
};

function create(place: Place, order: AttemptOrder, image: string): Promise<Said> {
  const { engine } = place.options;
  const variables = variablesOf(place, order);
  const [program = "", ...rest] = order.argv;
  // Rootless podman makes root inside the person outside; docker's root is root.
  const user = engine.program === "podman" ? "0:0" : `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const memory =
    order.memoryBytes === null ? [] : ["--memory", `${order.memoryBytes}b`, "--memory-swap", `${order.memoryBytes}b`];
  const shown = shownIn(order).flatMap(({ source, path, writable }) => [
    "--volume",
    `${source}:${WORKSPACE}/${path}${writable ? "" : ":ro"}`,
  ]);
  const parts: readonly (readonly string[])[] = [
    place.options.pull === false ? ["--pull", "never"] : [],
    ["--name", place.name, "--label", `sluice.worker=${process.pid}`, "--init", "--user", user],
    ["--read-only", "--tmpfs", "/tmp", "--tmpfs", HOME, "--cap-drop", "all"],
    ["--security-opt", "no-new-privileges", "--pids-limit", "4096"],
    memory,
    order.network ? [] : ["--network", "none"],
    ["--volume", `${place.workspace}:${WORKSPACE}`],
    shown,
    ["--workdir", WORKSPACE],
    variables.arguments,
    ["--entrypoint", program, image],
    rest,
  ];
  return ask(engine, ["create", ...parts.flat()], variables.secrets);
}

interface Variables {
  readonly arguments: readonly string[];
  /** For the environment of the engine, which takes from there what is only named to it. */
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * By file, so that no list of processes shows them; of what a file cannot hold only secrets are in the engine's environment:
 * with words of a pipeline in it a step could tell the engine what to do.
 */
function variablesOf(place: Place, order: AttemptOrder): Variables {
  const { PATH: _, ...env } = environmentOf(
    order,
    { environment: { path: [], env: {}, readOnly: [], nodeModules: null }, path: "" },
    { home: HOME, temporary: "/tmp" },
  );
  const plain = Object.entries(env).filter(([, value]) => /^[\x21-\x7e]*$/.test(value));
  const other = Object.entries(env).filter(([, value]) => !/^[\x21-\x7e]*$/.test(value));
  const file = join(place.root, "env");
  writeFileSync(file, plain.map(([name, value]) => `${name}=${value}\n`).join(""), { mode: 0o600 });
  const isSecret = (name: string): boolean => order.secrets[name] !== undefined;
  const named = other.flatMap(([name, value]) => ["--env", isSecret(name) ? name : `${name}=${value}`]);
  return {
    arguments: ["--env-file", file, ...named],
    secrets: Object.fromEntries(other.filter(([name]) => isSecret(name))),
  };
}

function notCreated({ program }: Engine, image: string, said: string): Failure {
  const line = said.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
  return { kind: "refused", why: `${program} makes no container: ${line}`, next: `${program} pull ${image}` };
}

async function failureOf(place: Place, order: AttemptOrder, code: number | null): Promise<Failure | null> {
  if (code === 0) return null;
  if (code === null) return { kind: "lost", why: `${place.options.engine.program} was ended` };
  const { engine } = place.options;
  const [program = ""] = order.argv;
  if (neverBegan(place.log, code))
    return {
      kind: "refused",
      why: `there is no program \`${program}\` in the image`,
      next: "correct `run:`, or take an image that has it",
    };
  // Said by the engine or not at all: an exit code of 137 has many causes.
  const inspected = await ask(engine, ["inspect", "--format", "{{.State.OOMKilled}}", place.name]);
  if (inspected.stdout.trim() === "true") return { kind: "oom", limitBytes: order.memoryBytes, peakBytes: null };
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return signal === undefined ? { kind: "exit", code } : { kind: "signal", signal };
}

/** The init of podman or docker, or the engine itself, says that it could not start the program. */
function neverBegan(log: string, code: number): boolean {
  if (statSync(log).size > 2_000) return false;
  const text = readFileSync(log, "utf8");
  return (
    /^ERROR \(catatonit:\d+\): failed to exec/m.test(text) ||
    /^\[FATAL tini \(\d+\)\] exec/m.test(text) ||
    (NOT_STARTED.has(code) && /^Error: .*(executable file not found|no such file)/im.test(text))
  );
}
