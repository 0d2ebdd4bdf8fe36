import { z } from "zod";

/** Longest name: it is a part of refs, paths and file names. */
export const NAME_MAX = 100;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;
const VARIABLE = /^[A-Za-z_]\w*$/;
const DURATION = /^\d+(\.\d+)?(ms|s|m|h|d|y)$/;
const PERIOD = /^(?!0+(\.0+)?[a-z])\d+(\.\d+)?(ms|s|m|h|d|y)$/;
const SIZE = /^(?!0+(\.0+)?([A-Z]|$))\d+(\.\d+)?([KMGT]i?)?B?$/;
const RETRIED = /^(lost|error|timeout|oom|exit:([1-9]\d?|1\d\d|2[0-4]\d|25[0-5]))$/;
const GATE = /^\s*(>=|<=|==|>|<)\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\s*$/;
const IMAGE = /^[^\s@]+@sha256:[0-9a-f]{64}$/;

export const duration = z.string().regex(DURATION, "a duration such as `90s`, `30m`, `2h`, `7d`, `2y`");
const period = z.string().regex(PERIOD, "a duration above zero, such as `90s`, `30m`, `2h`, `7d`, `2y`");
export const size = z.union([z.string().regex(SIZE, "a size such as `512Mi`, `2Gi`"), z.int().positive()]);
const path = z.string().min(1);
const name = z.string().regex(NAME, `a name of at most ${NAME_MAX} letters, digits, \`-\` and \`_\``);
const json: z.ZodType = z.unknown();

const input = z.union([
  path.describe(
    "A file, directory, glob, `!exclude`, `dataset:<name>`, `<step>:<path>` or `release:<path>`. A symbolic link brings what it leads to, inside the repository.",
  ),
  z.strictObject({
    glob: path.describe(
      "A glob; dotfiles match only where written. Inside another step's output directory it selects among what that will hold.",
    ),
    optional: z.boolean().optional().describe("True: matching nothing is fine. Default false."),
  }),
]);
const inputs = z.array(input);

const environment = z.union([
  z.strictObject({
    venv: path.describe("A Python virtual environment of this repository; workers build it from `lock`, with hashes."),
    lock: path.optional().describe("Its lock file: pins the environment."),
  }),
  z.strictObject({ uv: path.describe("Directory of a uv project with a `uv.lock`, from which workers build it.") }),
  z.strictObject({
    conda: name.describe("A conda environment by name; workers build it from an explicit `lock`."),
    lock: path.optional().describe("Its lock file: pins the environment."),
  }),
  z.strictObject({
    node: path
      .regex(/(^|\/)(package-lock|npm-shrinkwrap)\.json$/, "a `package-lock.json` or `npm-shrinkwrap.json`")
      .describe("A `package-lock.json`; its `node_modules/.bin` leads PATH."),
  }),
  z.strictObject({
    image: z.string().regex(IMAGE, "an image by digest, `name@sha256:…`").describe("A container image by digest."),
  }),
  z.strictObject({ system: z.literal(true).describe("What the machine has on its PATH.") }),
]);

const tools = z
  .record(name, z.string().min(1))
  .describe('Versions that are verified before each step: `{ python: "3.11" }`.');

const retry = z.strictObject({
  attempts: z.int().min(1).max(100).optional().describe("All attempts together. Default 3."),
  on: z
    .array(z.string().regex(RETRIED, "one of `lost`, `error`, `timeout`, `oom`, `exit:N` with N from 1 to 255"))
    .optional()
    .describe("What is retried. Default `[lost]`."),
  backoff: z.enum(["exponential", "fixed"]).optional().describe("Default `exponential`."),
  delay: duration.optional().describe("Wait before the second attempt. Default `5s`."),
});

const resources = z.strictObject({
  cpu: z.number().positive().optional().describe("Cores. Default 1."),
  memory: z
    .union([
      size,
      z.strictObject({
        base: size.describe("Memory of the first attempt."),
        factor: z.number().min(1).optional().describe("Growth per attempt. Default 2."),
        max: size.optional().describe("Never more than this."),
      }),
    ])
    .optional()
    .describe("Memory; attempt n gets base × factor^(n−1), at most max."),
  gpu: z.int().min(0).optional().describe("GPUs. Default 0."),
  pool: name.optional().describe("Set of workers. Default `default`."),
});

const plot = z.strictObject({
  path: path.optional().describe("The file with the data, or the image."),
  series: z.record(z.string(), path).optional().describe("Several files in one plot, by name."),
  x: z.string().optional().describe("The column across. Default: the row's number."),
  y: z.string().optional().describe("The column up. Default: the last one."),
  kind: z.enum(["line", "scatter", "bar", "heatmap", "image"]).optional().describe("Default `line`."),
  name: z.string().optional().describe("Its title. Default: the path."),
});

const output = z.union([
  path.describe("A file or directory; a trailing slash says it must be a directory."),
  z.strictObject({
    path: path.describe("A file or directory."),
    type: name.optional().describe("For people and promotion, such as `model`."),
  }),
]);

const run = z.union([
  z.string().min(1).describe("A script for the shell."),
  z.array(z.string()).min(1).describe("A program and its arguments, without a shell."),
]);

/** Keys that a step, `defaults` and nothing else share. */
const stepKeys = {
  description: z.string().optional().describe("For people."),
  inputs: inputs.optional().describe("All that the step reads; nothing else is there when it runs."),
  code: inputs.optional().describe("Replaces the pipeline's `code` for this step."),
  params: z.array(z.string().min(1)).optional().describe("Dotted names of parameters; a name stands for its subtree."),
  env: z
    .record(z.string().regex(VARIABLE, "a name of letters, digits and `_`"), z.string())
    .optional()
    .describe("Environment variables, as strings."),
  checkpoint: path
    .optional()
    .describe(
      "A directory that the next attempt of the same key finds as this one left it; gone when the step succeeds. Never an output.",
    ),
  secrets: z
    .array(z.string().regex(VARIABLE, "a name of letters, digits and `_` that begins with no digit"))
    .optional()
    .describe("Secrets by name, granted in the settings."),
  network: z.boolean().optional().describe("Whether the step may use the network. Default false."),
  outputs: z.array(output).optional().describe("All that the step writes and that is kept."),
  metrics: z.array(path).optional().describe("JSON or YAML files with numbers, written by the step."),
  plots: z.array(plot).optional().describe("Files with plot data or images, written by the step."),
  resources: resources.optional().describe("What one attempt needs."),
  executor: z
    .enum(["process", "container", "slurm", "kubernetes"])
    .optional()
    .describe("Default `container` with an image, else `process`."),
  environment: environment
    .optional()
    .describe("Where interpreters and libraries come from. Default `{ system: true }`."),
  tools: tools.optional().describe('Versions that are verified before the step: `{ python: "3.11" }`.'),
  shell: z.enum(["bash", "sh"]).optional().describe("Default `bash`, run as `bash -eu -o pipefail -c`."),
  cache: z.boolean().optional().describe("False: computed in every run. Default true."),
  timeout: period.optional().describe("After it the whole process tree is ended."),
  retry: retry.optional().describe("When and how often a failed attempt is made again."),
  priority: z.int().min(-100).max(100).optional().describe("Higher starts first. Default 0."),
  salt: z.string().optional().describe("Part of the key: change it to compute again."),
  effects: z.boolean().optional().describe("True: changes the outside world; never cached, never for a pull request."),
};

export const stepSchema = z.strictObject({
  run: run.describe("What is executed, in a workspace that holds the declared inputs."),
  id: name.optional().describe("Keeps the step's history over a rename. Default: its name."),
  needs: z.array(name).optional().describe("Steps that must succeed before; never part of the key."),
  ...stepKeys,
});

const schedule = z.strictObject({
  cron: z.string().min(1).describe("Five cron fields."),
  timezone: z.string().optional().describe("An IANA time zone. Default `UTC`."),
  refresh: z.array(name).optional().describe("Steps that are computed again."),
  params: z
    .record(z.string(), json)
    .optional()
    .describe("Parameters of this schedule; `${{ schedule.date }}` is the slot's date."),
  catch_up: z.enum(["last", "all", "none"]).optional().describe("Missed slots. Default `last`."),
});

const on = z.strictObject({
  push: z
    .union([
      z.literal(false),
      z.strictObject({
        branches: z.array(z.string()).optional().describe("Globs of branches. Default: the default branch."),
        paths: z.array(z.string()).optional().describe("Globs of paths, one of which must have changed."),
      }),
    ])
    .optional()
    .describe("Default: the default branch, when its work order changed; `false` switches off."),
  pull_request: z
    .union([z.enum(["plan", "run"]), z.literal(false)])
    .optional()
    .describe("Default `plan`."),
  schedule: z.array(schedule).optional().describe("Times at which it runs."),
  upstream: z.array(name).optional().describe("Pipelines whose success starts this one."),
});

const dataset = z.strictObject({
  path: path.optional().describe("Where it stands in the workspace and, once fetched, in the repository."),
  uri: z
    .string()
    .optional()
    .describe(
      "Where it can be fetched: `file:`, `https:`, `s3://bucket/key`, or `s3://bucket/prefix/` for all that is below it.",
    ),
  pin: path.optional().describe("The file that holds its digest. Default `datasets/<name>.yaml`."),
  dvc: path.optional().describe("A DVC pointer file."),
  pipeline: name.optional().describe("Another pipeline whose output this is."),
  run: z.literal("latest").optional().describe("The newest successful run."),
  release: name.optional().describe("The run released in this environment."),
  optional: z.boolean().optional().describe("True: its absence is fine. Default false."),
});

const metric = z.strictObject({
  step: name.describe("The step that writes it."),
  goal: z.enum(["higher", "lower"]).optional().describe("Which way is better; without it the number is informational."),
  tolerance: z
    .union([
      z.strictObject({ absolute: z.number().min(0).describe("In the metric's own unit.") }),
      z.strictObject({ relative: z.number().min(0).describe("As a part of the baseline, `0.01` for one per cent.") }),
    ])
    .optional()
    .describe("Smaller changes are noise."),
  gate: z
    .string()
    .regex(GATE, "a comparison such as `>= 0.95`")
    .optional()
    .describe("Dependants start only if it holds."),
  gate_action: z.enum(["stop", "report"]).optional().describe("Default `stop`."),
});

const parameterSource = z.union([path, z.record(z.string(), json)]);

/** A pipeline file, version 1: the only definition of the language. */
export const pipelineSchema = z
  .strictObject({
    version: z.literal(1).describe("Version of this format."),
    name: name.optional().describe("Default: the file's name."),
    id: name.optional().describe("Keeps history over a rename. Default: the name."),
    was: z
      .array(name)
      .optional()
      .describe("Earlier ids, whose history this pipeline continues: runs, releases and holds."),
    description: z.string().optional().describe("For people."),
    owner: z.string().optional().describe("A GitHub team or user."),
    on: on.optional().describe("When it runs."),
    params: z
      .union([parameterSource, z.array(parameterSource)])
      .optional()
      .describe("A parameters file, a map, or a list of both."),
    environment: environment.optional().describe("For every step without its own."),
    tools: tools.optional().describe("For every step; its own are added."),
    code: inputs.optional().describe("Inputs of every step, such as `[src/**]`."),
    datasets: z.record(name, dataset).optional().describe("Named data with a digest."),
    defaults: z
      .strictObject(stepKeys)
      .optional()
      .describe("Merged into every step: maps deep, lists appended, scalars replaced."),
    steps: z.record(name, stepSchema).describe("What is computed, by name."),
    metrics: z.record(z.string(), metric).optional().describe("How to read the numbers."),
    salt: z.string().optional().describe("Part of every key."),
    concurrency: z
      .strictObject({
        group: z.string().min(1).describe("A name that pipelines may share."),
        keep: z.enum(["latest", "all"]).optional().describe("Which pending runs are kept. Default `latest`."),
      })
      .optional()
      .describe("Runs of one group go one after another."),
  })
  .describe("A Sluice pipeline.");

export type RawPipeline = z.infer<typeof pipelineSchema>;
export type RawStep = z.infer<typeof stepSchema>;
export type RawDefaults = NonNullable<RawPipeline["defaults"]>;
export type RawEnvironment = z.infer<typeof environment>;

/** Keys that are reserved in the language: they answer "not in this version" (SEMANTICS §14). */
export const RESERVED: ReadonlySet<string> = new Set([
  "matrix",
  "uses",
  "caches",
  "budget",
  "expect",
  "when",
  "deterministic",
]);
