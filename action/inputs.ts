import { readFileSync } from "node:fs";

/** What the runner hands to the Action. */
export interface Inputs {
  /** Names; all pipelines when empty. */
  readonly pipelines: readonly string[];
  readonly failOn: "problems" | "policy" | "never";
  /** What to judge against, null where nothing says so. */
  readonly base: string | null;
  readonly commit: string;
  readonly workspace: string;
  /** Files that the runner reads afterwards; null where a runner offers none. */
  readonly summaryFile: string | null;
  readonly outputFile: string | null;
}

/** Reads the runner's variables and files; a sentence where something is missing or wrong. */
export function readInputs(env: NodeJS.ProcessEnv): Inputs | string {
  const failOn = env["INPUT_FAIL-ON"] || "problems";
  if (failOn !== "problems" && failOn !== "policy" && failOn !== "never") {
    return "the input fail-on must be problems, policy or never";
  }
  const commit = env["GITHUB_SHA"] ?? "";
  const workspace = env["GITHUB_WORKSPACE"] ?? "";
  if (commit === "" || workspace === "")
    return "GITHUB_SHA and GITHUB_WORKSPACE are not set: this runs in GitHub Actions";
  return {
    pipelines: (env["INPUT_PIPELINES"] ?? "").split(/[\s,]+/).filter((name) => name !== ""),
    failOn,
    base: env["INPUT_BASE"]?.trim() || baseOf(env["GITHUB_EVENT_PATH"]),
    commit,
    workspace,
    summaryFile: env["GITHUB_STEP_SUMMARY"] || null,
    outputFile: env["GITHUB_OUTPUT"] || null,
  };
}

/** The base that the event itself names. */
function baseOf(eventFile: string | undefined): string | null {
  if (eventFile === undefined || eventFile === "") return null;
  let event: unknown;
  try {
    event = JSON.parse(readFileSync(eventFile, "utf8"));
  } catch {
    return null;
  }
  for (const path of [["pull_request", "base", "sha"], ["merge_group", "base_sha"], ["before"]]) {
    let value = event;
    for (const name of path) {
      value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
    }
    // A first push has a `before` of zeros.
    if (typeof value === "string" && /^[0-9a-f]{40}$/.test(value) && !/^0+$/.test(value)) return value;
  }
  return null;
}
