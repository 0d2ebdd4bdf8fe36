import type { Domain } from "../../identity/identity.ts";
import { flights, type Flights } from "../../queue/flights.ts";
import type { Leases } from "../../queue/queue.ts";
import type { StepEnd, StepJob } from "../../run/step-job.ts";
import { settled, type Store } from "../../store/store.ts";

/** A part of main.ts: runs of one domain that need the same key compute it once; what is forced or never cached is each run's own. */
export function flightsOf(
  {
    leases,
    store,
    onError,
  }: { readonly leases: Leases; readonly store: Store; readonly onError: (error: unknown) => void },
  domain: Domain,
): Flights<StepJob, StepEnd> {
  return flights({
    leases,
    holder: String(process.pid),
    nameOf: ({ key, forced, step: { step } }) =>
      forced || !step.cache || step.effects ? undefined : `${domain}.${key.slice("sha256:".length)}`,
    async found({ key }) {
      const reader = await store.reader(domain);
      const result = await settled(reader, () => reader.result(key));
      return result === undefined ? undefined : { kind: "found", result, attempt: null };
    },
    onError,
  });
}
