import type { RefusedLabel } from "./controller/request-promotions.ts";
import { keepAnswers } from "./main-answers.ts";
import type { At } from "./main-at.ts";
import { tellCommit } from "./main-commit.ts";
import type { ForgeRepository } from "./main-forge-repository.ts";
import { desire } from "./worker.ts";

/** Takes labels off that ask for nothing, and says why where they stood. */
export async function tellRefusedLabels(
  at: At,
  repository: ForgeRepository,
  refused: readonly RefusedLabel[],
): Promise<void> {
  const ref = repository.forge.repository;
  const pulls = new Map(refused.map(({ pullRequest }) => [pullRequest.number, pullRequest]));
  for (const { number, mergeCommit, head } of pulls.values()) {
    const mine = refused.filter(({ pullRequest }) => pullRequest.number === number);
    const words = [...new Set(mine.map((one) => one.words))];
    await keepAnswers(at, ref, { number, head: mergeCommit ?? head.sha }, { words, shown: [] });
    const remove = [...new Set(mine.map(({ label }) => label))];
    await desire(at.queue, ref.installation, [{ kind: "labels", number, add: [], remove }], ref);
    if (mergeCommit !== null) await tellCommit(at, repository, { commit: mergeCommit, standing: [] });
  }
}
