import { cpus, totalmem } from "node:os";
import { acceptRun } from "../../controller/accept-run.ts";
import { lostOrders, openOrders } from "../../controller/open-orders.ts";
import { runAccepted } from "../../controller/run-accepted.ts";
import { isOfFork } from "../../identity/identity.ts";
import { keysOf } from "../release/signing-keys.ts";
import { forgeRepository, type ForgeRepository } from "./forge-repository.ts";
import { withBegun } from "../run/begun.ts";
import { tellNewKey } from "../release/new-key.ts";
import { tellForged } from "../run/forged.ts";
import { acceptedRef, orderRef } from "../../run/request.ts";
import { executeRun } from "../run/execute-run.ts";
import { recordEnded } from "../run/record-ended.ts";
import type { Service, ServiceParts } from "./parts.ts";

/** Longer waits do not help a forge that refuses, and a person who waits for a result would wait with it. */
const RECORD_AGAIN_MS = 5_000;

/** The platform that pools declare unless the operator says otherwise (SEMANTICS §2). */
const PLATFORM = "linux-x64";

export function composeService(parts: ServiceParts): Service {
  const repositories = new Map<number, Promise<ForgeRepository>>();
  const { store, signer, ledger } = parts;
  const keys = keysOf(parts);
  const forged = tellForged(parts.onError);
  const open: Service["open"] = ({ mirror, forge }, refs) =>
    openOrders({ mirror, signer, forged: (ref, commit) => forged(forge.repository, ref, commit) }, refs);
  return {
    parts,
    open,
    tellNewKey: tellNewKey(parts),
    lost: ({ mirror }, refs) => lostOrders({ mirror, signer, ledger, keys }, refs),
    repository(ref) {
      const known = repositories.get(ref.id);
      if (known !== undefined) return known;
      const opened = forgeRepository({
        forge: parts.forges.open(ref),
        store,
        data: parts.data,
        program: parts.program,
        run: parts.run,
        ledger,
        operator: parts.operator,
        signer,
        version: parts.version,
      });
      repositories.set(ref.id, opened);
      opened.catch(() => repositories.delete(ref.id));
      return opened;
    },
    accept(repository, order) {
      const about = { "sluice.run": order.id, "sluice.trigger": order.trigger };
      return parts.tracing.span("accept", about, () =>
        acceptRun({ mirror: repository.mirror, signer, ledger, keys }, order),
      );
    },
    async run(repository, id, stop) {
      const ran = await runAccepted(
        {
          mirror: repository.mirror,
          planAt: (at) => parts.tracing.span("plan", { "sluice.run": id }, () => repository.planAt(at)),
          clock: parts.clock,
          signer,
          openOrders: (refs) => open(repository, refs),
          ledger,
          keys,
          async deployed({ request, id: self }) {
            await repository.history.sync();
            return repository.history.runs({ request }).some((run) => run.id !== self && run.status !== "superseded");
          },
          forkPool: async ({ domain }) =>
            isOfFork(domain) ? ((await repository.rules())?.settings.forks.pool ?? null) : null,
          execute: (run) => executeRun(parts, repository, { run, stop }),
          host: {
            platform: PLATFORM,
            cpus: cpus().length,
            memoryBytes: totalmem(),
            version: parts.version,
          },
        },
        id,
      );
      if (ran.kind === "not-accepted") return { kind: "nothing" };
      if (ran.kind === "again") return ran;
      if (ran.kind === "recorded") {
        await repository.mirror.publish([{ ref: acceptedRef(id), from: ran.acceptance, to: null }]);
        await repository.mirror.drop(orderRef(id));
        await parts.begun.forget(id);
        return { kind: "nothing" };
      }
      const stopped = stop.as();
      // A lost lease is no end: whoever holds it now takes the run to its end.
      if (ran.record.status === "cancelled" && stopped === null)
        return { kind: "again", afterMs: 5_000, why: "it goes on elsewhere" };
      const status = ran.record.status === "cancelled" ? (stopped ?? "cancelled") : ran.record.status;
      const ended = await withBegun(parts, { ...ran.record, status }, ran.domain);
      const recorded = await recordEnded(parts, repository, { ...ran, record: ended });
      // Its results are kept: taken up again it is planned, and all that is left to do is this.
      if (recorded.kind === "later") return { kind: "again", afterMs: RECORD_AGAIN_MS, why: recorded.why };
      await repository.mirror.drop(orderRef(id));
      await parts.begun.forget(id);
      repository.save();
      return { kind: "recorded", record: ended };
    },
  };
}
