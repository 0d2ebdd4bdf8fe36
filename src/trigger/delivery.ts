import type { RepositoryRef } from "../identity/repository.ts";
import { isCommand, MAX_COMMAND } from "./command.ts";
import { payloadOf, type Payload } from "./payload.ts";
import type { Trigger } from "./trigger.ts";

export type Read =
  | { readonly kind: "triggers"; readonly triggers: readonly Trigger[] }
  /** Well made, and nothing of ours. */
  | { readonly kind: "ignored"; readonly why: string }
  /** An event of ours that lacks what it should have. */
  | { readonly kind: "malformed"; readonly why: string };

/** What one delivery of the forge wakes us for: total over every event and payload, and bounded (law 13). */
export function triggersOf(event: string, delivery: string, payload: unknown): Read {
  const body = payloadOf(payload);
  if (!body.isObject()) return malformed("the payload is not a JSON object");
  const actions = ACTED_ON.get(event);
  if (actions === undefined) return ignored("nothing is done on this event");
  const action = body.at("action").word() ?? "";
  if (actions !== null) {
    if (action === "") return malformed(`the payload of ${event} has no action`);
    if (!actions.has(action)) return ignored(`nothing is done on ${event}.${action}`);
  }
  const installation = body.at("installation", "id").id();
  if (installation === undefined) {
    return malformed("the payload names no installation: it does not come from the webhook of a GitHub App");
  }
  if (event.startsWith("installation")) return ofInstallation(body, installation, action);
  const repository = body.at("repository").repository(installation);
  if (repository === undefined) return malformed(`the payload of ${event} names no repository`);
  return ofRepository(event, { body, repository, delivery, action });
}

/** Events and actions that wake us (null: the event has none); `app.yml` subscribes to the same events. */
export const ACTED_ON: ReadonlyMap<string, ReadonlySet<string> | null> = new Map([
  [
    "pull_request",
    new Set([
      "opened",
      "synchronize",
      "reopened",
      "ready_for_review",
      "converted_to_draft",
      "edited",
      "labeled",
      "unlabeled",
      "closed",
    ]),
  ],
  ["pull_request_review", new Set(["submitted", "dismissed"])],
  ["issue_comment", new Set(["created", "deleted"])],
  ["check_run", new Set(["rerequested", "requested_action"])],
  ["check_suite", new Set(["rerequested"])],
  ["merge_group", new Set(["checks_requested"])],
  ["push", null],
  ["repository", new Set(["renamed", "edited", "unarchived"])],
  ["installation", new Set(["created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"])],
  ["installation_repositories", new Set(["added", "removed"])],
]);

interface Delivery {
  readonly body: Payload;
  readonly repository: RepositoryRef;
  readonly delivery: string;
  readonly action: string;
}

function ofRepository(event: string, delivery: Delivery): Read {
  const { body, repository, action } = delivery;
  switch (event) {
    case "pull_request":
      return ofPullRequest(delivery);
    case "pull_request_review":
      return pullRequest(delivery, `review_${action}`);
    case "issue_comment":
      return ofComment(delivery);
    case "check_run":
      return action === "requested_action" ? ofButton(delivery) : ofRecheck(delivery, "check_run");
    case "check_suite":
      return ofRecheck(delivery, "check_suite");
    case "merge_group":
      return ofMergeGroup(delivery);
    case "push":
      return ofPush(delivery);
    default:
      if (action === "edited" && !body.at("changes", "default_branch").isObject()) {
        return ignored("the default branch is the same");
      }
      return triggers({ kind: "reconcile", repository, because: `repository ${action}` });
  }
}

function ofPullRequest(delivery: Delivery): Read {
  const { body, repository, action } = delivery;
  if (action === "edited" && !body.at("changes", "base").isObject()) return ignored("the base is the same");
  const read = pullRequest(delivery, action);
  if (read.kind !== "triggers" || action !== "closed" || !body.at("pull_request", "merged").isTrue()) return read;
  // The push of the merge may have been lost.
  return triggers(...read.triggers, { kind: "reconcile", repository, because: "pull request merged" });
}

function pullRequest({ body, repository }: Delivery, action: string): Read {
  const number = body.at("pull_request", "number").id();
  if (number === undefined) return malformed("the payload has no number of a pull request");
  return triggers({ kind: "pull-request", repository, number, action, sender: body.at("sender").person() ?? null });
}

function ofComment(delivery: Delivery): Read {
  const { body, repository, action } = delivery;
  if (action === "deleted") return ofDeletedComment(delivery);
  const comment = body.at("comment", "id").id();
  const text = body.at("comment", "body").text();
  const number = body.at("issue", "number").id();
  const author = body.at("comment", "user").person();
  const sender = body.at("sender").person();
  if (comment === undefined || text === undefined || number === undefined) {
    return malformed("the payload has no comment, text or number");
  }
  if (author === undefined || sender === undefined) return malformed("the payload does not say who commented");
  if (author.bot || sender.bot) return ignored("bots never command");
  if (author.id !== sender.id) return ignored("the comment was written by somebody else");
  if (!body.at("issue", "pull_request").isObject()) return ignored("the comment does not stand at a pull request");
  if (!isCommand(text)) return ignored("the comment is not a command");
  return triggers({ kind: "command", repository, number, comment, text: firstLine(text), sender });
}

/** Somebody deletes what a bot wrote: where it was ours, it comes back. */
function ofDeletedComment({ body, repository, action }: Delivery): Read {
  const number = body.at("issue", "number").id();
  const sender = body.at("sender").person();
  if (number === undefined || sender === undefined) return malformed("the payload has no number or sender");
  if (sender.bot || body.at("comment", "user").person()?.bot !== true)
    return ignored("no person deleted a bot's comment");
  if (!body.at("issue", "pull_request").isObject()) return ignored("the comment did not stand at a pull request");
  return triggers({ kind: "pull-request", repository, number, action: `comment_${action}`, sender });
}

/** One character more than a command may have: the parser sees that it is too long. */
function firstLine(text: string): string {
  const line = text.slice(0, MAX_COMMAND + 1).split(/[\r\n\u2028\u2029]/, 1)[0] ?? "";
  return line.replaceAll("\0", "\uFFFD").toWellFormed();
}

function ofButton({ body, repository, delivery }: Delivery): Read {
  const head = body.at("check_run", "head_sha").sha();
  const action = body.at("requested_action", "identifier").word();
  const sender = body.at("sender").person();
  if (head === undefined || action === undefined || sender === undefined) {
    return malformed("the payload does not say which button was pressed, by whom, or for which commit");
  }
  return sender.bot
    ? ignored("bots never command")
    : triggers({ kind: "button", repository, head, action, delivery: deliveryWord(delivery), sender });
}

/** A delivery's id as it may stand in ids of runs and jobs. */
export function deliveryWord(delivery: string): string {
  return delivery.replaceAll(/[^\w.-]/g, "").slice(0, 64) || "none";
}

function ofRecheck({ body, repository, delivery }: Delivery, of: "check_run" | "check_suite"): Read {
  const head = body.at(of, "head_sha").sha();
  if (head === undefined) return malformed("the payload names no commit");
  const check = of === "check_run" ? (body.at(of, "name").text()?.slice(0, 200) ?? null) : null;
  const sender = body.at("sender").person() ?? null;
  return triggers({ kind: "recheck", repository, head, check, delivery: deliveryWord(delivery), sender });
}

function ofMergeGroup({ body, repository }: Delivery): Read {
  const head = body.at("merge_group", "head_sha").sha();
  const base = body.at("merge_group", "base_sha").sha();
  return head === undefined || base === undefined
    ? malformed("the payload names no commits of a merge group")
    : triggers({ kind: "merge-group", repository, head, base });
}

function ofPush({ body, repository }: Delivery): Read {
  const ref = body.at("ref").text();
  if (ref === undefined) return malformed("the payload names no ref");
  if (!ref.startsWith("refs/heads/")) return ignored("only branches count");
  const branch = ref.slice("refs/heads/".length).replaceAll(/[^\w./-]/g, "?");
  return triggers({ kind: "reconcile", repository, because: `push to ${branch.slice(0, 100)}` });
}

/** More repositories than these are found by listing the installation: a delivery is a hint. */
const MOST_REPOSITORIES = 1_000;

function ofInstallation(body: Payload, installation: number, action: string): Read {
  const list = (...path: string[]): readonly RepositoryRef[] =>
    body
      .at(...path)
      .items(MOST_REPOSITORIES)
      .flatMap((item) => item.repository(installation) ?? []);
  const gone = action === "deleted" || action === "suspend";
  return triggers({
    kind: "installation",
    installation,
    added: gone ? [] : [...list("repositories"), ...list("repositories_added")],
    removed: [...(gone ? list("repositories") : []), ...list("repositories_removed")],
    gone,
  });
}

function triggers(...all: readonly Trigger[]): Read {
  return { kind: "triggers", triggers: all };
}

function ignored(why: string): Read {
  return { kind: "ignored", why };
}

function malformed(why: string): Read {
  return { kind: "malformed", why };
}
