import {
  parseCommitSha,
  parseDigest,
  parseRunId,
  type CommitSha,
  type Digest,
  type RunId,
} from "../identity/identity.ts";
import type { MetricValue } from "../key/key-document.ts";
import { runMetrics } from "../manifest/commit-message.ts";
import type { Json } from "../identity/canonical-json.ts";
import type { RunRecord } from "../run/run-record.ts";
import { outputsOf } from "./artifact.ts";

/** The unit that moves between environments, fixed at its run: nothing of it is ever built again. */
export interface Release {
  readonly pipeline: string;
  readonly run: RunId;
  readonly source: CommitSha;
  /** Digest of the run's manifest, which names everything else. */
  readonly manifest: Digest;
  readonly params: Readonly<Record<string, Json>>;
  readonly data: readonly { readonly name: string; readonly digest: Digest }[];
  /** Digests of images and locks, without repetition. */
  readonly environments: readonly string[];
  /** All that its steps wrote, because a deployment may read any of it; what no other step reads comes first, then from the last step to the first. */
  readonly artifacts: readonly { readonly path: string; readonly digest: Digest }[];
  readonly metrics: Readonly<Record<string, MetricValue>>;
}

/** What a recorded run gives to promote. */
export function releaseOf(record: RunRecord, manifest: Digest): Release {
  const documents = record.steps.flatMap(({ document }) => document ?? []);
  const environments = documents.flatMap(({ image, environment }) => [image, environment?.lock ?? null]);
  return {
    pipeline: record.pipeline.id,
    run: record.id,
    source: record.source,
    manifest,
    params: record.params,
    data: record.datasets.map(({ name, digest }) => ({ name, digest })),
    environments: [...new Set(environments.filter((one) => one !== null))].sort(),
    artifacts: [
      ...outputsOf(record.steps.filter(({ terminal }) => terminal)),
      ...outputsOf(record.steps.filter(({ terminal }) => !terminal).toReversed()),
    ].map(({ path, digest }) => ({ path, digest })),
    metrics: Object.fromEntries(runMetrics(record)),
  };
}

/** What `environments/<environment>/<pipeline>.yaml` pins. */
export interface Pin {
  readonly environment: string;
  readonly pipeline: string;
  readonly run: RunId;
  readonly manifest: Digest;
  readonly source: CommitSha;
}

/** Where an environment's release of a pipeline stands on the default branch. */
export function pinPath({ environment, pipeline }: Pick<Pin, "environment" | "pipeline">): string {
  return `environments/${environment}/${pipeline}.yaml`;
}

const HEAD = "# Written by Sluice: a promotion or a rollback changes it, never a hand.\nversion: 1\n";

/** The bytes of a pin; a promotion pull request is valid iff its file equals them (SEMANTICS §11). */
export function renderPin(pin: Pin): string {
  const lines = [
    `environment: ${JSON.stringify(pin.environment)}`,
    `pipeline: ${JSON.stringify(pin.pipeline)}`,
    `run: ${JSON.stringify(pin.run)}`,
    `manifest: ${JSON.stringify(pin.manifest)}`,
    `source: ${JSON.stringify(pin.source)}`,
  ];
  return `${HEAD}${lines.join("\n")}\n`;
}

const LINE = /^(environment|pipeline|run|manifest|source): ("(?:[^"\\]|\\.)*")$/;

/** A pin that Sluice wrote, or undefined for bytes that differ in anything: those are drift. */
export function parsePin(text: string): Pin | undefined {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value] = LINE.exec(line) ?? [];
    if (name !== undefined && value !== undefined) found.set(name, unquoted(value));
  }
  const run = parseRunId(found.get("run") ?? "");
  const manifest = parseDigest(found.get("manifest") ?? "");
  const source = parseCommitSha(found.get("source") ?? "");
  if (run === undefined || manifest === undefined || source === undefined) return undefined;
  const pin = {
    environment: found.get("environment") ?? "",
    pipeline: found.get("pipeline") ?? "",
    run,
    manifest,
    source,
  };
  return renderPin(pin) === text ? pin : undefined;
}

function unquoted(value: string): string {
  try {
    return JSON.parse(value) as string;
  } catch {
    return "";
  }
}

/** Branch of the one promotion pull request that an environment has for a pipeline. */
export function promotionBranch({ environment, pipeline }: Pick<Pin, "environment" | "pipeline">): string {
  return `sluice/promote/${environment}/${pipeline}`;
}
