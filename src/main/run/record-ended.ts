import { recordRun } from "../../controller/record-run.ts";
import { keysOf } from "../release/signing-keys.ts";
import { type ForgeRepository } from "../serve/forge-repository.ts";
import type { RunRecord } from "../../run/run-record.ts";
import { acceptedRef } from "../../run/request.ts";
import type { ServiceParts } from "../serve/parts.ts";

/** Puts a run that ended on the ledger and ends its acceptance, in one step. */
export async function recordEnded(
  { store, signer, ledger, operator }: ServiceParts,
  { mirror, history }: ForgeRepository,
  ran: { readonly record: RunRecord; readonly acceptance: Parameters<typeof mirror.changed>[0] },
): ReturnType<typeof recordRun> {
  const { record: run, acceptance } = ran;
  await history.sync();
  const before = history.runs({ pipeline: run.pipeline.id, limit: 1 })[0]?.metrics;
  let tried = false;
  const recorded = await recordRun(
    {
      git: mirror,
      store,
      signer,
      ledger: {
        ref: ledger,
        keys: keysOf({ signer, operator }),
        refresh: async () => void (await mirror.refresh([ledger, acceptedRef(run.id)])),
        async publish({ from, to }) {
          // Deleted by hand meanwhile, as a refresh has seen, it has no end to be given; accepted once more, it ends too.
          const open = tried ? await mirror.resolve(acceptedRef(run.id)) : acceptance;
          tried = true;
          return mirror.publish([
            { ref: ledger, from, to },
            ...(open === undefined ? [] : [{ ref: acceptedRef(run.id), from: open, to: null }]),
          ]);
        },
      },
    },
    { record: run, before, known: (id) => history.computed(id), tree: new Map() },
  );
  if (recorded.kind === "recorded") history.recorded(run, recorded);
  return recorded;
}
