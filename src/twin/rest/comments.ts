import { commentShape } from "../shapes/comment.ts";
import { isReaction } from "../shapes/reactions.ts";
import { node, userShape } from "../shapes/user.ts";
import { now, type TwinComment } from "../world.ts";
import {
  FORBIDDEN,
  inRepository,
  MAX_BODY,
  NOT_FOUND,
  ok,
  paged,
  repo,
  text,
  type Here,
  type Reply,
  type Route,
} from "./call.ts";

/** Comments of issues and pull requests, and the reactions to them. */
export const COMMENTS: readonly Route[] = [
  ["GET", repo("/issues/comments/(\\d+)"), inRepository(withComment((here, found) => ok(commentOf(here, found))))],
  ["GET", repo("/issues/comments"), inRepository(listAllComments)],
  ["GET", repo("/issues/comments/(\\d+)/reactions"), inRepository(withComment(listReactions))],
  ["PATCH", repo("/issues/comments/(\\d+)"), inRepository(withComment(editComment))],
  ["DELETE", repo("/issues/comments/(\\d+)"), inRepository(withComment(deleteComment))],
  ["POST", repo("/issues/comments/(\\d+)/reactions"), inRepository(withComment(react))],
  ["GET", repo("/issues/(\\d+)/comments"), inRepository(listComments)],
  ["POST", repo("/issues/(\\d+)/comments"), inRepository(createComment)],
];

function commentOf({ forge, repository }: Here, { number, comment }: Found): Record<string, unknown> {
  return commentShape(comment, { repository, number }, forge.at);
}

/** Comments of all issues and pull requests, oldest change first. */
function listAllComments(here: Here): Reply {
  const since = here.call.query.get("since") ?? "";
  const all = [...here.repository.comments].flatMap(([number, comments]) =>
    comments.map((comment) => ({ number, comment })),
  );
  // Times are compared as times: `since` may have milliseconds.
  const wanted = all.filter(({ comment }) => since === "" || Date.parse(comment.updatedAt) >= Date.parse(since));
  wanted.sort((a, b) => Date.parse(a.comment.updatedAt) - Date.parse(b.comment.updatedAt));
  return ok(paged(here, wanted).map((found) => commentOf(here, found)));
}

function listComments(here: Here, [number]: readonly string[]): Reply {
  const all = here.repository.comments.get(Number(number)) ?? [];
  return ok(paged(here, all).map((comment) => commentOf(here, { number: Number(number), comment })));
}

function createComment(here: Here, [number = ""]: readonly string[]): Reply {
  const { who, forge, repository, call } = here;
  const body = text(call.body, "body");
  if (who.kind !== "token" || (!repository.pulls.has(Number(number)) && !repository.issues.has(Number(number))))
    return NOT_FOUND;
  if (body === "" || body.length > MAX_BODY)
    return ok({ message: "Validation Failed: body is too long (maximum is 65536 characters)" }, 422);
  const app = who.installation === null ? null : forge.options.appId;
  const comment = forge.comment(repository, Number(number), { body, user: who.user, app });
  return ok(commentOf(here, { number: Number(number), comment }), 201);
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
  const from = comment.body;
  comment.body = body;
  comment.updatedAt = now();
  if (here.who.kind === "token")
    here.forge.announce.comment(here.repository, {
      number,
      comment,
      action: "edited",
      sender: here.who.user,
      changes: { body: { from } },
    });
  return ok(commentOf(here, { number, comment }));
}

function deleteComment(here: Here, { number, comment }: Found): Reply {
  const { repository, who, forge } = here;
  repository.comments.set(
    number,
    (repository.comments.get(number) ?? []).filter((one) => one !== comment),
  );
  if (who.kind === "token")
    forge.announce.comment(repository, { number, comment, action: "deleted", sender: who.user });
  return { status: 204 };
}

function react(here: Here, { comment }: Found): Reply {
  const { who, forge, call } = here;
  if (who.kind !== "token") return FORBIDDEN;
  const content = text(call.body, "content");
  if (!isReaction(content)) return ok({ message: "Validation Failed" }, 422);
  const known = comment.reactions.some((one) => one.user === who.user && one.content === content);
  if (!known) comment.reactions.push({ user: who.user, content });
  const id = forge.world.id();
  const shape = { id, node_id: node("REA", id), user: userShape(who.user, forge.at), content, created_at: now() };
  return ok(shape, known ? 200 : 201);
}

function listReactions(here: Here, { comment }: Found): Reply {
  const shapes = comment.reactions.map(({ user, content }, at) => ({
    id: at + 1,
    node_id: node("REA", at + 1),
    user: userShape(user, here.forge.at),
    content,
    created_at: comment.createdAt,
  }));
  return ok(paged(here, shapes));
}
