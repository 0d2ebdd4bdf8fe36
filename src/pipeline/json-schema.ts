import { z } from "zod";

import { pipelineSchema } from "./schema.ts";
import { operatorSchema } from "./operator-schema.ts";
import { settingsSchema } from "./settings-schema.ts";

/** JSON Schema (draft 7, what editors read) of a pipeline file. */
export function pipelineJsonSchema(): object {
  return titled(
    z.toJSONSchema(pipelineSchema, { io: "input", target: "draft-07" }),
    "https://sluice.dev/schema/v1/pipeline.schema.json",
    "Sluice pipeline",
  );
}

/** JSON Schema of `sluice.yaml`. */
export function settingsJsonSchema(): object {
  return titled(
    z.toJSONSchema(settingsSchema, { io: "input", target: "draft-07" }),
    "https://sluice.dev/schema/v1/settings.schema.json",
    "Sluice settings",
  );
}

/** JSON Schema of the operator's file. */
export function operatorJsonSchema(): object {
  return titled(
    z.toJSONSchema(operatorSchema, { io: "input", target: "draft-07" }),
    "https://sluice.dev/schema/v1/operator.schema.json",
    "Sluice operator's settings",
  );
}

function titled(schema: object, id: string, title: string): object {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: id,
    title,
    ...Object.fromEntries(Object.entries(schema).filter(([key]) => key !== "$schema")),
  };
}
