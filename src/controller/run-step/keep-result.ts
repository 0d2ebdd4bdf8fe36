import type { AttemptEnd } from "../../executor/executor.ts";
import type { Digest } from "../../identity/identity.ts";
import { resultDigest, type Isolation, type StepResult } from "../../key/key-document.ts";
import type { AttemptRecord } from "../../run/run-record.ts";
import type { StepEnd, StepJob } from "../../run/step-job.ts";
import type { Store } from "../../store/store.ts";
import type { Collected } from "./collect-outputs.ts";
import type { StepContext, StepPorts } from "./step-context.ts";

const SIDE_BY_SIDE = 16;

/** Creates the result once for its key and domain; whoever came first stands, unless it was forced or has lost its bytes. */
export async function keepResult(
  ports: StepPorts,
  context: StepContext,
  done: {
    readonly job: StepJob;
    readonly collected: Collected;
    readonly end: AttemptEnd;
    readonly isolation: Isolation;
    readonly drifted: boolean;
    readonly record: AttemptRecord;
  },
): Promise<StepEnd> {
  const { job, collected, record } = done;
  const result: StepResult = {
    result: 1,
    key: job.key,
    // In the order of canonical JSON, as outputs are: digest and manifest of thousands need not sort them.
    facts: { metrics: collected.metrics, outputs: collected.outputs },
    made: {
      run: context.run,
      step: job.step.name,
      attempt: job.attempt,
      domain: context.domain,
      isolation: done.isolation,
      network: job.document.network,
      secrets: job.document.secrets.length > 0,
      finishedAt: new Date(ports.clock.now()).toISOString(),
      profile: done.end.profile,
      log: record.log,
    },
  };
  const succeeded = (the: StepResult, different: readonly Digest[]): StepEnd => ({
    kind: "succeeded",
    result: the,
    digest: resultDigest(the),
    attempt: record,
    different,
  });
  // What was made in another environment than its key says lives under this run alone.
  if (!job.step.step.cache || job.step.step.effects || done.drifted) return succeeded(result, []);
  const created = await ports.store.createResult(context.domain, result);
  if (created.kind === "created") return succeeded(result, []);
  if (created.same) return succeeded(created.result, []);
  if (!job.forced && (await isWhole(ports.store, created.result)))
    return succeeded(created.result, [resultDigest(result)]);
  const who = context.requestedBy ?? "local";
  const reason = job.forced ? `--force ${job.step.name}` : "the bytes of the first result are not there any more";
  const why = { who, reason };
  await ports.store.revoke(context.domain, { old: created.result, now: result, why });
  return succeeded(result, [resultDigest(created.result)]);
}

/** Whether all bytes of a result are there. */
async function isWhole(store: Pick<Store, "present" | "listing">, { facts }: StepResult): Promise<boolean> {
  const bytes = new Set<Digest>();
  for (const { kind, digest } of facts.outputs) {
    if (kind !== "directory") bytes.add(digest);
    const inside = kind === "directory" ? await store.listing(digest) : [];
    if (inside === undefined) return false;
    for (const entry of inside) if (!("link" in entry)) bytes.add(entry.digest);
  }
  const all = [...bytes];
  for (let at = 0; at < all.length; at += SIDE_BY_SIDE) {
    const some = all.slice(at, at + SIDE_BY_SIDE);
    const there = await Promise.all(some.map((digest) => store.present(digest)));
    if (!there.every(Boolean)) return false;
  }
  return true;
}
