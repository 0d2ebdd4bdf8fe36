import type { Room } from "./queued-step.ts";

/** The room of one machine, given to those who ask for it first come, first served. */
export interface RoomGate {
  /** Whether it could ever be given. */
  fits(demand: Room): boolean;
  /** Ends when there is room, with what gives it back; undefined when it was not wanted any more. */
  enter(demand: Room, signal: AbortSignal): Promise<(() => void) | undefined>;
}

interface Asking {
  readonly demand: Room;
  readonly enter: () => void;
}

/** Nobody overtakes: what asks for much is as sure to get it as what asks for little. */
export function roomGate(total: Room): RoomGate {
  let free = total;
  const asking: Asking[] = [];

  function count(demand: Room, sign: 1 | -1): void {
    free = withRoom(free, demand, sign);
  }

  function admit(): void {
    for (let first = asking[0]; first !== undefined && within(first.demand, free); first = asking[0]) {
      asking.shift();
      count(first.demand, -1);
      first.enter();
    }
  }

  return {
    fits: (demand) => within(demand, total),
    enter(demand, signal) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve(undefined);
        const leave = (): void => {
          count(demand, 1);
          admit();
        };
        const give = (): void => {
          asking.splice(asking.indexOf(one), 1);
          resolve(undefined);
          admit();
        };
        const one: Asking = {
          demand,
          enter() {
            signal.removeEventListener("abort", give);
            resolve(leave);
          },
        };
        signal.addEventListener("abort", give, { once: true });
        asking.push(one);
        admit();
      });
    },
  };
}

/** Cores are counted in thousandths: sums of fractions drift, and a machine that is free again would never be quite free. */
export function withRoom(room: Room, demand: Room, sign: 1 | -1): Room {
  return {
    cpu: (Math.round(room.cpu * 1_000) + sign * Math.round(demand.cpu * 1_000)) / 1_000,
    memoryBytes: room.memoryBytes + sign * demand.memoryBytes,
    gpus: room.gpus + sign * demand.gpus,
  };
}

/** Whether what is asked for finds place in what is there. */
export function within(demand: Room, room: Room): boolean {
  return demand.cpu <= room.cpu && demand.memoryBytes <= room.memoryBytes && demand.gpus <= room.gpus;
}
