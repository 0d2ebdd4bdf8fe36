import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

export interface Program {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** What it writes when it takes work. */
  readonly ready: RegExp;
  /** Everything it writes, of all its lives. */
  readonly log: string;
}

/** A real process that is started again whenever it ended, as a system's supervisor does it. */
export interface Supervised {
  readonly name: string;
  readonly log: string;
  /** Undefined while there is none. */
  pid(): number | undefined;
  /** Whether the process of now takes work. */
  ready(): boolean;
  /** Sent to the process of now; false while there is none. */
  signal(signal: NodeJS.Signals): boolean;
  /** Ends of lives that nobody here caused, in words. */
  readonly crashes: readonly string[];
  /** An end that did not come when it was asked for, in words. */
  readonly stuck: readonly string[];
  /** Ends it in good order, and for good. */
  end(): Promise<void>;
}

const AGAIN_MS = 300;
/** A step that is under way may end first. */
const END_MS = 45_000;
/** EX_TEMPFAIL: it says itself that it is to be started again. */
const LATER = 75;

export function supervise(program: Program): Supervised {
  const crashes: string[] = [];
  const stuck: string[] = [];
  let child: ChildProcess | undefined;
  let isReady = false;
  let ending = false;

  async function live(): Promise<void> {
    while (!ending) {
      const [code, signal] = await oneLife();
      const caused = ending || signal === "SIGKILL" || code === LATER;
      if (!caused) crashes.push(`${program.name} ended by itself (${String(signal ?? code)}): ${program.log}`);
      if (!ending) await wait(AGAIN_MS);
    }
  }

  async function oneLife(): Promise<readonly [number | null, NodeJS.Signals | null]> {
    let said = "";
    const [file = "", ...args] = program.argv;
    const life = spawn(file, args, { env: program.env, stdio: ["ignore", "pipe", "pipe"] });
    child = life;
    const hear = (chunk: Buffer): void => {
      appendFileSync(program.log, chunk);
      if (isReady) return;
      said += chunk.toString();
      isReady = program.ready.test(said);
    };
    life.stdout.on("data", hear);
    life.stderr.on("data", hear);
    const [code, signal] = (await once(life, "exit")) as [number | null, NodeJS.Signals | null];
    child = undefined;
    isReady = false;
    appendFileSync(program.log, `--- ended (${String(signal ?? code)})\n`);
    return [code, signal];
  }

  const lives = live();
  // Whoever stops the suite in the middle leaves nothing behind.
  const abandon = (): void => void child?.kill("SIGKILL");
  process.once("exit", abandon);
  return {
    name: program.name,
    log: program.log,
    pid: () => child?.pid,
    ready: () => isReady,
    signal(signal) {
      if (signal === "SIGKILL") isReady = false;
      return child?.kill(signal) ?? false;
    },
    crashes,
    stuck,
    async end() {
      ending = true;
      child?.kill("SIGCONT");
      child?.kill("SIGTERM");
      const late = setTimeout(() => {
        stuck.push(`${program.name} did not end within ${END_MS / 1_000} s of being asked to: ${program.log}`);
        child?.kill("SIGKILL");
      }, END_MS);
      await lives;
      clearTimeout(late);
      process.off("exit", abandon);
    },
  };
}
