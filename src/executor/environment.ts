import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

import type { Environment } from "../pipeline/pipeline.ts";
import type { Failure } from "../run/run-record.ts";
import type { AttemptOrder } from "./executor.ts";
import { findConda } from "./find-conda.ts";
import { checkInstalled } from "./installed.ts";
import { unknownTool } from "./unknown-tool.ts";

/** What an environment adds to a step: directories before PATH, and places that a sandbox must show. */
export interface PreparedEnvironment {
  readonly path: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly readOnly: readonly string[];
  /** `node_modules` of the project, seen in the workspace. */
  readonly nodeModules: string | null;
  /** Version of a program without starting it, where that would run a package's code outside a step; null: not known. */
  readonly versionOf?: (tool: string) => string | null;
}

export interface FoundEnvironment {
  readonly environment: PreparedEnvironment;
  /** What is installed that the lock does not pin. */
  readonly drift: Failure | undefined;
}

/** Where the environments of steps come from. */
export interface Environments {
  /** Whatever is to be known of a build that failed is added to `log`. */
  prepare(
    order: Pick<AttemptOrder, "environment" | "tools" | "lock">,
    building: { readonly log: string; readonly signal: AbortSignal },
  ): FoundEnvironment | Failure | Promise<FoundEnvironment | Failure>;
}

/** Environments that stand in a person's project: found and compared with their locks, never changed. */
export function ownEnvironments(project: string): Environments {
  return {
    prepare({ environment }) {
      const found = findEnvironment(environment, project);
      if ("kind" in found) return found;
      const place = found.nodeModules ?? found.readOnly[0] ?? "";
      return { environment: found, drift: checkInstalled(environment, place, project) };
    },
  };
}

function findEnvironment(environment: Environment, project: string): PreparedEnvironment | Failure {
  switch (environment.kind) {
    case "system":
      return { path: [], env: {}, readOnly: [], nodeModules: null };
    case "venv": {
      const root = join(project, environment.path);
      if (!existsSync(join(root, "bin", "python"))) {
        return {
          kind: "refused",
          why: `there is no virtual environment at \`${environment.path}\``,
          next: `python3 -m venv ${environment.path}${environment.lock === null ? "" : ` && ${environment.path}/bin/pip install -r ${environment.lock}`}`,
        };
      }
      return { path: [join(root, "bin")], env: { VIRTUAL_ENV: root }, readOnly: [root], nodeModules: null };
    }
    case "node": {
      const directory = join(project, environment.lock, "..");
      const modules = join(directory, "node_modules");
      if (!existsSync(modules))
        return { kind: "refused", why: `\`${environment.lock}\` is not installed`, next: "npm ci" };
      return { path: [join(modules, ".bin")], env: {}, readOnly: [modules], nodeModules: modules };
    }
    case "uv": {
      const path = environment.path === "." ? ".venv" : `${environment.path}/.venv`;
      const root = join(project, path);
      if (!existsSync(join(root, "bin", "python")))
        return {
          kind: "refused",
          why: `there is no environment at \`${path}\``,
          next: `uv sync --frozen${environment.path === "." ? "" : ` --project ${environment.path}`}`,
        };
      return { path: [join(root, "bin")], env: { VIRTUAL_ENV: root }, readOnly: [root], nodeModules: null };
    }
    case "conda": {
      const root = findConda(environment.name);
      if (root === undefined)
        return {
          kind: "refused",
          why: `there is no conda environment \`${environment.name}\` on this machine`,
          next: `conda create --name ${environment.name}${environment.lock === null ? "" : ` --file ${environment.lock}`}`,
        };
      return { path: [join(root, "bin")], env: { CONDA_PREFIX: root }, readOnly: [root], nodeModules: null };
    }
    case "image":
      return {
        kind: "refused",
        why: "it needs an image, and no container engine answers here",
        next: "`apt install podman`, or start docker",
      };
    default:
      return environment satisfies never;
  }
}

const versions = new Map<string, string | null>();

/** Checks declared tools before a step: `3.11` accepts `3.11` and `3.11.x`. */
export function checkTools(
  tools: Readonly<Record<string, string>>,
  path: string,
  { path: inside, versionOf: known }: Pick<PreparedEnvironment, "path" | "versionOf">,
): Failure | undefined {
  for (const [tool, expected] of Object.entries(tools)) {
    const program = findTool(tool, path);
    const within = program !== undefined && inside.some((directory) => program === join(directory, tool));
    const found =
      program === undefined ? null : within && known !== undefined ? known(tool) : askVersion(program, path);
    if (found === null) return unknownTool(tool, expected, program);
    if (found !== expected && !found.startsWith(`${expected}.`)) {
      return { kind: "environment", name: tool, expected, found, line: `tools: { ${tool}: "${found}" }` };
    }
  }
  return undefined;
}

function findTool(tool: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .map((directory) => join(directory, tool))
    .find((candidate) => existsSync(candidate));
}

function askVersion(program: string, path: string): string | null {
  const known = versions.get(program);
  if (known !== undefined) return known;
  const asked = spawnSync(program, ["--version"], {
    encoding: "utf8",
    timeout: 20_000,
    env: { PATH: path, LC_ALL: "C.UTF-8" },
  });
  const version = /\d+(\.\d+)+/.exec(`${asked.stdout} ${asked.stderr}`)?.[0] ?? null;
  versions.set(program, version);
  return version;
}

/** A shell must be there by name: another one would be another language. */
export function checkProgram(program: string, path: string): Failure | undefined {
  if (program !== "bash" && program !== "sh") return undefined;
  const there = path.split(delimiter).some((directory) => existsSync(join(directory, program)));
  return there
    ? undefined
    : {
        kind: "refused",
        why: `this machine has no \`${program}\``,
        next: program === "bash" ? "install bash, or write `shell: sh`" : "install a POSIX shell",
      };
}
