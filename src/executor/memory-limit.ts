import { randomUUID } from "node:crypto";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Groups of processes that the kernel holds to a limit of memory (cgroup v2), one for each slot. */
export interface MemoryLimits {
  /** The group of a slot, made when it is first asked for. */
  group(slot: number): MemoryGroup;
  /** Removes all groups; their processes have ended. */
  close(): void;
}

export interface MemoryGroup {
  /** A command line that runs the given one inside the group, with everything that it starts. */
  inside(command: readonly string[]): readonly string[];
  /** Bytes that a step may use on top of what stands in the group already. */
  limit(bytes: number): void;
  /** How often the kernel killed for want of memory here (`oom_kill` of memory.events). */
  kills(): number;
}

export type MemoryHere =
  | { readonly kind: "enforced"; readonly open: () => MemoryLimits }
  | { readonly kind: "not-enforced"; readonly why: string };

/** Writes the shell's own id, then becomes the command: no child can slip out before it. */
const ENTER = 'echo $$ > "$0" && exec "$@"';

/**
 * Whether this process may hold its steps to memory limits; tried once, by doing it. Each executor has groups of its own,
 * apart from those of other containers as well, whose processes have the same numbers.
 */
export function memoryLimitsHere(root = "/sys/fs/cgroup", self = "/proc/self/cgroup"): MemoryHere {
  const refused = (why: string): MemoryHere => ({ kind: "not-enforced", why });
  if (process.platform !== "linux") return refused("only Linux can");
  if (!existsSync(join(root, "cgroup.controllers"))) return refused("there is no cgroup v2 here");
  const path = /^0::(\/.*)$/m.exec(readIfThere(self) ?? "")?.[1];
  if (path === undefined) return refused("this process is in no cgroup v2");
  const own = join(root, path);
  // A group with processes has no limited groups below it, so that usually the one above is the place.
  for (const above of own === root ? [own] : [own, dirname(own)]) {
    const directory = join(above, `sluice-${process.pid}-${randomUUID()}`);
    if (!tryGroup(directory)) continue;
    return { kind: "enforced", open: () => openLimits(directory) };
  }
  return refused("this process may not make limited cgroups (a systemd user session or `Delegate=yes` allows it)");
}

function tryGroup(directory: string): boolean {
  try {
    const limits = openLimits(directory);
    try {
      const group = limits.group(0);
      group.limit(64 * 1_024 * 1_024);
      const [program = "", ...args] = group.inside(["/bin/true"]);
      return spawnSync(program, args, { timeout: 5_000 }).status === 0;
    } finally {
      limits.close();
    }
  } catch {
    return false;
  }
}

function openLimits(directory: string): MemoryLimits {
  mkdirSync(directory, { recursive: true });
  const groups = new Map<number, MemoryGroup>();
  return {
    group(slot) {
      const known = groups.get(slot);
      if (known !== undefined) return known;
      const place = join(directory, `slot-${slot}`);
      const made = makeGroup(directory, place);
      groups.set(slot, made);
      return made;
    },
    close() {
      for (const slot of groups.keys()) removeGroup(join(directory, `slot-${slot}`));
      removeGroup(directory);
    },
  };
}

function makeGroup(directory: string, place: string): MemoryGroup {
  if (!existsSync(place)) {
    writeFileSync(join(directory, "cgroup.subtree_control"), "+memory");
    mkdirSync(place);
  }
  if (!existsSync(join(place, "memory.max"))) throw new Error(`making ${place}: memory is not controlled there`);
  const swap = join(place, "memory.swap.max");
  if (existsSync(swap)) writeFileSync(swap, "0");
  return {
    inside: (command) => ["/bin/sh", "-c", ENTER, join(place, "cgroup.procs"), ...command],
    limit(bytes) {
      writeFileSync(
        join(place, "memory.max"),
        String(heldMemory(readIfThere(join(place, "memory.stat")) ?? "") + bytes),
      );
    },
    kills: () => oomKills(readIfThere(join(place, "memory.events")) ?? ""),
  };
}

/** Bytes of a memory.stat that the kernel cannot drop: its file cache makes room by itself. */
export function heldMemory(stat: string): number {
  const field = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(stat)?.[1] ?? 0);
  return field("anon") + field("kernel");
}

/** `oom_kill` of a memory.events file. */
export function oomKills(events: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0);
}

function removeGroup(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Something still ends in it: an empty group costs nothing, and the next boot has none.
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
