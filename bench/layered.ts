import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A graph of `cp`: `layers` layers of `width` columns, each step copying the file above it. */
export interface Layered {
  readonly layers: number;
  readonly width: number;
  /** Pipeline files that the columns are spread over. */
  readonly files: number;
}

export const GIT_ENV = {
  ...process.env,
  GIT_AUTHOR_NAME: "bench",
  GIT_AUTHOR_EMAIL: "bench@localhost",
  GIT_COMMITTER_NAME: "bench",
  GIT_COMMITTER_EMAIL: "bench@localhost",
  GIT_CONFIG_NOSYSTEM: "1",
};

export function sourceOf(column: number): string {
  return `in/c${column}.txt`;
}

export function outputOf(layer: number, column: number): string {
  return `out/l${layer}/c${column}.txt`;
}

/** Writes the graph as a repository with Sluice pipelines and commits it. */
export function writeSluice(directory: string, graph: Layered, settings = "sandbox: off\n"): void {
  writeSources(directory, graph);
  mkdirSync(join(directory, "pipelines"), { recursive: true });
  const perFile = graph.width / graph.files;
  for (let file = 0; file < graph.files; file++) {
    const lines = ["version: 1", "steps:"];
    for (let layer = 0; layer < graph.layers; layer++) {
      for (let column = file * perFile; column < (file + 1) * perFile; column++) {
        const from = layer === 0 ? sourceOf(column) : outputOf(layer - 1, column);
        const to = outputOf(layer, column);
        lines.push(
          `  s${layer}-${column}:`,
          `    run: [cp, ${from}, ${to}]`,
          `    inputs: [${from}]`,
          `    outputs: [${to}]`,
        );
      }
    }
    writeFileSync(join(directory, "pipelines", `p${file}.yaml`), `${lines.join("\n")}\n`);
  }
  writeFileSync(join(directory, "sluice.yaml"), `version: 1\n${settings}pools: { default: { concurrency: 2 } }\n`);
  commit(directory);
}

export function writeSources(directory: string, graph: Layered): void {
  mkdirSync(join(directory, "in"), { recursive: true });
  for (let column = 0; column < graph.width; column++)
    writeFileSync(join(directory, sourceOf(column)), `column ${column} ${process.hrtime.bigint()}\n`);
}

export function commit(directory: string): void {
  const git = (...args: string[]): void =>
    void execFileSync("git", args, { cwd: directory, env: GIT_ENV, stdio: "ignore" });
  git("init", "-q", "-b", "main");
  git("add", "-A");
  git("commit", "-qm", "bench");
}
