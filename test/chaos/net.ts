import { spawnSync } from "node:child_process";

/** A network of workers on this machine: each in a namespace of its own, on a cable that can be pulled. */
export interface Net {
  /** This machine's address in it. */
  readonly host: string;
  /** Words before a command that is to live in namespace `at`. */
  enter(at: number): readonly string[];
  cut(at: number): void;
  mend(at: number): void;
  remove(): void;
}

/** `salt`: a number that tells this town's network from those of others on the machine. */
export function startNet(salt: number, count: number): Net {
  const bridge = `slc${salt % 1_000_000}`;
  const subnet = `10.${200 + (salt % 50)}.${(salt >> 6) % 250}`;
  const host = `${subnet}.1`;
  const cable = (at: number): string => `${bridge}v${at}`;
  const space = (at: number): string => `${bridge}n${at}`;
  ip("link", "add", bridge, "type", "bridge");
  ip("addr", "add", `${host}/24`, "dev", bridge);
  ip("link", "set", bridge, "up");
  for (let at = 0; at < count; at++) {
    ip("netns", "add", space(at));
    ip("link", "add", cable(at), "type", "veth", "peer", "name", "eth0", "netns", space(at));
    ip("link", "set", cable(at), "master", bridge, "up");
    ip("-n", space(at), "addr", "add", `${subnet}.${10 + at}/24`, "dev", "eth0");
    for (const device of ["lo", "eth0"]) ip("-n", space(at), "link", "set", device, "up");
  }
  const remove = (): void => {
    for (let at = 0; at < count; at++) spawnSync("ip", ["netns", "del", space(at)]);
    spawnSync("ip", ["link", "del", bridge]);
  };
  // Whoever stops the suite in the middle leaves nothing behind.
  process.once("exit", remove);
  return {
    host,
    enter: (at) => ["nsenter", `--net=/run/netns/${space(at)}`],
    cut: (at) => ip("link", "set", cable(at), "down"),
    mend: (at) => ip("link", "set", cable(at), "up"),
    remove() {
      process.off("exit", remove);
      remove();
    },
  };
}

/** Why no network can be made here; undefined where one can. */
export function noNet(): string | undefined {
  const name = `slc-try-${process.pid}`;
  const made = spawnSync("ip", ["netns", "add", name]);
  if (made.error !== undefined) return "there is no ip(8) here (apt install iproute2)";
  if (made.status !== 0) return "network namespaces may not be made here";
  spawnSync("ip", ["netns", "del", name]);
  return undefined;
}

function ip(...words: readonly string[]): void {
  const { status, stderr } = spawnSync("ip", words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${words.join(" ")}: ${stderr.trim()}`);
}
