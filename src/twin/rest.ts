import { createPublicKey, verify, type KeyObject } from "node:crypto";

import { commentShape, issueShape, labelShape, node, pullShape, repositoryShape, userShape } from "./api-shapes.ts";
import type { TwinForge } from "./forge.ts";
import { now, type TwinComment, type TwinPullRequest } from "./world.ts";
import {
  FORBIDDEN,
  MAX_BODY,
  NOT_FOUND,
  ok,
  paged,
  text,
  UNKNOWN,
  type At,
  type Call,
  type Here,
  type Reply,
  type Route,
  type Who,
} from "./call.ts";
import { createCheck, listChecks, updateCheck } from "./checks.ts";

/** Answers one REST call as GitHub does: who asks is known by a token, and nothing unknown is invented. */
export async function answerRest(forge: TwinForge, publicKey: KeyObject, call: Call): Promise<Reply> {
  const who = identify(forge, publicKey, call.authorization);
  if (who === undefined) return UNKNOWN;
  for (const [method, pattern, answer] of ROUTES) {
    const match = method === call.method ? pattern.exec(call.path) : null;
    if (match !== null) return answer({ forge, call, who }, match.slice(1).map(decodeURIComponent));
  }
  return NOT_FOUND;
}

/** An App's own token is checked by its signature; all others are looked up. */
function identify(forge: TwinForge, publicKey: KeyObject, authorization: string): Who | undefined {
  const token = authorization.replace(/^(bearer|token) /i, "");
  const [head, claims, signature] = token.split(".");
  if (signature !== undefined) {
    const signed = verify(
      "RSA-SHA256",
      Buffer.from(`${head}.${claims}`),
      publicKey,
      Buffer.from(signature, "base64url"),
    );
    const { iss, exp } = JSON.parse(Buffer.from(claims ?? "", "base64url").toString()) as { iss: unknown; exp: number };
    return signed && String(iss) === String(forge.options.appId) && exp * 1_000 > Date.now()
      ? { kind: "app" }
      : undefined;
  }
  const found = forge.world.bearer(token);
  return found === undefined ? undefined : { kind: "token", ...found };
}

/** The key that verifies an App's tokens. */
export function verifier(privateKey: string): KeyObject {
  return createPublicKey(privateKey);
}

function inRepository(answer: (here: Here, rest: readonly string[]) => Reply | Promise<Reply>): Route[2] {
  return (at, [owner = "", name = "", ...rest]) => {
    const repository = at.forge.world.repositories.get(`${owner}/${name}`);
    if (repository === undefined) return NOT_FOUND;
    const { who } = at;
    if (who.kind === "app") return FORBIDDEN;
    if (who.installation !== null && who.installation !== repository.installation) return NOT_FOUND;
    return answer({ ...at, repository }, rest);
  };
}

const REPO = "^/repos/([^/]+)/([^/]+)";
const repo = (rest: string): RegExp => new RegExp(`${REPO}${rest}$`);

const ROUTES: readonly Route[] = [
  ["GET", /^\/app\/installations$/, (at) => (at.who.kind === "app" ? ok(installations(at.forge)) : FORBIDDEN)],
  ["POST", /^\/app\/installations\/(\d+)\/access_tokens$/, accessToken],
  ["GET", /^\/installation\/repositories$/, installationRepositories],
  ["GET", repo(""), inRepository((here) => ok(repositoryShape(here.repository, here.forge.base, here.forge.host)))],
  [
    "GET",
    repo("/pulls"),
    inRepository((here) =>
      ok(
        [...here.repository.pulls.values()]
          .filter(
            (pull) => here.call.query.get("state") === "all" || pull.state === (here.call.query.get("state") ?? "open"),
          )
          .map((pull) => pullOf(here, pull)),
      ),
    ),
  ],
  ["GET", repo("/pulls/(\\d+)"), inRepository(withPull((here, pull) => ok(pullOf(here, pull))))],
  ["PUT", repo("/pulls/(\\d+)/merge"), inRepository(withPull(mergePull))],
  [
    "GET",
    repo("/commits/([0-9a-f]+)/pulls"),
    inRepository((here, [sha]) =>
      ok(
        [...here.repository.pulls.values()]
          .filter((pull) => pull.head === sha || pull.mergeCommit === sha)
          .map((pull) => pullOf(here, pull)),
      ),
    ),
  ],
  [
    "GET",
    repo("/issues/comments/(\\d+)"),
    inRepository(withComment((here, { comment }) => ok(commentOf(here, comment)))),
  ],
  ["PATCH", repo("/issues/comments/(\\d+)"), inRepository(withComment(editComment))],
  ["DELETE", repo("/issues/comments/(\\d+)"), inRepository(withComment(deleteComment))],
  ["POST", repo("/issues/comments/(\\d+)/reactions"), inRepository(withComment(react))],
  [
    "GET",
    repo("/issues/(\\d+)/comments"),
    inRepository((here, [number]) =>
      ok(paged(here, here.repository.comments.get(Number(number)) ?? []).map((comment) => commentOf(here, comment))),
    ),
  ],
  ["POST", repo("/issues/(\\d+)/comments"), inRepository(createComment)],
  ["POST", repo("/issues/(\\d+)/labels"), inRepository(withPull(addLabels))],
  ["DELETE", repo("/issues/(\\d+)/labels/(.+)"), inRepository(withPull(removeLabel))],
  [
    "GET",
    repo("/issues"),
    inRepository((here) =>
      ok(
        paged(
          here,
          [...here.repository.issues.values()].filter((issue) => issue.state === "open"),
        ).map((issue) => issueShape(issue, { base: here.forge.base, repository: here.repository })),
      ),
    ),
  ],
  ["POST", repo("/issues"), inRepository(createIssue)],
  ["PATCH", repo("/issues/(\\d+)"), inRepository(updateIssue)],
  ["GET", repo("/commits/([^/]+)/check-runs"), inRepository(listChecks)],
  ["POST", repo("/check-runs"), inRepository(createCheck)],
  ["PATCH", repo("/check-runs/(\\d+)"), inRepository(updateCheck)],
  ["GET", repo("/collaborators/([^/]+)/permission"), inRepository(permission)],
  ["GET", /^\/orgs\/([^/]+)\/teams\/([^/]+)\/memberships\/([^/]+)$/, membership],
  ["POST", /^\/graphql$/, graphql],
];

function installations(forge: TwinForge): readonly unknown[] {
  const owners = new Map([...forge.world.repositories.values()].map(({ owner }) => [owner.id, owner]));
  return [...owners.values()].map((owner) => ({
    id: owner.id,
    account: userShape(owner, forge.base),
    app_id: forge.options.appId,
    suspended_at: null,
  }));
}

function accessToken({ forge, who }: At, [id = ""]: readonly string[]): Reply {
  if (who.kind !== "app") return FORBIDDEN;
  const token = forge.world.token(forge.appUser, Number(id));
  return ok({ token, expires_at: new Date(Date.now() + 3_600_000).toISOString(), permissions: {} }, 201);
}

function installationRepositories(at: At): Reply {
  const { forge, who } = at;
  if (who.kind !== "token" || who.installation === null) return FORBIDDEN;
  const mine = [...forge.world.repositories.values()].filter(({ installation }) => installation === who.installation);
  const shapes = paged(at, mine).map((one) => repositoryShape(one, forge.base, forge.host));
  return ok({ total_count: mine.length, repositories: shapes });
}

function withPull(answer: (here: Here, pull: TwinPullRequest, rest: readonly string[]) => Reply | Promise<Reply>) {
  return (here: Here, [number = "", ...rest]: readonly string[]): Reply | Promise<Reply> => {
    const pull = here.repository.pulls.get(Number(number));
    return pull === undefined ? NOT_FOUND : answer(here, pull, rest);
  };
}

function pullOf({ repository, forge }: Here, pull: TwinPullRequest): Record<string, unknown> {
  return pullShape(repository, pull, { base: forge.base, host: forge.host });
}

async function mergePull(here: Here, pull: TwinPullRequest): Promise<Reply> {
  const { body } = here.call;
  const sha = text(body, "sha");
  if (sha !== "" && sha !== pull.head)
    return ok({ message: "Head branch was modified. Review and try the merge again." }, 409);
  const commit = await here.forge.merge(here.repository, pull, {
    login: loginOf(here),
    method: (text(body, "merge_method") || "merge") as "merge",
  });
  return commit === null
    ? ok({ message: "Pull Request is not mergeable" }, 405)
    : ok({ sha: commit, merged: true, message: "merged" });
}

function loginOf({ who }: At): string {
  return who.kind === "app" ? "" : who.user.login;
}

function commentOf({ forge, repository }: Here, comment: TwinComment): Record<string, unknown> {
  return commentShape(comment, {
    base: forge.base,
    url: `${forge.base}/repos/${repository.fullName}`,
    slug: forge.options.slug,
  });
}

function createComment(here: Here, [number = ""]: readonly string[]): Reply {
  const { who, forge, repository, call } = here;
  const body = text(call.body, "body");
  if (who.kind !== "token" || (!repository.pulls.has(Number(number)) && !repository.issues.has(Number(number))))
    return NOT_FOUND;
  if (body === "" || body.length > MAX_BODY)
    return ok({ message: "Validation Failed: body is too long (maximum is 65536 characters)" }, 422);
  const app = who.installation === null ? null : forge.options.appId;
  return ok(commentOf(here, forge.comment(repository, Number(number), { body, user: who.user, app })), 201);
}

interface Found {
  readonly number: number;
  readonly comment: TwinComment;
}

function withComment(answer: (here: Here, found: Found) => Reply) {
  return (here: Here, [id = ""]: readonly string[]): Reply => {
    for (const [number, comments] of here.repository.comments) {
      const comment = comments.find((one) => one.id === Number(id));
      if (comment !== undefined) return answer(here, { number, comment });
    }
    return NOT_FOUND;
  };
}

function editComment(here: Here, { number, comment }: Found): Reply {
  const body = text(here.call.body, "body");
  if (body.length > MAX_BODY) return ok({ message: "Validation Failed" }, 422);
  comment.body = body;
  comment.updatedAt = now();
  if (here.who.kind === "token")
    here.forge.sendComment(here.repository, { number, comment, action: "edited", sender: here.who.user });
  return ok(commentOf(here, comment));
}

function deleteComment(here: Here, { number, comment }: Found): Reply {
  const { repository, who, forge } = here;
  repository.comments.set(
    number,
    (repository.comments.get(number) ?? []).filter((one) => one !== comment),
  );
  if (who.kind === "token") forge.sendComment(repository, { number, comment, action: "deleted", sender: who.user });
  return { status: 204 };
}

function react(here: Here, { comment }: Found): Reply {
  if (here.who.kind !== "token") return FORBIDDEN;
  const content = text(here.call.body, "content");
  comment.reactions.push({ user: here.who.user, content });
  return ok(
    {
      id: here.forge.world.id(),
      node_id: "",
      user: userShape(here.who.user, here.forge.base),
      content,
      created_at: now(),
    },
    201,
  );
}

function addLabels(here: Here, pull: TwinPullRequest): Reply {
  const names = Array.isArray(here.call.body["labels"]) ? here.call.body["labels"].map(String) : [];
  for (const name of names) here.forge.label(here.repository, pull, { name, add: true, login: loginOf(here) });
  return ok(pull.labels.map((name) => labelShape(name)));
}

function removeLabel(here: Here, pull: TwinPullRequest, [name = ""]: readonly string[]): Reply {
  if (!pull.labels.includes(name)) return NOT_FOUND;
  here.forge.label(here.repository, pull, { name, add: false, login: loginOf(here) });
  return ok(pull.labels.map((one) => labelShape(one)));
}

function createIssue(here: Here): Reply {
  const { who, repository, forge, call } = here;
  if (who.kind !== "token") return FORBIDDEN;
  const number = repository.next++;
  const app = who.installation === null ? null : forge.options.appId;
  const issue = {
    number,
    id: forge.world.id(),
    title: text(call.body, "title"),
    body: text(call.body, "body"),
    user: who.user,
    app,
    state: "open" as const,
    labels: [],
  };
  repository.issues.set(number, issue);
  return ok(issueShape(issue, { base: forge.base, repository }), 201);
}

function updateIssue({ repository, forge, call }: Here, [number = ""]: readonly string[]): Reply {
  const issue = repository.issues.get(Number(number));
  if (issue === undefined) return NOT_FOUND;
  if (call.body["state"] === "closed" || call.body["state"] === "open") issue.state = call.body["state"];
  return ok(issueShape(issue, { base: forge.base, repository }));
}

function permission({ repository, forge }: Here, [login = ""]: readonly string[]): Reply {
  const role = repository.roles.get(login) ?? "read";
  const coarse = role === "maintain" ? "write" : role === "triage" ? "read" : role;
  return ok({ permission: coarse, role_name: role, user: userShape(forge.world.user(login), forge.base) });
}

function membership({ forge }: At, [org = "", slug = "", login = ""]: readonly string[]): Reply {
  const members = forge.world.teams.get(`${org}/${slug}`);
  return members?.has(login) === true ? ok({ url: "", role: "member", state: "active" }) : NOT_FOUND;
}

function graphql({ forge, call }: At): Reply {
  const variables = (call.body["variables"] ?? {}) as Readonly<Record<string, unknown>>;
  const wanted = typeof variables["node"] === "string" ? variables["node"] : "";
  for (const repository of forge.world.repositories.values()) {
    for (const comment of [...repository.comments.values()].flat()) {
      if (node("IC", comment.id) !== wanted) continue;
      comment.minimized = true;
      return ok({ data: { minimizeComment: { minimizedComment: { isMinimized: true } } } });
    }
  }
  return ok({ errors: [{ message: "Could not resolve to a node", type: "NOT_FOUND" }] });
}
