import { expect, test } from "vitest";

import type { Forge } from "../../src/forge/forge.ts";
import type { CommitSha } from "../../src/identity/identity.ts";
import { given } from "../forge/village.ts";

/** A repository with a branch `sluice/promote/prod/digits` by `alice` that has no pull request yet. */
export interface PromotionBench {
  readonly forge: Forge;
  readonly branch: string;
  /** Pushes one more commit to it, and gives the new head. */
  readonly push: () => Promise<CommitSha>;
  readonly review: (number: number, login: string, state: "APPROVED" | "CHANGES_REQUESTED") => void;
  readonly label: (number: number, login: string, name: string, add: boolean) => void;
}

/** What every adapter of the forge port keeps of promotions. */
export function forgePromotionsContract(open: () => Promise<PromotionBench>): void {
  const opened = async (): Promise<PromotionBench & { readonly number: number; readonly head: CommitSha }> => {
    const bench = await open();
    const wanted = { title: "Promote", body: "evidence", head: bench.branch, base: "main" };
    const { number, head } = given(await bench.forge.createPullRequest(wanted));
    return { ...bench, number, head: head.sha };
  };

  test("opens one pull request a branch, changes it, closes it, and finds all of the branch", async () => {
    const { forge, branch, number } = await opened();
    const twice = await forge.createPullRequest({ title: "Again", body: "", head: branch, base: "main" });
    expect(twice).toMatchObject({ kind: "refused", status: 422 });
    expect(given(await forge.updatePullRequest(number, { title: "Better", body: "more" }))).toMatchObject({
      title: "Better",
      body: "more",
    });
    given(await forge.updatePullRequest(number, { state: "closed" }));
    const second = given(await forge.createPullRequest({ title: "Second", body: "", head: branch, base: "main" }));
    expect(given(await forge.pullRequestsOfBranch(branch)).map(({ number: one, state }) => [one, state])).toEqual([
      [second.number, "open"],
      [number, "closed"],
    ]);
    expect(given(await forge.pullRequestsOfBranch("nobody"))).toEqual([]);
  });

  test("merges the head that was expected, and no other", async () => {
    const { forge, number, head, push } = await opened();
    const newer = await push();
    expect(await forge.merge(number, { sha: head, title: "Promote" })).toMatchObject({ kind: "refused", status: 409 });
    const commit = given(await forge.merge(number, { sha: newer, title: "Promote" }));
    expect(given(await forge.pullRequest(number))).toMatchObject({ merged: true, mergeCommit: commit });
    expect(await forge.merge(number, { sha: newer, title: "Promote" })).toMatchObject({ kind: "refused", status: 405 });
  });

  test("tells who reviewed which head, and who put and took which label", async () => {
    const { forge, number, head, review, label } = await opened();
    review(number, "max", "APPROVED");
    review(number, "mallory", "CHANGES_REQUESTED");
    label(number, "max", "approve:prod", true);
    label(number, "mallory", "approve:prod", false);
    expect(
      given(await forge.reviews(number)).map(({ author, state, commit }) => [author.login, state, commit]),
    ).toEqual([
      ["max", "approved", head],
      ["mallory", "changes-requested", head],
    ]);
    expect(
      given(await forge.labelEvents(number)).map(({ actor, label: name, added }) => [actor.login, name, added]),
    ).toEqual([
      ["max", "approve:prod", true],
      ["mallory", "approve:prod", false],
    ]);
    expect(given(await forge.commitAuthors(number)).map(({ login }) => login)).toEqual(["alice"]);
    expect(given(await forge.authorsOf(head)).map(({ login }) => login)).toEqual(["alice"]);
  });

  test("makes a deployment, sets it, and finds it again", async () => {
    const digits = { environment: "prod", pipeline: "digits" };
    const { forge, head } = await opened();
    expect(given(await forge.findDeployment(digits))).toBeNull();
    const id = given(await forge.createDeployment({ ...digits, ref: head, description: "digits" }));
    expect(given(await forge.findDeployment(digits))).toEqual({ id, sha: head, state: null });
    given(await forge.setDeployment(id, "in_progress", "deploying"));
    given(await forge.setDeployment(id, "success", "live"));
    expect(given(await forge.findDeployment(digits))).toEqual({ id, sha: head, state: "success" });
    expect(given(await forge.findDeployment({ ...digits, environment: "staging" }))).toBeNull();
    // Another pipeline of the commit has its own.
    const words = { ...digits, pipeline: "words", ref: head };
    expect(given(await forge.findDeployment(words))).toBeNull();
    const other = given(await forge.createDeployment({ ...words, description: "words" }));
    expect(given(await forge.findDeployment(words))).toEqual({ id: other, sha: head, state: null });
    expect(given(await forge.findDeployment(digits))).toEqual({ id, sha: head, state: "success" });
  });
}
