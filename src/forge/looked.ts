import type { Desired } from "./desired.ts";
import type { Answer } from "./forge.ts";

/** How far one look came: what people are to see of it, and when there is more to do. */
export interface Looked {
  readonly states: readonly Desired[];
  /** Ms after which to look again; null: whatever changes wakes us. */
  readonly again: number | null;
}

export const SETTLED: Looked = { states: [], again: null };

/** All that was shown, and the next look as soon as the first of them wants it. */
export function together(looks: readonly Looked[]): Looked {
  const times = looks.flatMap(({ again }) => (again === null ? [] : [again]));
  return { states: looks.flatMap(({ states }) => states), again: times.length === 0 ? null : Math.min(...times) };
}

export type Unanswered = Exclude<Answer<unknown>, { readonly kind: "ok" }>;

/** Whether the forge could not say or do it now, and may a moment later; what was not asked is no such answer. */
export function isNotNow(
  answer: Answer<unknown> | null | undefined,
): answer is Extract<Unanswered, { kind: "wait" | "unreachable" }> {
  return answer?.kind === "wait" || answer?.kind === "unreachable";
}

/** Ms after which the forge may be asked again: a limit says so itself, and a refusal is not gone at once. */
export function againAfter(answer: Unanswered, now: number): number {
  if (answer.kind === "wait") return Math.max(1_000, answer.until - now);
  return answer.kind === "unreachable" ? 5_000 : 10_000;
}
