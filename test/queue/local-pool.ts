import type { FairPool } from "../../src/queue/fair-pool.ts";
import { poolBacklog } from "../../src/queue/pool-backlog.ts";

const NO_ROOM = { cpu: 0, memoryBytes: 0, gpus: 0 };
const NOTHING = { submit: [], running: [], withdraw: [], ended: [] };

/** A backlog in this process, with so many slots. */
export function localPool(slots: number): Pick<FairPool, "open"> & { readonly out: () => number } {
  const grants = new Map<string, (id: string) => void>();
  const backlog = poolBacklog((session, id) => grants.get(session)?.(id));
  backlog.resize({ paused: false, slots, room: NO_ROOM, rooms: [NO_ROOM] });
  return {
    out: () => backlog.out,
    open(grant) {
      const session = String(grants.size);
      grants.set(session, grant);
      return {
        submit: (step) => backlog.take(session, { ...NOTHING, submit: [step] }, 0),
        withdraw: (id) => backlog.take(session, { ...NOTHING, withdraw: [id] }, 0),
        ended: (id) => backlog.take(session, { ...NOTHING, ended: [id] }, 0),
        close: () => Promise.resolve(backlog.close(session)),
      };
    },
  };
}
