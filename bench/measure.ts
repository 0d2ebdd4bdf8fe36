import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** One whole process: wall time and the largest resident set of its main process. */
export interface Measured {
  readonly ms: number;
  readonly peakBytes: number;
}

/** Runs a command to its end; a failure ends the benchmark, because a wrong run has no speed. */
export function measure(
  command: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(program ?? "", args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let peak = 0;
    let errors = "";
    // VmHWM is the kernel's own high-water mark; asking for it rarely is enough.
    const look = setInterval(() => (peak = Math.max(peak, highWater(child.pid ?? 0))), 20);
    child.stderr?.on("data", (chunk: Buffer) => (errors = `${errors}${chunk.toString()}`.slice(-2_000)));
    child.on("error", reject);
    child.on("close", (code) => {
      clearInterval(look);
      if (code === 0) resolve({ ms: performance.now() - begin, peakBytes: peak });
      else reject(new Error(`${command.join(" ")} ended with ${String(code)}: ${errors}`));
    });
  });
}

function highWater(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}
