import type { StagedInput } from "../executor/executor.ts";
import type { Json, JsonObject } from "../identity/canonical-json.ts";
import type { Domain, RunId } from "../identity/identity.ts";
import type { Deploys } from "../run/run-record.ts";
import type { StepEnd, StepJob } from "../run/step-job.ts";

/** One attempt as it travels to a worker: complete, so that a worker needs nothing but queue and store. */
export interface StagedJob {
  /** Unique per run and attempt. */
  readonly id: string;
  readonly run: RunId;
  readonly domain: Domain;
  readonly requestedBy: string | null;
  readonly job: Omit<StepJob, "upstream">;
  readonly staged: readonly StagedInput[];
  readonly params: JsonObject;
  /** What is deployed by it; null: nothing. */
  readonly deploys: Deploys | null;
  /** What the operator and the default branch ask for. */
  readonly sandbox: "auto" | "require";
  /** Signed, where the step asks for secrets: which it may have, and from where. */
  readonly secretOrder: string | null;
}

/** Raised with its shape; n and n−1 are understood, so that controllers and workers can be renewed one by one. */
const VERSION = 4;

export function encodeAttempt({ job, staged, ...rest }: StagedJob): JsonObject {
  const { id, step, document, key, attempt, cause, forced, memoryBytes } = job;
  const inputs = staged.map((input) =>
    input.kind === "bytes" ? { ...input, bytes: Buffer.from(input.bytes).toString("base64") } : input,
  );
  const value = {
    version: VERSION,
    ...rest,
    job: { id, step, document, key, attempt, cause, forced, memoryBytes },
    staged: inputs,
  };
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

/** What an order for secrets is signed for: the attempt as it travels, but for that order. */
export function withoutOrder(payload: Json): JsonObject {
  return { ...(payload as JsonObject), secretOrder: null };
}

/** Whether `decodeAttempt` understands it. */
export function readsAttempt(payload: Json): boolean {
  if (typeof payload !== "object" || payload === null || !("version" in payload)) return false;
  return payload.version === VERSION || payload.version === VERSION - 1;
}

/** Of something that `readsAttempt`. */
export function decodeAttempt(payload: Json): StagedJob {
  const value = payload as unknown as StagedJob & { readonly version: unknown };
  const staged = value.staged.map((input) =>
    input.kind === "bytes"
      ? { ...input, bytes: new Uint8Array(Buffer.from(input.bytes as unknown as string, "base64")) }
      : input,
  );
  const { step } = value.job;
  const job = { ...value.job, step: { ...step, step: { ...step.step, checkpoint: step.step.checkpoint ?? null } } };
  const { secretOrder = null, deploys = null, sandbox = "auto" } = value as Partial<StagedJob>;
  return { ...value, job, staged, secretOrder, deploys, sandbox };
}

export function encodeEnd(end: StepEnd): Json {
  return JSON.parse(JSON.stringify(end)) as Json;
}

export function decodeEnd(value: Json): StepEnd {
  const end = value as unknown as StepEnd;
  if (end.kind === "failed") return { ...end, nearMiss: end.nearMiss ?? undefined };
  return end;
}
