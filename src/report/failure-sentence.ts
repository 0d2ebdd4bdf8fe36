import type { Failure } from "../run/run-record.ts";
import { formatLimit, formatMemory } from "./bytes.ts";
import { ownWords } from "./cause.ts";
import { formatDuration } from "./duration.ts";
import type { Voice } from "./voice.ts";
import { comparison, listed } from "./words.ts";

/** Why an attempt failed, as the half sentence after the colon: `out of memory at 2.0 GiB of 2 GiB`. */
export function failureSentence(failure: Failure, voice: Voice): string {
  switch (failure.kind) {
    case "exit":
      return exitSentence(failure.code);
    case "signal":
      return signalSentence(failure.signal, voice);
    case "timeout":
      return `stopped at its time limit of ${formatDuration(failure.limitMs)}`;
    case "oom":
      return memorySentence(failure);
    case "lost":
      return `its process was lost: ${ownWords(failure.why, voice)}`;
    case "missing-output":
      return `it did not write ${paths(failure.paths, voice)}`;
    case "wrong-output":
      return `its output ${voice.code(failure.path)} cannot be kept: ${ownWords(failure.why, voice)}`;
    case "undeclared-write":
      return undeclaredSentence(failure, voice);
    case "changed-dataset":
      return `dataset ${voice.code(failure.dataset)} changed while the step read it (${voice.code(failure.path)})`;
    case "disk-full":
      if (failure.path === ".") return "the disk is full, and nothing more could be written where it worked";
      return `the disk is full, ${voice.code(failure.path)} could not be written`;
    case "environment":
      return `${voice.code(failure.name)} is ${voice.text(failure.found)} here, and ${voice.text(failure.expected)} is declared`;
    case "bad-metrics":
      return `its metrics file ${voice.code(failure.path)} cannot be read: ${ownWords(failure.why, voice)}`;
    case "gate":
      return `${voice.text(failure.metric)} is ${voice.text(failure.value)} and misses its gate ${voice.text(comparison(failure.gate))}`;
    case "refused":
      return `refused: ${ownWords(failure.why, voice)}`;
  }
}

function paths(list: readonly string[], voice: Voice): string {
  return listed(list.map(voice.code), 4);
}

function undeclaredSentence(failure: Extract<Failure, { kind: "undeclared-write" }>, voice: Voice): string {
  const { missing = [] } = failure;
  const wrote = `wrote ${paths(failure.paths, voice)}, which it does not declare`;
  return missing.length === 0 ? `it ${wrote}` : `it did not write ${paths(missing, voice)}, and ${wrote}`;
}

function exitSentence(code: number): string {
  if (code === 126) return "its command may not be executed (exit code 126)";
  if (code === 127) return "a command was not found (exit code 127)";
  if (code === 137) return "killed (exit code 137), often for want of memory";
  return `exit code ${code}`;
}

const signals: Readonly<Record<string, string>> = {
  SIGKILL: "killed from outside (SIGKILL), often for want of memory",
  SIGSEGV: "crashed (SIGSEGV)",
  SIGBUS: "crashed (SIGBUS)",
  SIGABRT: "aborted itself (SIGABRT)",
  SIGTERM: "ended from outside (SIGTERM)",
  SIGINT: "interrupted (SIGINT)",
};

function signalSentence(signal: string, voice: Voice): string {
  const known = signals[signal.startsWith("SIG") ? signal : `SIG${signal}`];
  return known ?? `ended by signal ${voice.text(signal)}`;
}

function memorySentence({ limitBytes, peakBytes }: Extract<Failure, { kind: "oom" }>): string {
  const peak = peakBytes === null ? "" : ` at ${formatMemory(peakBytes)}`;
  const limit =
    limitBytes === null ? "" : peak === "" ? ` within ${formatLimit(limitBytes)}` : ` of ${formatLimit(limitBytes)}`;
  return `out of memory${peak}${limit}`;
}
