import { unwritable } from "../result/unwritable.ts";
import type { Failure } from "../run/run-record.ts";
import type { Attempt, AttemptEnd, AttemptOrder } from "./executor.ts";
import type { LaunchEnd } from "./launcher-client.ts";

/** An attempt that ended before its process began: nothing was measured. */
export function endedBefore(failure: Failure): AttemptEnd {
  return {
    kind: "ended",
    failure,
    cancelled: false,
    profile: { wallMs: 0, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" },
  };
}

/** What the system refused around a step, as the end of its attempt; everything else is a surprise and stays one. */
export function endedBySystem(error: unknown, what: string): AttemptEnd {
  if (!(error instanceof Error && "syscall" in error && "code" in error)) throw error;
  if (unwritable(error)?.kind === "full") return endedBefore({ kind: "disk-full", path: "." });
  return endedBefore({ kind: "lost", why: `${what} (${String(error.code)})` });
}

/** An attempt that has no place: it was refused before anything was made for it. */
export function neverBegun(failure: Failure): Attempt {
  return {
    workspace: "",
    log: "",
    ended: Promise.resolve(endedBefore(failure)),
    undeclared: () => Promise.resolve([]),
    dispose: () => Promise.resolve(),
  };
}

/** What the launcher saw, as the end of an attempt; that memory ran out is said only where the kernel counted it. */
export function endOf(order: AttemptOrder, end: LaunchEnd, outOfMemory: boolean): AttemptEnd {
  const oom: Failure = { kind: "oom", limitBytes: order.memoryBytes, peakBytes: null };
  if (end.kind === "lost") return endedBefore(outOfMemory ? oom : { kind: "lost", why: end.why });
  const profile = {
    wallMs: Math.round(end.wallMs),
    cpuUserMs: end.user,
    cpuSystemMs: end.system,
    peakBytes: end.peak,
    method: end.method,
  };
  const failure = failureOf(order, end);
  const why = failure !== null && outOfMemory && !end.timeout ? { ...oom, peakBytes: end.peak } : failure;
  return { kind: "ended", failure: why, cancelled: end.cancelled, profile };
}

function failureOf(order: AttemptOrder, end: Extract<LaunchEnd, { kind: "ended" }>): Failure | null {
  if (end.timeout) return { kind: "timeout", limitMs: order.timeoutMs ?? 0 };
  if ("spawn" in end.exit)
    return { kind: "refused", why: end.exit.spawn, next: "correct `run:`, or add the program to the environment" };
  if ("signal" in end.exit) return { kind: "signal", signal: end.exit.signal };
  return end.exit.code === 0 ? null : { kind: "exit", code: end.exit.code };
}
