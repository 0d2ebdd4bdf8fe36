import { hexOf, parseDigest, type Digest } from "../identity/identity.ts";
import { codeSpan, markdownText } from "./escape-markdown.ts";
import { safeLine } from "./safe-text.ts";

/** How a check ended (null: it has not), and in what words. */
interface Said<Conclusion extends string | null> {
  readonly conclusion: Conclusion;
  readonly title: string;
}

/** What another pull request of the same head has to say under a check's name. */
export interface OtherCheck<Conclusion extends string | null> extends Said<Conclusion> {
  readonly number: number;
  /** The branch that it goes to. */
  readonly base: string;
  /** False where it is only listed: anybody may open a pull request of somebody else's head. */
  readonly counts: boolean;
}

/** The worst first: a check belongs to a commit, and what stops one pull request must not pass by another. */
const WORST: readonly (string | null)[] = ["failure", "action_required", null, "cancelled"];

const LISTED = 10;

/** Characters that the forge keeps of a check's id, and those of a digest that is one of several. */
const [KEPT, SHORT] = [200, 18];

/** A check of a head that several pull requests share: it ends as the worst of those that count, and names them all. */
export function sharedCheck<Conclusion extends string | null>(
  own: Said<Conclusion> & { readonly summary: string },
  others: readonly OtherCheck<Conclusion>[],
): typeof own {
  if (others.length === 0) return own;
  const [worst] = others.filter(({ counts }) => counts).toSorted((a, b) => rankOf(a.conclusion) - rankOf(b.conclusion));
  const lines = others
    .slice(0, LISTED)
    .map(({ number, base, title }) => `#${number}, of the same head, onto ${codeSpan(base)}: ${markdownText(title)}`);
  const summary = `${own.summary.trimEnd()}\n\n${lines.join("\n\n")}\n`;
  if (worst === undefined || rankOf(worst.conclusion) >= rankOf(own.conclusion))
    return { conclusion: own.conclusion, title: own.title, summary };
  const title = safeLine(`#${worst.number}: ${worst.title}`);
  return { conclusion: worst.conclusion, title, summary };
}

/** What a shared check was made from: the digests of ten fit into what the forge keeps of it. */
export function sharedIds(ids: readonly string[]): string {
  const [own = "", ...others] = new Set(ids);
  return others.length === 0 ? own : [own, ...others].map(shortOf).join(",").slice(0, KEPT);
}

/** Whether a digest is among those that a check was made from, its own or all of those who share it. */
export function namesDigest(ids: string, digest: Digest): boolean {
  return ids.split(",").some((id) => id === digest || id === shortOf(digest));
}

function shortOf(id: string): string {
  const digest = parseDigest(id);
  return digest === undefined ? id : hexOf(digest).slice(0, SHORT);
}

function rankOf(conclusion: string | null): number {
  const at = WORST.indexOf(conclusion);
  return at < 0 ? WORST.length : at;
}
