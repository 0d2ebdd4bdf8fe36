import { recordEvents } from "../../controller/record-events.ts";
import type { ReleaseEvent, SignedElsewhere } from "../../release/release-event.ts";
import type { Place } from "./promotion-place.ts";
import { keysOf } from "./signing-keys.ts";

/** The ledger takes nothing now; everything is decided anew when it is asked again. */
export class NotRecordedNow extends Error {}

/** `signed`: what another of our keys signed already, by path. */
export async function record(
  { service, repository }: Place,
  events: readonly ReleaseEvent[],
  signed: ReadonlyMap<string, SignedElsewhere> = new Map(),
): Promise<void> {
  if (events.length === 0) return;
  const { mirror, forge } = repository;
  const { ledger, signer } = service.parts;
  const recorded = await recordEvents(
    {
      git: mirror,
      signer,
      keys: keysOf(service.parts),
      signed,
      ledger: {
        ref: ledger,
        refresh: async () => void (await mirror.refresh([ledger])),
        publish: ({ from, to }) => mirror.publish([{ ref: ledger, from, to }]),
      },
    },
    String(forge.repository.id),
    events,
  );
  if (recorded.kind === "later") throw new NotRecordedNow(`recording releases: ${recorded.why}`);
}
