import type { Desired } from "../../forge/desired.ts";
import type { Answer, Check, Forge } from "../../forge/forge.ts";

/** Brings the forge to one desired state; nothing is written where it is as it should be. */
export async function writeDesired(forge: Forge, desired: Desired): Promise<Answer<unknown>> {
  switch (desired.kind) {
    case "comment":
      return writeComment(forge, desired);
    case "minimized":
      return minimize(forge, desired);
    case "check":
      return writeCheck(forge, desired.check);
    case "reaction":
      return forge.react(desired.comment, desired.content);
    case "labels":
      return writeLabels(forge, desired);
    case "issue":
      return writeIssue(forge, desired);
    case "deployment":
      return writeDeployment(forge, desired);
    default:
      return desired satisfies never;
  }
}

/**
 * Updates the check that is there. GitHub adds annotations to those of earlier writes and takes none away, so a check
 * with annotations of another state is replaced by a new one, which takes its place in the list.
 */
async function writeCheck(forge: Forge, check: Check): Promise<Answer<unknown>> {
  const found = await forge.findCheck(check.head, check.name);
  if (found.kind !== "ok") return found;
  const there = found.value;
  if (there === null) return forge.writeCheck(check, null);
  const same = there.externalId === check.externalId && there.annotations === check.annotations.length;
  if (same) return forge.writeCheck({ ...check, annotations: [] }, there.id);
  return forge.writeCheck(check, there.annotations > 0 ? null : there.id);
}

/** Looks before it creates: a crash after creating must not leave a second comment, and duplicates are deleted. */
async function writeComment(forge: Forge, desired: Extract<Desired, { kind: "comment" }>): Promise<Answer<unknown>> {
  const own = await forge.ownComments(desired.number);
  if (own.kind !== "ok") return own;
  const [first, ...more] = own.value.filter((comment) => comment.body.includes(desired.marker));
  for (const { id } of desired.body === null && first !== undefined ? [first, ...more] : more) {
    const deleted = await forge.deleteComment(id);
    if (deleted.kind !== "ok" && deleted.kind !== "not-found") return deleted;
  }
  if (desired.body === null) return { kind: "ok", value: null };
  if (first === undefined) return forge.createComment(desired.number, desired.body);
  if (first.body === desired.body) return { kind: "ok", value: null };
  const edited = await forge.editComment(first.id, desired.body);
  return edited.kind === "not-found" ? forge.createComment(desired.number, desired.body) : edited;
}

async function minimize(forge: Forge, desired: Extract<Desired, { kind: "minimized" }>): Promise<Answer<unknown>> {
  const own = await forge.ownComments(desired.number);
  if (own.kind !== "ok") return own;
  for (const { node } of own.value.filter((comment) => comment.body.includes(desired.marker))) {
    const done = await forge.minimizeComment(node);
    if (done.kind !== "ok" && done.kind !== "not-found") return done;
  }
  return { kind: "ok", value: null };
}

async function writeLabels(forge: Forge, desired: Extract<Desired, { kind: "labels" }>): Promise<Answer<unknown>> {
  for (const label of desired.remove) {
    const removed = await forge.removeLabel(desired.number, label);
    if (removed.kind !== "ok") return removed;
  }
  return desired.add.length === 0 ? { kind: "ok", value: null } : forge.addLabels(desired.number, desired.add);
}

async function writeIssue(forge: Forge, desired: Extract<Desired, { kind: "issue" }>): Promise<Answer<unknown>> {
  const there = await forge.findIssue(desired.marker);
  if (there.kind !== "ok") return there;
  if (desired.open) {
    const { title } = desired;
    const body = `${desired.marker}\n${desired.body}`;
    if (there.value === null) return forge.createIssue(title, body);
    const same = there.value.title === title && there.value.body === body;
    return same ? there : forge.updateIssue(there.value.number, { title, body });
  }
  return there.value === null ? there : forge.closeIssue(there.value.number);
}

/** One that has ended is left as it is: what follows it is another one. */
async function writeDeployment(
  forge: Forge,
  { deployment, state, description }: Extract<Desired, { kind: "deployment" }>,
): Promise<Answer<unknown>> {
  const shown = await forge.findDeployment(deployment);
  if (shown.kind !== "ok") return shown;
  const newest = shown.value?.sha === deployment.ref ? shown.value : null;
  if (newest?.state === state) return shown;
  if (newest !== null && (newest.state === null || newest.state === "in_progress"))
    return forge.setDeployment(newest.id, state, description);
  const made = await forge.createDeployment({ ...deployment, description });
  return made.kind === "ok" ? forge.setDeployment(made.value, state, description) : made;
}
