import { pinPath, type Pin, type Release } from "../release/release.ts";
import type { Stray } from "../release/stray.ts";
import { ACCEPTED } from "../run/request.ts";
import { codeSpan, markdownText } from "./escape-markdown.ts";
import { safeLine } from "./safe-text.ts";
import { counted } from "./words.ts";

/** An issue that says what is not as it was recorded: found by its marker, closed when that is mended. */
export interface DriftIssue {
  readonly marker: string;
  readonly title: string;
  readonly body: string;
  readonly open: boolean;
}

const MOST = 20;

/** What stands on the ledger that no key of ours signed, and what was taken away from it. */
export function strayIssue(strays: readonly Stray[]): DriftIssue {
  const lines = strays.slice(0, MOST).map((stray) => `- ${strayWords(stray)}`);
  const more = strays.length > MOST ? [`- and ${strays.length - MOST} more`] : [];
  const [first] = strays.flatMap((stray) => (stray.kind === "key" ? ["ledger.json"] : [stray.path]));
  return {
    marker: "<!-- sluice:ledger-strays -->",
    title: "The branch sluice/ledger holds what Sluice did not write",
    body: [
      "Nothing of this counts for anything that Sluice decides:",
      [...lines, ...more].join("\n"),
      `Who did it: ${codeSpan(`git fetch origin sluice/ledger && git log FETCH_HEAD -- ${shellWord(first ?? "")}`, 400)}`,
      "**Next:** revert those commits on `sluice/ledger`. Where they are of a key of yours that is no longer in use, list it under `signing_keys` in the operator's file instead. Then let nobody but the App push to that branch: a ruleset that restricts updates, with the App on its bypass list.",
      "This issue closes itself when all of it is mended.\n",
    ].join("\n\n"),
    open: strays.length > 0,
  };
}

function strayWords(stray: Stray): string {
  switch (stray.kind) {
    case "record":
      return `${codeSpan(stray.path)}: ${markdownText(stray.why)}`;
    case "taken":
      return `${codeSpan(stray.path)}: Sluice wrote it, and somebody took it away`;
    case "key":
      return `${codeSpan("ledger.json")}: it names the key ${codeSpan(stray.keyId.slice(0, 12))}, which is not ours`;
    default:
      return stray satisfies never;
  }
}

/** A path of somebody else's making is quoted before anybody is asked to paste it. */
function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** What operators did while the forge was away and the ledger does not take. */
export function offlineIssue(refused: readonly { readonly ref: string; readonly why: string }[]): DriftIssue {
  const lines = refused.slice(0, MOST).map(({ ref, why }) => `- ${codeSpan(ref)}: ${markdownText(why)}`);
  const more = refused.length > MOST ? [`- and ${refused.length - MOST} more`] : [];
  return {
    marker: "<!-- sluice:offline -->",
    title: "A rollback that was made offline does not count",
    body: [
      "Nothing of this was recorded, and whatever is live by the ledger goes on being live:",
      [...lines, ...more].join("\n"),
      `**Next:** where the key is of an operator, list its public half under ${codeSpan("signing_keys")} in the operator's file and start the service again. Otherwise take the ref away: ${codeSpan(`git push origin --delete ${shellWord(refused[0]?.ref ?? "")}`, 400)}`,
      "This issue closes itself then.\n",
    ].join("\n\n"),
    open: refused.length > 0,
  };
}

/** What people computed again elsewhere and the ledger does not take. */
export function reproductionIssue(refused: readonly { readonly ref: string; readonly why: string }[]): DriftIssue {
  const lines = refused.slice(0, MOST).map(({ ref, why }) => `- ${codeSpan(ref)}: ${markdownText(why)}`);
  const more = refused.length > MOST ? [`- and ${refused.length - MOST} more`] : [];
  return {
    marker: "<!-- sluice:reproductions -->",
    title: "A reproduction that was pushed does not count",
    body: [
      `Nothing of this was recorded, and no gate reads it as ${codeSpan("run.reproducible")}:`,
      [...lines, ...more].join("\n"),
      `**Next:** where the key is of an operator, list its public half under ${codeSpan("signing_keys")} (or who signed keyless under ${codeSpan("sigstore")}) in the operator's file and start the service again. Otherwise take the ref away: ${codeSpan(`git push origin --delete ${shellWord(refused[0]?.ref ?? "")}`, 400)}`,
      "This issue closes itself then.\n",
    ].join("\n\n"),
    open: refused.length > 0,
  };
}

/** What the repository does not let Sluice write, for longer than a moment. */
export function refusedPushIssue(refused: readonly { readonly ref: string; readonly why: string }[]): DriftIssue {
  const lines = refused.slice(0, MOST).map(({ ref, why }) => `- ${codeSpan(ref)}: ${markdownText(why, 400)}`);
  const more = refused.length > MOST ? [`- and ${refused.length - MOST} more`] : [];
  const onlySome = refused.length > 0 && refused.every(({ ref }) => ref.startsWith(ACCEPTED));
  return {
    marker: "<!-- sluice:refused-pushes -->",
    title: "This repository does not take what Sluice writes",
    body: [
      onlySome
        ? "Each of these says that a run is accepted. Until it is taken, that run does not begin, and its check waits:"
        : "Runs are neither begun nor recorded, and their checks wait, until all of these are taken:",
      [...lines, ...more].join("\n"),
      `**Next:** where a branch or ref stands in the way, rename it or take it away: ${codeSpan("git push origin origin/NAME:refs/heads/NEW-NAME :refs/heads/NAME")}, or ${codeSpan("git push origin --delete REF")} for what is no branch. Where a ruleset forbids it, put the App on its bypass list. What waits is written within a minute.`,
      "This issue closes itself then.\n",
    ].join("\n\n"),
    open: refused.length > 0,
  };
}

type Place = Pick<Pin, "environment" | "pipeline">;

/** Bytes of what is live that the store lacks: it could be neither deployed again nor fetched. */
export function missingIssue(
  { environment, pipeline }: Place,
  release: Release,
  gone: Release["artifacts"],
): DriftIssue {
  const lines = gone.slice(0, MOST).map(({ path, digest }) => `- ${codeSpan(path)}: ${codeSpan(digest)}`);
  const more = gone.length > MOST ? [`- and ${gone.length - MOST} more`] : [];
  const run = release.run.slice(0, 8);
  return {
    marker: `<!-- sluice:missing ${environment}/${pipeline} -->`,
    title: safeLine(`${pipeline} is live in ${environment} without ${counted(gone.length, "artifact")}`, 200),
    body: [
      `Run ${codeSpan(release.run)} of ${codeSpan(pipeline)} is live in ${codeSpan(environment)}, and the store lacks what it wrote:`,
      [...lines, ...more].join("\n"),
      `**Next:** bring the store back from its backup. Without one, ${codeSpan(`sluice reproduce ${run}`)} computes the run again and says whether the bytes are the same; or promote a run whose artifacts are there: ${codeSpan(`/sluice promote ${environment} ${pipeline}`)}.`,
      "This issue closes itself when they are back, or something else is live.\n",
    ].join("\n\n"),
    open: gone.length > 0,
  };
}

/** A pin that is not what the ledger says is live. */
export function pinIssue(
  { environment, pipeline, run }: Place & Pick<Pin, "run">,
  { same, why }: { readonly same: boolean; readonly why: string | null },
): DriftIssue {
  const path = pinPath({ environment, pipeline });
  return {
    marker: `<!-- sluice:drift ${environment}/${pipeline} -->`,
    title: safeLine(`${path} is not what was released`, 200),
    body: [
      `The ledger says that run ${codeSpan(run)} is live in ${codeSpan(environment)}, and ${codeSpan(path)} says something else${why === null ? "" : `: ${markdownText(why, 400)}`}.`,
      `**Next:** revert the commit that changed the file, or promote what should be live: ${codeSpan(`/sluice promote ${environment} ${pipeline}`)}. To go back to an earlier release: ${codeSpan(`/sluice rollback ${environment} ${pipeline}`)}.\n`,
    ].join("\n\n"),
    open: !same,
  };
}

/** Pins of pipelines that nobody released where they stand. */
export function strangePinsIssue(paths: readonly string[]): DriftIssue {
  const lines = paths.slice(0, MOST).map((path) => `- ${codeSpan(path)}`);
  const more = paths.length > MOST ? [`- and ${paths.length - MOST} more`] : [];
  return {
    marker: "<!-- sluice:strange-pins -->",
    title: "Files under environments/ pin what was never released",
    body: [
      "By the ledger nothing of these is live, so that they stand for nothing:",
      [...lines, ...more].join("\n"),
      `**Next:** take them away, and promote what should be live: ${codeSpan("/sluice promote <environment> <pipeline>")}. This issue closes itself then.\n`,
    ].join("\n\n"),
    open: paths.length > 0,
  };
}
