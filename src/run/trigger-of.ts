import type { TriggerKind } from "./run-record.ts";

const TRIGGERS: readonly string[] = [
  "push",
  "pull-request",
  "schedule",
  "command",
  "retry",
  "upstream",
  "backfill",
  "deploy",
  "local",
];

/** What a request's first word means (SEMANTICS §6). */
export function triggerOf(request: string): TriggerKind {
  const [word = ""] = request.split(":", 1);
  if (word === "comment" || word === "button" || word === "cli") return "command";
  return isTrigger(word) ? word : "command";
}

export function isTrigger(word: string): word is TriggerKind {
  return TRIGGERS.includes(word);
}
