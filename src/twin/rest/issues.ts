import { issueShape } from "../shapes/issue.ts";
import { labelShape } from "../shapes/label.ts";
import { node, userShape } from "../shapes/user.ts";
import { now, type TwinPullRequest } from "../world.ts";
import {
  FORBIDDEN,
  inRepository,
  loginOf,
  NOT_FOUND,
  ok,
  paged,
  repo,
  text,
  withPull,
  type Here,
  type Reply,
  type Route,
} from "./call.ts";

/** Issues, and the labels of pull requests. */
export const ISSUES: readonly Route[] = [
  ["GET", repo("/issues"), inRepository(listIssues)],
  ["POST", repo("/issues"), inRepository(createIssue)],
  ["PATCH", repo("/issues/(\\d+)"), inRepository(updateIssue)],
  ["GET", repo("/issues/(\\d+)/events"), inRepository(withPull(listEvents))],
  ["POST", repo("/issues/(\\d+)/labels"), inRepository(withPull(addLabels))],
  ["DELETE", repo("/issues/(\\d+)/labels/(.+)"), inRepository(withPull(removeLabel))],
];

function listIssues(here: Here): Reply {
  const { repository, forge } = here;
  const open = [...repository.issues.values()].filter((issue) => issue.state === "open");
  return ok(paged(here, open).map((issue) => issueShape(issue, repository, forge.at)));
}

function createIssue(here: Here): Reply {
  const { who, repository, forge, call } = here;
  if (who.kind !== "token") return FORBIDDEN;
  const number = repository.next++;
  const at = now();
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
    createdAt: at,
    updatedAt: at,
  };
  repository.issues.set(number, issue);
  return ok(issueShape(issue, repository, forge.at), 201);
}

function updateIssue({ repository, forge, call }: Here, [number = ""]: readonly string[]): Reply {
  const issue = repository.issues.get(Number(number));
  if (issue === undefined) return NOT_FOUND;
  if (typeof call.body["title"] === "string") issue.title = call.body["title"];
  if (typeof call.body["body"] === "string") issue.body = call.body["body"];
  if (call.body["state"] === "closed" || call.body["state"] === "open") issue.state = call.body["state"];
  issue.updatedAt = now();
  return ok(issueShape(issue, repository, forge.at));
}

function addLabels(here: Here, pull: TwinPullRequest): Reply {
  const names = Array.isArray(here.call.body["labels"]) ? here.call.body["labels"].map(String) : [];
  for (const name of names) here.forge.label(here.repository, pull, { name, add: true, login: loginOf(here) });
  return labelsOf(here, pull);
}

function labelsOf({ repository, forge }: Here, pull: TwinPullRequest): Reply {
  return ok(pull.labels.map((name) => labelShape(name, repository, forge.at)));
}

function removeLabel(here: Here, pull: TwinPullRequest, [name = ""]: readonly string[]): Reply {
  if (!pull.labels.includes(name)) return NOT_FOUND;
  here.forge.label(here.repository, pull, { name, add: false, login: loginOf(here) });
  return labelsOf(here, pull);
}

function listEvents(here: Here, pull: TwinPullRequest): Reply {
  const { repository, forge } = here;
  const shapes = pull.events.map(({ id, event, label, actor, at }) => {
    const named =
      label === null ? {} : { label: { name: label, color: labelShape(label, repository, forge.at)["color"] } };
    return {
      id,
      node_id: node("LE", id),
      url: `${forge.base}/repos/${repository.fullName}/issues/events/${id}`,
      actor: userShape(actor, forge.at),
      event,
      commit_id: null,
      commit_url: null,
      created_at: at,
      ...named,
      performed_via_github_app: null,
    };
  });
  return ok(paged(here, shapes));
}
