import { execFile } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, realpathSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { digestOf, digestOfJson, hexOf, type Digest } from "../identity/identity.ts";
import type { Failure } from "../run/run-record.ts";
import { build, type Built } from "./build.ts";
import { ownEnvironments, type Environments, type FoundEnvironment } from "./environment.ts";
import type { AttemptOrder } from "./executor.ts";
import { compareInstalled } from "./installed.ts";
import { keptModules, type KeptModules } from "./kept-modules.ts";
import { recipeOf } from "./recipes.ts";
import { processSpace } from "./process-space.ts";
import type { Recipe, Variable } from "./recipe.ts";
import { removeTree } from "./remove-tree.ts";
import { keepSwept } from "./sweep-environments.ts";
import { touch } from "./work-place.ts";

export interface BuiltEnvironmentsOptions {
  /** Where they are kept; workers may share it. */
  readonly directory: string;
  readonly path: string;
  /** Bytes of a lock. */
  readonly read: (lock: Digest) => Promise<Uint8Array | undefined>;
  readonly variable: Variable;
  /** Whether builds run in a sandbox. */
  readonly sandboxed: boolean;
}

export interface BuiltEnvironments extends Environments, AsyncDisposable {}

interface Kept {
  readonly options: BuiltEnvironmentsOptions;
  readonly underWay: Map<string, Promise<Built>>;
  readonly stop: AbortController;
  readonly modules: KeptModules;
}

let count = 0;

/**
 * Environments that a worker builds from their locks: once for each lock and interpreter, aside, and then read-only for
 * whoever needs one. Of two that build the same at once the first is kept, the other throws its own away.
 */
export function builtEnvironments(options: BuiltEnvironmentsOptions): BuiltEnvironments {
  const kept: Kept = {
    options,
    underWay: new Map(),
    stop: new AbortController(),
    modules: keptModules(),
  };
  const swept = keepSwept(options.directory);
  return {
    prepare: (order, building) => prepare(kept, order, building),
    async [Symbol.asyncDispose]() {
      kept.stop.abort();
      await swept[Symbol.asyncDispose]();
      await Promise.allSettled(kept.underWay.values());
    },
  };
}

async function prepare(
  kept: Kept,
  { environment, tools, lock }: Pick<AttemptOrder, "environment" | "tools" | "lock">,
  { log, signal }: { readonly log: string; readonly signal: AbortSignal },
): Promise<FoundEnvironment | Failure> {
  const { options } = kept;
  if (environment.kind === "system" || environment.kind === "image")
    return ownEnvironments("/").prepare({ environment, tools }, { log, signal });
  const bytes = lock === undefined ? undefined : await options.read(lock);
  if (environment.kind === "venv" && environment.path.startsWith("/"))
    return elsewhere(environment, { log, signal, tools }, bytes);
  if (lock === undefined || bytes === undefined) return lock === undefined ? noLock(environment.kind) : GONE;
  const recipe = await recipeOf(environment, new TextDecoder().decode(bytes), {
    python: tools["python"],
    path: options.path,
    variable: options.variable,
    digest: lock,
    modules: kept.modules,
  });
  if ("kind" in recipe) return recipe;
  const { platform, arch } = process;
  const identity = {
    environment: 1,
    kind: environment.kind,
    lock,
    platform,
    arch,
    by: recipe.identity,
  };
  const name = `${environment.kind}-${hexOf(digestOfJson(identity)).slice(0, 32)}`;
  const link = join(options.directory, name);
  touch(link);
  if (!existsSync(link)) {
    const built = await unless(signal, once(kept, name, recipe));
    if (built === "cancelled") return CANCELLED;
    if (built.kind === "failed") {
      appendFileSync(log, built.said);
      const why = `its environment could not be built from \`${environment.lock ?? ""}\`: ${built.why}`;
      return { kind: "refused", why, next: recipe.next };
    }
  }
  return { environment: recipe.prepared(realpathSync(link)), drift: undefined };
}

/** Whoever asks while it is built waits for the same build. */
function once(kept: Kept, name: string, recipe: Recipe): Promise<Built> {
  const before = kept.underWay.get(name);
  if (before !== undefined) return before;
  const building = make(kept, name, recipe).finally(() => kept.underWay.delete(name));
  kept.underWay.set(name, building);
  return building;
}

async function make({ options, stop }: Kept, name: string, recipe: Recipe): Promise<Built> {
  const { directory, path, sandboxed } = options;
  const own = `${name}.${processSpace()}.${process.pid}.${++count}`;
  const places = {
    root: join(directory, "built", own),
    work: join(directory, "building", own),
    cache: recipe.cache === null ? join(directory, "building", own, "cache") : join(directory, "cache", recipe.cache),
  };
  mkdirSync(places.work, { recursive: true });
  let published = false;
  try {
    const built = await build({
      recipe,
      places,
      sandboxed,
      path,
      signal: stop.signal,
    });
    if (built.kind === "ok") {
      await seal(places.root);
      published = publish(join(directory, name), join("built", own));
    }
    return built;
  } finally {
    removeTree(places.work);
    if (!published) removeTree(places.root);
  }
}

/** Nothing is written to it any more, and all of it is on the disk before anybody finds it. */
async function seal(root: string): Promise<void> {
  const run = promisify(execFile);
  await run("chmod", ["-R", "a-w", root]);
  await run("sync", ["-f", root]);
}

/** False: another worker was first, and its environment is the one. */
function publish(link: string, target: string): boolean {
  try {
    // One that leads nowhere was taken away by hand.
    if (!existsSync(link)) unlinkSync(link);
  } catch {
    // There was none.
  }
  try {
    symlinkSync(target, link);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** A virtual environment that the operator has put on the machine, outside any repository: compared, and used as it is. */
async function elsewhere(
  environment: Extract<AttemptOrder["environment"], { kind: "venv" }>,
  { tools, ...building }: { readonly log: string; readonly signal: AbortSignal } & Pick<AttemptOrder, "tools">,
  lock: Uint8Array | undefined,
): Promise<FoundEnvironment | Failure> {
  const found = await ownEnvironments("/").prepare({ environment: { ...environment, lock: null }, tools }, building);
  if ("kind" in found || lock === undefined) return found;
  const text = new TextDecoder().decode(lock);
  return {
    ...found,
    drift: compareInstalled(environment, environment.path, {
      stamp: digestOf(lock),
      text: () => text,
    }),
  };
}

function noLock(kind: string): Failure {
  return {
    kind: "refused",
    why: `\`environment: { ${kind}: … }\` has no \`lock:\`, and workers build environments from their locks`,
    next: "add the lock file: `environment: { venv: .venv, lock: requirements.txt }`, with hashes (`pip-compile --generate-hashes`)",
  };
}

const GONE: Failure = {
  kind: "lost",
  why: "the bytes of its environment's lock file are not there any more",
};
const CANCELLED: Failure = {
  kind: "lost",
  why: "it was cancelled while its environment was built",
};

/** What comes first: the end of the build, or that nobody waits for it here any more. */
function unless<Value>(signal: AbortSignal, ended: Promise<Value>): Promise<Value | "cancelled"> {
  return new Promise((resolve, reject) => {
    const leave = (): void => resolve("cancelled");
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
    ended.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
