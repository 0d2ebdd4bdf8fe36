import type { Answer, Forge, Forges } from "./forge.ts";
import type { SpendWrites } from "../scheduling/write-budget.ts";

/**
 * Forges whose pull requests and deployments are written out of the same budget as what waits in the outbox, whose
 * sender counts for itself.
 */
export function withinBudget(forges: Forges, spend: SpendWrites, now: () => number): Forges {
  return {
    ...forges,
    open(repository) {
      const forge = forges.open(repository);
      const counted =
        <Args extends readonly unknown[], Value>(write: (...args: Args) => Promise<Answer<Value>>) =>
        async (...args: Args): Promise<Answer<Value>> => {
          const spent = await spend(repository.installation, 1);
          if (spent.kind === "ok") return write(...args);
          return { kind: "wait", until: now() + spent.afterMs, why: "our own limit on writes an hour" };
        };
      return { ...forge, ...writesOf(forge, counted) };
    },
  };
}

type Written = "createPullRequest" | "updatePullRequest" | "merge" | "createDeployment" | "setDeployment";

function writesOf(
  forge: Forge,
  counted: <Args extends readonly unknown[], Value>(
    write: (...args: Args) => Promise<Answer<Value>>,
  ) => (...args: Args) => Promise<Answer<Value>>,
): Pick<Forge, Written> {
  return {
    createPullRequest: counted((wanted: Parameters<Forge["createPullRequest"]>[0]) => forge.createPullRequest(wanted)),
    updatePullRequest: counted((number: number, change: Parameters<Forge["updatePullRequest"]>[1]) =>
      forge.updatePullRequest(number, change),
    ),
    merge: counted((number: number, expected: Parameters<Forge["merge"]>[1]) => forge.merge(number, expected)),
    createDeployment: counted((wanted: Parameters<Forge["createDeployment"]>[0]) => forge.createDeployment(wanted)),
    setDeployment: counted((...args: Parameters<Forge["setDeployment"]>) => forge.setDeployment(...args)),
  };
}
