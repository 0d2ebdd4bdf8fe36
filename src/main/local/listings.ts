import type { Dispatcher } from "../../queue/dispatcher.ts";
import type { StepEnd, StepJob } from "../../run/step-job.ts";
import type { Store } from "../../store/store.ts";

/** A part of main.ts: what other machines wrote can be named file by file once its listing is here. */
export function withListings(
  dispatcher: Dispatcher<StepJob, StepEnd>,
  store: Pick<Store, "listing">,
): Dispatcher<StepJob, StepEnd> {
  return {
    slots: dispatcher.slots,
    dispatch: (job) => dispatcher.dispatch(job),
    async next() {
      const answer = await dispatcher.next();
      const { end } = answer;
      if (end.kind === "ended" && (end.value.kind === "succeeded" || end.value.kind === "found"))
        for (const { kind, digest } of end.value.result.facts.outputs)
          if (kind === "directory") await store.listing(digest);
      return answer;
    },
    cancel: (id) => dispatcher.cancel(id),
    [Symbol.asyncDispose]: () => dispatcher[Symbol.asyncDispose](),
  };
}
