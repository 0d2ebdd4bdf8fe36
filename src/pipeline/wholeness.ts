import type { Json, JsonObject } from "../identity/canonical-json.ts";
import type { Rest } from "./parsed.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Reading } from "./reading.ts";
import { pipelineSchema, type RawPipeline } from "./schema.ts";
import { keysAt } from "./schema-keys.ts";
import { keyMeant } from "./unknown-key.ts";

const WRITTEN = ["outputs", "metrics", "plots"];

/** Where the schema's refusals left gaps in what the file declares. */
export function wholeness({ yaml, problems }: Reading, raw: RawPipeline, pipeline: Pipeline): Rest["whole"] {
  const written = asObject(yaml.value);
  const twice = (section: string): boolean => {
    const [from, , to] = yaml.span(yaml.child(yaml.root, section));
    return problems.some(({ code, at }) => code === "duplicate-key" && at.line >= from && at.line <= to);
  };
  const declared = (steps: JsonObject): string =>
    JSON.stringify(
      Object.entries(steps).map(([name, step]) => {
        const { outputs, metrics, plots } = asObject(step);
        return [name, outputs, metrics, plots];
      }),
    );
  // What stands under a misspelt key is written by the step all the same.
  const stepKeys = keysAt(pipelineSchema, ["steps", "any"]);
  const misspelt = Object.values(asObject(written["steps"])).some((step) =>
    Object.keys(asObject(step)).some(
      (key) => !stepKeys.includes(key) && WRITTEN.includes(keyMeant(key, stepKeys)?.key ?? ""),
    ),
  );
  return {
    steps: !twice("steps") && !misspelt && declared(asObject(written["steps"])) === declared(raw.steps as JsonObject),
    datasets: !twice("datasets") && Object.keys(asObject(written["datasets"])).length === pipeline.datasets.length,
  };
}

function asObject(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
