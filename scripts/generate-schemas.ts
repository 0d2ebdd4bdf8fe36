import { mkdirSync, writeFileSync } from "node:fs";

import { operatorJsonSchema, pipelineJsonSchema, settingsJsonSchema } from "../src/pipeline/json-schema.ts";

/** Writes pipelines-schema/ from the zod schemas; a test compares. */
mkdirSync("pipelines-schema", { recursive: true });
writeFileSync("pipelines-schema/pipeline.schema.json", `${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`);
writeFileSync("pipelines-schema/settings.schema.json", `${JSON.stringify(settingsJsonSchema(), null, 2)}\n`);
writeFileSync("pipelines-schema/operator.schema.json", `${JSON.stringify(operatorJsonSchema(), null, 2)}\n`);
