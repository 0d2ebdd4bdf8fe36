import { spawn, type ChildProcess } from "node:child_process";

import { onTestFinished } from "vitest";

import { BIN, ENV, type Bench } from "../sluice.ts";

/** A command under a pseudo terminal of its own (util-linux `script`), with everything it wrote to it. */
export interface PseudoTerminal {
  readonly child: ChildProcess;
  /** Raw bytes as a terminal gets them. */
  output(): string;
  /** Ends when the output has something; never by time alone. */
  until(what: (output: string) => boolean): Promise<void>;
  type(keys: string): void;
  readonly exited: Promise<number>;
}

/** `stty` gives the terminal its size before the command starts. */
export function onTerminal(
  bench: Bench,
  args: string,
  options: {
    readonly columns: number;
    readonly rows: number;
    readonly env?: NodeJS.ProcessEnv;
    readonly after?: string;
  },
): PseudoTerminal {
  const env: NodeJS.ProcessEnv = { ...ENV, TERM: "xterm", ...options.env };
  for (const [name, value] of Object.entries(env)) if (value === "") delete env[name];
  const command = `stty cols ${options.columns} rows ${options.rows}; ${options.after ?? ""} exec ${BIN} ${args}`;
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    cwd: bench.root,
    env,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  const waiting: { readonly what: (output: string) => boolean; readonly done: () => void }[] = [];
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (chunk: string) => {
    output += chunk;
    for (const one of waiting) if (one.what(output)) one.done();
  });
  const exited = new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? -1)));
  onTestFinished(() => void child.kill("SIGKILL"));
  return {
    child,
    output: () => output,
    until: (what) =>
      new Promise((resolve, reject) => {
        if (what(output)) resolve();
        else waiting.push({ what, done: resolve });
        void exited.then(() => (what(output) ? resolve() : reject(new Error(`it ended without that:\n${output}`))));
      }),
    type: (keys) => void child.stdin.write(keys),
    exited,
  };
}

const ESC = String.fromCharCode(27);
const TOKEN = new RegExp(`${ESC}\\[(\\??\\d*(?:;\\d+)*)([A-Za-z])|\\r|\\n|[^\\r\\n${ESC}]`, "gu");

/** What a terminal shows after these bytes: enough of a VT100 for cursor up, erase below, wrapping and colours. */
export function screenAfter(
  output: string,
  columns: number,
): { readonly lines: readonly string[]; readonly cursor: boolean } {
  const lines: string[][] = [[]];
  let [row, column, cursor] = [0, 0, true];
  for (const [token, argument = "", letter] of output.matchAll(TOKEN)) {
    if (token === "\r") column = 0;
    else if (token === "\n") row++;
    else if (letter === "A") row = Math.max(0, row - Number(argument === "" ? 1 : argument));
    else if (letter === "J") {
      lines.length = row + 1;
      lines[row]?.splice(column);
    } else if (letter === "l" || letter === "h") cursor = letter === "h";
    else if (letter === undefined) {
      if (column === columns) {
        row++;
        column = 0;
      }
      while (lines.length <= row) lines.push([]);
      const line = lines[row] ?? [];
      while (line.length < column) line.push(" ");
      line[column] = token;
      column++;
    }
    while (lines.length <= row) lines.push([]);
  }
  return { lines: lines.map((line) => line.join("").trimEnd()), cursor };
}
