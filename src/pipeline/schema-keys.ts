import { pipelineSchema, stepSchema } from "./schema.ts";

type Path = readonly PropertyKey[];

/** Keys that the language knows at a place of a pipeline file; for "did you mean". */
export function keysOfPipeline(path: Path): readonly string[] {
  const [top, , ...rest] = path;
  if (path.length === 0) return Object.keys(pipelineSchema.shape);
  const inStep = top === "steps" ? rest : top === "defaults" ? path.slice(1) : undefined;
  if (inStep?.length === 0) return Object.keys(stepSchema.shape);
  return KEYS[inStep?.findLast((part) => typeof part === "string") ?? lastName(path)] ?? [];
}

function lastName(path: Path): string {
  if (path[0] === "datasets" || path[0] === "metrics") return `${path[0]}.*`;
  return String(path.findLast((part) => typeof part === "string"));
}

const KEYS: Readonly<Record<string, readonly string[]>> = {
  on: ["push", "pull_request", "schedule", "upstream"],
  push: ["branches", "paths"],
  schedule: ["cron", "timezone", "refresh", "params", "catch_up"],
  environment: ["venv", "lock", "uv", "conda", "node", "image", "system"],
  resources: ["cpu", "memory", "gpu", "pool"],
  memory: ["base", "factor", "max"],
  retry: ["attempts", "on", "backoff", "delay"],
  inputs: ["glob", "optional"],
  code: ["glob", "optional"],
  outputs: ["path", "type"],
  plots: ["path", "series", "x", "y", "kind", "name"],
  concurrency: ["group", "keep"],
  "datasets.*": ["path", "uri", "pin", "dvc", "pipeline", "run", "release", "optional"],
  "metrics.*": ["step", "goal", "tolerance", "gate", "gate_action"],
  tolerance: ["absolute", "relative"],
};
