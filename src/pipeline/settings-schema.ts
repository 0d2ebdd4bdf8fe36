import { z } from "zod";

import { duration } from "./schema.ts";

const text = z.string().min(1);
const names = z.array(text);
const team = z.strictObject({ team: text });

const gate = z.union([
  text.describe("A CEL condition."),
  z.strictObject({ expr: text, first: z.enum(["allow", "deny"]).optional() }),
]);

const environment = z.strictObject({
  auto: z.boolean().optional().describe("True: follows each successful run."),
  after: text.optional().describe("The environment before it."),
  soak: duration.optional().describe("How long a run must have been live there."),
  gates: z.array(gate).optional().describe("Conditions in CEL; unknown is false."),
  approvals: z
    .strictObject({
      count: z.int().min(0),
      teams: names.optional(),
      users: names.optional(),
      author: z.boolean().optional().describe("True: authors may approve. Default false."),
      expires: duration.optional(),
    })
    .optional(),
  deploy: text.optional().describe("The pipeline file that deploys a release."),
  windows: names.optional().describe("When promotions may happen."),
  freezes: names.optional().describe("When they may not."),
});

const pool = z.strictObject({
  concurrency: z.int().min(1).optional(),
  on: names.optional().describe("Triggers that may use it."),
  executors: names.optional(),
  domains: names.optional(),
  platform: text.optional(),
  accelerator: text.optional(),
  usd_per_hour: z.number().min(0).optional(),
});

/** `sluice.yaml`, version 1. */
export const settingsSchema = z
  .strictObject({
    version: z.literal(1),
    pipelines: text.optional().describe("Glob of pipeline files. Default `pipelines/*.yaml`."),
    ledger: z
      .strictObject({ branch: text.optional() })
      .optional()
      .describe("Where runs are recorded. Default branch `sluice/ledger`."),
    store: z
      .strictObject({ kind: z.literal("filesystem"), path: text.optional() })
      .optional()
      .describe("Where bytes are kept on a laptop. Default `.sluice/store`."),
    sandbox: z.enum(["auto", "require", "off"]).optional().describe("Default `auto`: bubblewrap when present."),
    divergence: z.enum(["report", "stop"]).optional().describe("When the merge's work order is not the one reviewed."),
    secrets: z
      .record(
        text,
        z.strictObject({
          from: text.describe("A source such as `env:HF_TOKEN`."),
          pipelines: names.optional(),
          steps: names.optional(),
          on: names.optional(),
        }),
      )
      .optional()
      .describe("Which steps may have which secrets."),
    pools: z.record(text, pool).optional().describe("Named sets of workers."),
    fair_share: z.strictObject({ weights: z.record(text, z.number().positive()).optional() }).optional(),
    forks: z.strictObject({ run: z.enum(["never", "maintainer"]).optional(), pool: text.optional() }).optional(),
    environments: z.record(text, environment).optional().describe("In order of promotion."),
    policies: z
      .array(z.union([z.strictObject({ name: text, deny: text }), z.strictObject({ name: text, warn: text })]))
      .optional()
      .describe("Rules in CEL over the plan; `deny` blocks, `warn` shows."),
    permissions: z
      .strictObject({
        run: z.union([text, team]).optional(),
        promote: z.union([text, team]).optional(),
        approve: z.union([text, team]).optional(),
        rollback: z.union([text, team]).optional(),
        hold: z.union([text, team]).optional(),
        break_glass: z.union([text, team]).optional(),
      })
      .optional(),
    notify: z.array(z.strictObject({ webhook: text, on: names })).optional(),
    retention: z
      .strictObject({ runs: duration.optional(), artifacts: duration.optional(), logs: duration.optional() })
      .optional(),
  })
  .describe("Settings of a repository.");

export type RawSettings = z.infer<typeof settingsSchema>;
