import { expect, test } from "vitest";

import type { Forge, Forges } from "../../src/forge/forge.ts";
import type { CommitSha } from "../../src/identity/identity.ts";
import { checkOf, given } from "../forge/village.ts";

/** A repository with one open pull request of `alice`, who may write; `mallory` may read, `max` maintains. */
export interface ForgeBench {
  readonly forges: Forges;
  readonly forge: Forge;
  readonly number: number;
  readonly head: CommitSha;
  /** What a person writes under the pull request. */
  readonly comment: (login: string, body: string) => Promise<number>;
}

/** What every adapter of the forge port keeps. */
export function forgeContract(open: () => Promise<ForgeBench>): void {
  test("says which repositories there are, and about one of them", async () => {
    const { forges, forge } = await open();
    const all = given(await forges.repositories());
    expect(all).toContainEqual(forge.repository);
    expect(given(await forge.about())).toMatchObject({ ref: forge.repository, defaultBranch: "main", fork: false });
    expect(given(await forge.gitToken())).not.toBe("");
  });

  test("shows pull requests by number, by commit and all that are open", async () => {
    const { forge, number, head } = await open();
    const pull = given(await forge.pullRequest(number));
    expect(pull).toMatchObject({ number, state: "open", merged: false, mergeCommit: null, author: { login: "alice" } });
    expect(pull.head).toMatchObject({ sha: head, branch: "more", repository: forge.repository.id });
    expect(given(await forge.openPullRequests()).map((one) => one.number)).toEqual([number]);
    expect(given(await forge.pullRequestsOf(head)).map((one) => one.number)).toEqual([number]);
    expect(await forge.pullRequest(number + 1_000)).toEqual({ kind: "not-found" });
  });

  test("shows closed pull requests that changed since then", async () => {
    const { forge, number } = await open();
    expect(given(await forge.closedPullRequestsSince("2020-01-01T00:00:00Z", 1))).toEqual({ pulls: [], next: null });
    given(await forge.updatePullRequest(number, { state: "closed" }));
    given(await forge.addLabels(number, ["promote:prod"]));
    expect(given(await forge.closedPullRequestsSince("2020-01-01T00:00:00Z", 1))).toMatchObject({
      pulls: [{ number, state: "closed", labels: ["promote:prod"] }],
      next: null,
    });
    expect(given(await forge.closedPullRequestsSince("2100-01-01T00:00:00Z", 1))).toEqual({ pulls: [], next: null });
  });

  test("knows its own comments from those of people, also where they look the same", async () => {
    const { forge, number, comment } = await open();
    const theirs = await comment("mallory", "<!-- marker --> mine");
    const mine = given(await forge.createComment(number, "<!-- marker --> one"));
    expect(mine.app).toBe(forge.app);
    expect(given(await forge.comment(theirs))).toMatchObject({ app: null, author: { login: "mallory", bot: false } });
    expect(given(await forge.editComment(mine.id, "<!-- marker --> two")).id).toBe(mine.id);
    expect(given(await forge.ownComments(number)).map(({ id, body }) => [id, body])).toEqual([
      [mine.id, "<!-- marker --> two"],
    ]);
    expect(await forge.deleteComment(mine.id)).toEqual({ kind: "ok", value: null });
    expect(given(await forge.ownComments(number))).toEqual([]);
    expect(await forge.comment(mine.id)).toEqual({ kind: "not-found" });
    expect((await forge.editComment(mine.id, "three")).kind).toBe("not-found");
  });

  test("lists more comments than a page holds", { timeout: 60_000 }, async () => {
    const { forge, number } = await open();
    for (let at = 0; at < 101; at++) given(await forge.createComment(number, `no ${at}`));
    expect(
      given(await forge.ownComments(number))
        .map(({ body }) => body)
        .at(-1),
    ).toBe("no 100");
  });

  test("writes a check in batches of fifty annotations and finds it again", async () => {
    const { forge, head } = await open();
    expect(given(await forge.findCheck(head, "sluice / plan"))).toBeNull();
    const id = given(await forge.writeCheck(checkOf(head, 120), null));
    expect(given(await forge.findCheck(head, "sluice / plan"))).toEqual({ id, externalId: "one", annotations: 120 });
    expect(given(await forge.writeCheck(checkOf(head, 0, { externalId: "two" }), id))).toBe(id);
    expect(given(await forge.findCheck(head, "sluice / plan"))).toMatchObject({ id, externalId: "two" });
    expect(given(await forge.findCheck(head, "sluice / run"))).toBeNull();
  });

  test("adds labels, takes them away, also one that is not there", async () => {
    const { forge, number } = await open();
    given(await forge.addLabels(number, ["sluice:hold", "promote:prod"]));
    given(await forge.removeLabel(number, "promote:prod"));
    given(await forge.removeLabel(number, "promote:prod"));
    expect(given(await forge.pullRequest(number)).labels).toEqual(["sluice:hold"]);
  });

  test("knows who may do what", async () => {
    const { forge, number } = await open();
    expect(given(await forge.permission("alice"))).toBe("write");
    expect(given(await forge.permission("max"))).toBe("maintain");
    expect(given(await forge.permission("mallory"))).toBe("read");
    expect(given(await forge.teamMember("ml", "mallory"))).toBe(false);
    const { author } = given(await forge.pullRequest(number));
    expect(given(await forge.loginOf(author.id))).toBe("alice");
    expect(await forge.loginOf(999_999_999)).toEqual({ kind: "not-found" });
  });

  test("reacts to a comment", async () => {
    const { forge, comment } = await open();
    expect(await forge.react(await comment("alice", "/sluice run"), "eyes")).toEqual({ kind: "ok", value: null });
  });

  test("opens one issue that its marker finds, until it is closed", async () => {
    const { forge } = await open();
    expect(given(await forge.findIssue("<!-- nightly -->"))).toBeNull();
    const { number } = given(await forge.createIssue("Nightly failed", "<!-- nightly -->\nlook"));
    const first = { title: "Nightly failed", body: "<!-- nightly -->\nlook" };
    expect(given(await forge.findIssue("<!-- nightly -->"))).toEqual({ number, ...first });
    const second = { title: "Nightly failed again", body: "<!-- nightly -->\nlook twice" };
    given(await forge.updateIssue(number, second));
    expect(given(await forge.findIssue("<!-- nightly -->"))).toEqual({ number, ...second });
    given(await forge.closeIssue(number));
    expect(given(await forge.findIssue("<!-- nightly -->"))).toBeNull();
  });
}
