import type { RunId } from "../identity/identity.ts";
import { codeSpan } from "./escape-markdown.ts";
import { counted, type ShortId } from "./words.ts";

const MOST = 20;

/** The issue that tells people of a ledger that was moved by force, and what became of it. */
export function ledgerIssue(
  {
    was,
    moved,
    commits,
    runs,
    reordered,
  }: {
    readonly was: string;
    readonly moved: string | null;
    readonly commits: number;
    readonly runs: readonly RunId[];
    readonly reordered: readonly string[];
  },
  shortId: ShortId,
): { readonly marker: string; readonly title: string; readonly body: string } {
  const names = runs.slice(0, MOST).map((run) => codeSpan(shortId(run)));
  const more = runs.length > MOST ? [`and ${runs.length - MOST} more`] : [];
  const made = moved === null ? "deleted it" : `moved it to ${codeSpan(moved.slice(0, 7))}`;
  const body = [
    `The branch ${codeSpan("sluice/ledger")} stood at ${codeSpan(was.slice(0, 7))}, and somebody ${made}. ${counted(commits, "commit")} were gone${runs.length === 0 ? "" : `, with the records of ${[...names, ...more].join(", ")}`}; Sluice has put back what was missing, without a push by force.`,
    `${codeSpan("git fetch origin sluice/ledger && sluice verify --all")} checks every record that stands there now.`,
    ...(reordered.length === 0 ? [] : [orderWords(reordered)]),
    "**Next:** let nobody but the App push to that branch: in the repository's settings, add a ruleset for `sluice/ledger` that restricts updates and deletions and blocks force pushes, with the App on its bypass list. Then close this issue.",
  ];
  return {
    marker: `<!-- sluice:ledger-moved:${was.slice(0, 12)} -->`,
    title: "The branch sluice/ledger was moved by force, and is whole again",
    body: body.join("\n\n"),
  };
}

/** Each event is signed; their order is what the branch says. */
function orderWords(environments: readonly string[]): string {
  const names = environments
    .slice(0, MOST)
    .map((name) => codeSpan(name))
    .join(", ");
  const more = environments.length > MOST ? ` and ${environments.length - MOST} more` : "";
  return `Events of ${names}${more} stand in another order than before, and what is live, held or asked for there follows from that order. Look at it with ${codeSpan("sluice status")} and ${codeSpan("sluice log --env NAME")}; ${codeSpan("/sluice hold NAME REASON")} stops promotions there, and ${codeSpan("/sluice rollback NAME")} or a promotion puts right what is live.`;
}
