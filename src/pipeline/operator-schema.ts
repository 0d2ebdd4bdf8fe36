import { z } from "zod";

import { duration, size } from "./schema.ts";
import { names, poolKeys, sharedKeys, text } from "./settings-schema.ts";

const digits = z.string().regex(/^[A-Za-z0-9+/_-]{40,}={0,2}$/, "an Ed25519 public key in base64");

const dnsLabel = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a name of Kubernetes such as `ml-jobs`");
const dnsName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, "a name of Kubernetes such as `sluice-data`");
const labelName = z
  .string()
  .max(317)
  .regex(/^([a-z0-9][a-z0-9.-]*\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/, "a name such as `nvidia.com/gpu`");
const labelValue = z
  .string()
  .regex(/^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/, "the value of a label such as `a100`");

const kubernetes = z.strictObject({
  namespace: dnsLabel.describe("Where Jobs are made."),
  claim: dnsName.describe("The PersistentVolumeClaim in it that holds `SLUICE_DATA`."),
  path: z
    .string()
    .regex(/^(?!\/)(?!.*(^|\/)\.{0,2}(\/|$)).+$/, "a path inside the claim such as `sluice/data`")
    .optional()
    .describe("Where `SLUICE_DATA` lies in the claim. Default: its root."),
  gpu: labelName.optional().describe("The resource that `resources.gpu` asks for. Default `nvidia.com/gpu`."),
  pending: duration.optional().describe("How long a Job may wait for a node. Default `1h`."),
  node_selector: z.record(labelName, labelValue).optional().describe("Labels that nodes must have. Default: none."),
  tolerations: z
    .array(
      z.strictObject({
        key: labelName.describe("The taint's key."),
        value: labelValue.optional().describe("Its value. Default: any."),
        effect: z
          .enum(["NoSchedule", "PreferNoSchedule", "NoExecute"])
          .optional()
          .describe("Its effect. Default: any."),
      }),
    )
    .optional()
    .describe("Taints of nodes that do not keep Jobs away. Default: none."),
});

const pool = z.strictObject({
  ...poolKeys,
  executors: z
    .array(z.enum(["process", "container", "slurm", "kubernetes"]))
    .optional()
    .describe("Executors it has. Default: `process` and `container`."),
  kubernetes: kubernetes.optional().describe("The cluster's part of a pool with the executor `kubernetes`."),
  domains: z
    .array(z.enum(["main", "pr", "fork"]))
    .optional()
    .describe("Whose work it takes. Default: `main` and `pr`."),
  platform: text.optional().describe("What keys name. Default `linux-x64`."),
  accelerator: text.optional().describe("What keys name, such as `cuda-12.4-sm90`. Default: none."),
  usd_per_hour: z.number().min(0).optional().describe("Price of one slot."),
  untrusted: z
    .boolean()
    .optional()
    .describe(
      "True: what forks bring may run on it, walled in, without network, secrets and store credential. Default false.",
    ),
});

const source = z.string().regex(/^(\*$|(env|file):.)/, "a source such as `env:HF_TOKEN` or `file:/run/secrets/s3`");

const installation = z.strictObject({
  account: text.describe("The organisation or person that installed the App."),
  repositories: names.optional().describe('Names of repositories, `*` for any. Default `["*"]`.'),
  sources: z
    .array(source)
    .optional()
    .describe(
      "What `from:` and `webhook:` of these repositories may name, such as `env:HF_TOKEN`; a `*` at the end stands for any rest. Default: nothing.",
    ),
});

const store = z.union([
  z.strictObject({ kind: z.literal("filesystem").describe("A directory."), path: text.describe("The directory.") }),
  z.strictObject({
    kind: z.literal("s3").describe("A bucket."),
    bucket: text.describe("Its name."),
    prefix: text.optional().describe("Before every name in it. Default: nothing."),
    region: text.optional().describe("Default: the environment's."),
    endpoint: z
      .string()
      .regex(/^https?:\/\/\S+$/, "an address such as `https://s3.example.org`")
      .optional()
      .describe("For stores that are not Amazon's."),
    path_style: z
      .boolean()
      .optional()
      .describe("Whether the bucket's name stands in the path. Default: true with an `endpoint`."),
  }),
]);

/** The operator's file (`SLUICE_CONFIG`), version 1. */
export const operatorSchema = z
  .strictObject({
    version: z.literal(1).describe("Version of this format."),
    ...sharedKeys,
    installations: z
      .array(installation)
      .optional()
      .describe("Whom the service works for. Default: every installation, without secrets."),
    store: store.optional().describe("Where bytes are kept."),
    pools: z.record(text, pool).optional().describe("Named sets of workers."),
    least_isolation: z
      .enum(["workspace", "sandbox", "container"])
      .optional()
      .describe("No step runs at less. Default `workspace`."),
    largest_weight: z
      .number()
      .positive()
      .optional()
      .describe("The most that a repository may give a pipeline. Default 10."),
    secret_backends: z
      .array(z.enum(["env", "file"]))
      .optional()
      .describe("Kinds of sources that workers can read. Default `[env]`."),
    dataset_hosts: names
      .optional()
      .describe("Hosts and buckets that datasets may be fetched from. Default: any public one."),
    quotas: z
      .strictObject({
        runs_per_day: z.int().min(1).optional().describe("Runs of one repository in 24 hours."),
        steps_at_once: z.int().min(1).optional().describe("Attempts of one repository at once."),
        steps_per_run: z.int().min(1).optional().describe("Steps of one run."),
        artifact: size.optional().describe("Bytes of one output."),
        store: size.optional().describe("Bytes that one repository keeps."),
      })
      .optional()
      .describe("Limits for each repository. Default: none."),
    signing_keys: z
      .array(
        z.strictObject({
          id: text.describe("A name for people; signatures name the key by its digest."),
          public: digits.describe("The public half: Ed25519, base64."),
          retired: z.boolean().optional().describe("True: verifies, signs no more. Default false."),
        }),
      )
      .optional()
      .describe("Keys that manifests are verified against."),
  })
  .describe("Settings of a service, read from `SLUICE_CONFIG`.");

export type RawOperator = z.infer<typeof operatorSchema>;

/** Keys that only an operator may write; `sluice.yaml` is told where they belong. */
export const OPERATOR_KEYS: ReadonlySet<string> = new Set([
  "executors",
  "kubernetes",
  "domains",
  "platform",
  "accelerator",
  "usd_per_hour",
  "untrusted",
  "installations",
  "least_isolation",
  "largest_weight",
  "secret_backends",
  "dataset_hosts",
  "quotas",
  "signing_keys",
]);
