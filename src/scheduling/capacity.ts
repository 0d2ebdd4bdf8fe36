import type { Room } from "./queued-step.ts";
import { within } from "./room.ts";

/** Of machines that nobody has seen yet: anything may come. */
export const UNBOUNDED: Room = {
  cpu: Number.POSITIVE_INFINITY,
  memoryBytes: Number.POSITIVE_INFINITY,
  gpus: Number.POSITIVE_INFINITY,
};

/** The largest of the machines seen so far: one that another has all of says nothing more. */
export function withSeen(largest: readonly Room[], seen: Room): readonly Room[] {
  if (largest.some((room) => within(seen, room))) return largest;
  return [...largest.filter((room) => !within(room, seen)), seen];
}

/** What there is for a step that runs on one of these machines: the most memory that stands beside its cores and GPUs. */
export function capacityFor(rooms: readonly Room[], { cpu, gpus }: Pick<Room, "cpu" | "gpus">): Room {
  const withCores = rooms.filter((room) => room.cpu >= cpu);
  const withBoth = withCores.filter((room) => room.gpus >= gpus);
  const among = [withBoth, withCores, rooms].find(({ length }) => length > 0);
  if (among === undefined) return UNBOUNDED;
  return {
    cpu: Math.max(...among.map((room) => room.cpu)),
    memoryBytes: Math.max(...among.map((room) => room.memoryBytes)),
    gpus: Math.max(...among.map((room) => room.gpus)),
  };
}
