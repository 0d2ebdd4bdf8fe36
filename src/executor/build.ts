import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { BuildPlaces, Recipe } from "./recipe.ts";
import { sandboxArguments } from "./sandbox.ts";

export interface Building {
  readonly recipe: Recipe;
  readonly places: BuildPlaces;
  /** In a closed sandbox with the network, as a step with `network: true` would be. */
  readonly sandboxed: boolean;
  readonly path: string;
  readonly signal: AbortSignal;
}

export type Built = { readonly kind: "ok" } | { readonly kind: "failed"; readonly said: string; readonly why: string };

const LIMIT_MS = 30 * 60_000;
/** What is kept of what a build says. */
const SAID = 16_384;
/** The line of npm that says what is wrong; others tell codes and paths. */
const NPM = /^npm (?:error|ERR!) (?!(?:code|errno|syscall|path|dest|type)\s)\S/;

/** Carries out a recipe, one command after the other, in a clean environment. */
export async function build(building: Building): Promise<Built> {
  const { recipe, places } = building;
  for (const part of ["home", "tmp", "logs"]) mkdirSync(join(places.work, part), { recursive: true });
  for (const directory of [places.root, places.cache]) mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(recipe.files)) writeFileSync(join(places.work, name), text);
  const log = join(places.work, "build.log");
  const ends = Date.now() + LIMIT_MS;
  for (const command of recipe.commands(places)) {
    const why = await carryOut(building, command, { log, ends });
    if (why !== undefined) return { kind: "failed", ...wordsOf(readFileSync(log, "utf8"), why) };
  }
  return { kind: "ok" };
}

/** Undefined: it ended well. */
function carryOut(
  building: Building,
  command: readonly string[],
  { log, ends }: { readonly log: string; readonly ends: number },
): Promise<string | undefined> {
  const { recipe, places, path, signal } = building;
  const [program = "", ...rest] = building.sandboxed ? [...inSandbox(building), ...command] : command;
  const out = openSync(log, "a");
  const child = spawn(program, rest, {
    cwd: places.work,
    detached: true,
    stdio: ["ignore", out, out],
    env: {
      PATH: path,
      LC_ALL: "C.UTF-8",
      HOME: join(places.work, "home"),
      TMPDIR: join(places.work, "tmp"),
      ...recipe.env(places),
    },
  });
  closeSync(out);
  return new Promise((resolve) => {
    let why: string | undefined;
    const end = (because: string): void => {
      why ??= because;
      // What it started goes with it.
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    };
    const stop = (): void => end("it was stopped");
    const timer = setTimeout(() => end(`it took longer than ${LIMIT_MS / 60_000} minutes`), ends - Date.now());
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    const over = (because: string | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      resolve(why ?? because);
    };
    child.on("error", (error) => over(`\`${command[0] ?? ""}\` could not be started: ${error.message}`));
    child.on("close", (code, by) => over(code === 0 ? undefined : `it ended with ${by ?? `exit code ${code}`}`));
  });
}

function inSandbox({ recipe, places }: Building): readonly string[] {
  const settings = { network: true, readOnly: recipe.readOnly, shown: [] };
  const closed = sandboxArguments(places.work, join(places.work, "logs"), settings);
  return [
    "bwrap",
    // Its environment is ours, which is clean: on the command line everybody could read it.
    ...closed.slice(0, closed.lastIndexOf("--chdir")).filter((argument) => argument !== "--clearenv"),
    ...[places.work, places.root, places.cache].flatMap((path) => ["--bind", path, path]),
    "--chdir",
    places.work,
  ];
}

/** The last lines of a build, without passwords of addresses, and the one among them that says most. */
function wordsOf(text: string, end: string): { readonly said: string; readonly why: string } {
  const said = text.slice(-SAID).replaceAll(/\/\/[^/\s@]+@/g, "//…@");
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  const error =
    lines.find((line) => NPM.test(line)) ??
    lines.findLast((line) => /^\s*(?:error|critical)\b/i.test(line)) ??
    lines.at(-1);
  return { said, why: error === undefined ? end : error.trim().slice(0, 300) };
}
