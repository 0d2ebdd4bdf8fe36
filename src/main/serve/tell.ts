import type { Told } from "../../controller/answer-command/answering.ts";
import { findRun } from "../../controller/find-run.ts";
import type { PlannedPullRequest } from "../../controller/project.ts";
import type { RunId } from "../../identity/identity.ts";
import { diffRuns } from "../../diff/run-diff.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import { diffMarkdown } from "../../report/diff-markdown.ts";
import { explainMarkdown } from "../../report/explain-markdown.ts";
import { fourCharacters } from "../../report/words.ts";

/** The newest run of the pull request against another one of the same pipeline. */
export async function tellDiff(
  repository: ForgeRepository,
  { number, against }: { readonly number: number; readonly against: string },
): Promise<Told> {
  const { history } = repository;
  await history.sync();
  const found = await findRun(repository, against);
  if (found.kind === "refused") return found;
  const from = await history.readable(found.id);
  if (from === undefined) return unreadable(found.id);
  const mine = history.runs({ pipeline: from.pipeline.id }).find((run) => run.pullRequest === number);
  if (mine === undefined)
    return {
      kind: "refused",
      why: `\`${from.pipeline.name}\` has no run here to compare: comment \`/sluice run\` first`,
    };
  const to = await history.readable(mine.id);
  if (to === undefined) return unreadable(mine.id);
  return { kind: "told", markdown: diffMarkdown(diffRuns(from, to), { shortId: fourCharacters }) };
}

function unreadable(run: RunId): Told {
  return {
    kind: "refused",
    why: `the manifest of run \`${run}\` on the ledger is not there or cannot be read: \`sluice verify\` says why`,
  };
}

/** Why a step of the pull request's plan runs or does not; of all affected pipelines where none is named. */
export function tellExplanation(planned: PlannedPullRequest, step: string | null): Told {
  if (planned.kind === "again") return planned;
  if (planned.kind === "over") return { kind: "refused", why: "the pull request is closed: nothing is planned for it" };
  const { plan } = planned;
  const wanted = step === null ? plan.affected : plan.planned.planned;
  const blocks = wanted.flatMap(({ order, forecast }) => {
    if (order === null || forecast === null) return [];
    const block = explainMarkdown({ order, forecast }, { step, shortId: fourCharacters });
    return block === "" ? [] : [block];
  });
  if (blocks.length > 0) return { kind: "told", markdown: blocks.slice(0, 5).join("\n\n") };
  return step === null
    ? { kind: "refused", why: "everything is cached: nothing would run" }
    : { kind: "refused", why: `no pipeline here has a step \`${step}\`` };
}
