import { z } from "zod";

import { duration } from "./schema.ts";
import { TRIGGERS } from "./trigger-kind.ts";

export const text = z.string().min(1);
export const names = z.array(text);

/** What a webhook can be told of. */
const EVENTS = [
  "failed-run",
  "failed-schedule",
  "recovered",
  "degraded",
  "divergence",
  "drift",
  "waiting-for-approval",
  "released",
  "rolled-back",
  "held",
] as const;

/** Roles in a repository, as the forge names them, least first. */
const ROLES = ["read", "triage", "write", "maintain", "admin"] as const;

export const triggers = z.array(z.enum(TRIGGERS));
const TEAM = /^[A-Za-z0-9][A-Za-z0-9_-]*(\/[A-Za-z0-9][A-Za-z0-9_-]*)?$/;
const WINDOW =
  /^(([a-z]{3}([-,][a-z]{3})* +)?\d{2}:\d{2}-\d{2}:\d{2}|\d{4}-\d{2}-\d{2}(\.\.\d{4}-\d{2}-\d{2})?)( +\S+)?$/;
const team = z.string().regex(TEAM, "a team such as `ml` or `acme/ml`");
const windows = z.array(
  z
    .string()
    .regex(WINDOW, "a time such as `mon-fri 09:00-17:00 Europe/Berlin` or `2026-12-20..2027-01-02`")
    .describe(
      "`[days] HH:MM-HH:MM [zone]`, with days such as `mon-fri` or `sat,sun` (default: all) and an end before the beginning for the next day, or `YYYY-MM-DD[..YYYY-MM-DD] [zone]`, both days included. Zone: an IANA time zone, default `UTC`.",
    ),
);
const who = z.union([z.enum(ROLES), z.strictObject({ team: team.describe("A team of the organisation.") })]).optional();

const gate = z.union([
  text.describe("A CEL condition over `metrics`, `run`, `live` and `environment`."),
  z.strictObject({
    expr: text.describe("A CEL condition over `metrics`, `run`, `live` and `environment`."),
    first: z.enum(["allow", "deny"]).optional().describe("What holds before anything is live. Default `allow`."),
  }),
]);

/** A label of GitHub has 50 characters at most, and `promote:` and `approve:` are in front. */
const ENVIRONMENT = /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/;
const environmentName = z.string().regex(ENVIRONMENT, "a name of at most 40 letters, digits, `-` and `_`");

const environment = z.strictObject({
  auto: z.boolean().optional().describe("True: follows each successful run."),
  after: text.optional().describe("The environment before it."),
  soak: duration.optional().describe("How long a run must have been live there."),
  gates: z.array(gate).optional().describe("Conditions in CEL; unknown is false."),
  approvals: z
    .strictObject({
      count: z.int().min(0).describe("How many people must approve."),
      teams: z.array(team).optional().describe("Teams whose members may approve."),
      users: names.optional().describe("People who may approve, by login."),
      author: z.boolean().optional().describe("True: authors may approve. Default false."),
      expires: duration.optional().describe("How long an approval holds. Default: until the evidence changes."),
    })
    .optional()
    .describe("Who must agree before a release."),
  deploy: text.optional().describe("The pipeline file that deploys a release; releases alone start it."),
  windows: windows.optional().describe("When promotions may happen. Default: always."),
  freezes: windows.optional().describe("When they may not."),
});

const policy = { name: text.describe("What people call the rule.") };

/** Keys of one pool that both files have. */
export const poolKeys = {
  concurrency: z.int().min(1).optional().describe("Attempts at once. Default 4."),
  on: triggers.optional().describe("Triggers that may use it. Default: all. Runs at the keyboard ask for no pool."),
};

/** Keys that `sluice.yaml` and the operator's file share. */
export const sharedKeys = {
  pipelines: text.optional().describe("Glob of pipeline files. Default `pipelines/*.yaml`."),
  ledger: z
    .strictObject({ branch: text.optional().describe("Default `sluice/ledger`.") })
    .optional()
    .describe("Where runs are recorded. Default branch `sluice/ledger`."),
  sandbox: z.enum(["auto", "require", "off"]).optional().describe("Default `auto`: bubblewrap when present."),
  divergence: z.enum(["report", "stop"]).optional().describe("When the merge's work order is not the one reviewed."),
  secrets: z
    .record(
      text,
      z.strictObject({
        from: text.describe("A source such as `env:HF_TOKEN`."),
        pipelines: names.optional().describe("Pipelines that may have it. Default: all."),
        steps: names.optional().describe("Steps that may have it. Default: all."),
        on: triggers
          .optional()
          .describe(
            "Triggers on which they may. Default: all. A run at the keyboard is `local`, and may what `command` may.",
          ),
      }),
    )
    .optional()
    .describe("Which steps may have which secrets."),
  fair_share: z
    .strictObject({
      weights: z.record(text, z.number().positive()).optional().describe("By pipeline. Default 1 each."),
    })
    .optional()
    .describe("How pipelines share workers when all are busy."),
  forks: z
    .strictObject({
      run: z
        .enum(["never", "maintainer"])
        .optional()
        .describe(
          "Whose word runs what they bring: nobody's, or that of who has `maintain` or `admin`. Default `never`.",
        ),
      pool: text.optional().describe("The pool they run on; it must be marked untrusted."),
    })
    .optional()
    .describe("Pull requests of forks."),
  sigstore: z
    .strictObject({
      trusted_root: text.describe(
        "Path of Sigstore's `trusted_root.json`, the only source of its authorities and logs.",
      ),
      identities: z
        .array(
          z.strictObject({
            issuer: text.describe("Who vouches for it, such as `https://token.actions.githubusercontent.com`."),
            subject: text.describe(
              "Who signs: a workflow's address or a person's; a `*` stands for any text without `/` and `@`.",
            ),
            repository: text
              .optional()
              .describe(
                "Address of the repository that a workflow must have run for, such as `https://github.com/acme/digits`: a reusable one signs for whoever calls it. Default: any.",
              ),
          }),
        )
        .describe("Who is trusted."),
    })
    .optional()
    .describe("Whose Sigstore bundles count. Default: nobody's, and they are not looked at."),
  environments: z
    .record(environmentName, environment)
    .optional()
    .describe("In order of promotion; a name has 40 characters at most."),
  policies: z
    .array(
      z.union([
        z.strictObject({ ...policy, deny: text.describe("Blocks where this CEL condition over `plan` holds.") }),
        z.strictObject({ ...policy, warn: text.describe("Warns where this CEL condition over `plan` holds.") }),
      ]),
    )
    .optional()
    .describe("Rules in CEL over the plan; `deny` blocks, `warn` shows."),
  permissions: z
    .strictObject({
      run: who.describe("Who may ask for a run."),
      promote: who.describe("Who may ask for a release."),
      approve: who.describe("Who may approve one."),
      rollback: who.describe("Who may go back to an earlier release."),
      hold: who.describe("Who may hold and freeze."),
      break_glass: who.describe("Who may release past gates and approvals, with a reason."),
    })
    .optional()
    .describe("The least role, or the team, for each verb."),
  notify: z
    .array(
      z.strictObject({
        webhook: text.describe("A source that holds the address, such as `env:ALERT_WEBHOOK`."),
        on: z.array(z.enum(EVENTS)).describe("What it is told of."),
      }),
    )
    .optional()
    .describe("Webhooks that are told of what happens."),
  retention: z
    .strictObject({
      runs: duration.optional().describe("Default `2y`."),
      artifacts: duration.optional().describe("Default `180d`."),
      logs: duration.optional().describe("Default `90d`."),
    })
    .optional()
    .describe("How long things are kept."),
};

/** `sluice.yaml`, version 1. */
export const settingsSchema = z
  .strictObject({
    version: z.literal(1).describe("Version of this format."),
    ...sharedKeys,
    store: z
      .strictObject({
        kind: z.literal("filesystem").describe("A directory."),
        path: text.optional().describe("Default `.sluice/store`."),
      })
      .optional()
      .describe("Where bytes are kept on a laptop. Default `.sluice/store`."),
    pools: z.record(text, z.strictObject(poolKeys)).optional().describe("Named sets of workers."),
  })
  .describe("Settings of a repository.");

export type RawSettings = z.infer<typeof settingsSchema>;
