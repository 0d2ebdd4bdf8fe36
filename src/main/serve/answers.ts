import type { RepositoryRef } from "../../identity/repository.ts";
import type { At } from "./at.ts";

/** Comments with commands that were dealt with. */
export function answeredTable({ id }: RepositoryRef): string {
  return `answered/${id}`;
}

/** What commands were answered with for one head, as long as it is the head; lost with the queue, it is no fact. */
export interface Answers {
  readonly words: readonly string[];
  readonly shown: readonly string[];
}

interface Place {
  readonly number: number;
  /** Head of the pull request, or the commit of its merge. */
  readonly head: string;
}

const KEPT = 5;

function tableOf({ id }: RepositoryRef): string {
  return `answers/${id}`;
}

export async function answersFor({ queue }: At, ref: RepositoryRef, { number, head }: Place): Promise<Answers> {
  const kept = (await queue.table.get(tableOf(ref), String(number))) as
    | (Answers & { readonly head: string })
    | undefined;
  return kept?.head === head ? { words: kept.words, shown: kept.shown } : { words: [], shown: [] };
}

/** Adds to the answers of a head; those of a head before are forgotten. */
export async function keepAnswers(at: At, ref: RepositoryRef, place: Place, answers: Answers): Promise<void> {
  if (answers.words.length + answers.shown.length === 0) return;
  const before = await answersFor(at, ref, place);
  const add = (old: readonly string[], now: readonly string[]): string[] =>
    [...old.filter((one) => !now.includes(one)), ...now].slice(-KEPT);
  const value = { head: place.head, words: add(before.words, answers.words), shown: add(before.shown, answers.shown) };
  await at.queue.table.put(tableOf(ref), String(place.number), value);
}
