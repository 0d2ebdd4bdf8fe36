/** What can start a run, as the ledger's trailer `Sluice-Trigger` spells it. */
export const TRIGGERS = [
  "push",
  "pull-request",
  "schedule",
  "command",
  "retry",
  "upstream",
  "backfill",
  "deploy",
  "local",
] as const;

export type TriggerKind = (typeof TRIGGERS)[number];

export function isTrigger(word: string): word is TriggerKind {
  return TRIGGERS.some((kind) => kind === word);
}

/** What the first word of a request means (SEMANTICS §6). */
export function triggerOf(request: string): TriggerKind {
  const [word = ""] = request.split(":", 1);
  if (word === "comment" || word === "button" || word === "cli") return "command";
  return isTrigger(word) ? word : "command";
}
