import { annotationShape, checkShape } from "../shapes/check.ts";
import {
  FORBIDDEN,
  inRepository,
  NOT_FOUND,
  ok,
  paged,
  repo,
  text,
  type Call,
  type Here,
  type Reply,
  type Route,
} from "./call.ts";
import { now, type TwinCheck } from "../world.ts";

/** Check runs, with the limits that GitHub sets them. */
export const CHECKS: readonly Route[] = [
  ["GET", repo("/commits/([^/]+)/check-runs"), inRepository(listChecks)],
  ["GET", repo("/check-runs/(\\d+)/annotations"), inRepository(listAnnotations)],
  ["POST", repo("/check-runs"), inRepository(createCheck)],
  ["PATCH", repo("/check-runs/(\\d+)"), inRepository(updateCheck)],
];

function checkOf({ forge, repository }: Here, check: TwinCheck): Record<string, unknown> {
  return checkShape(check, repository, forge.at);
}

function listChecks(here: Here, [ref = ""]: readonly string[]): Reply {
  const name = here.call.query.get("check_name");
  const found = here.repository.checks.filter((check) => check.head === ref && (name === null || check.name === name));
  return ok({ total_count: found.length, check_runs: paged(here, found).map((check) => checkOf(here, check)) });
}

function createCheck(here: Here): Reply {
  const { who, call, repository, forge } = here;
  if (who.kind !== "token" || who.installation === null) return FORBIDDEN;
  const check: TwinCheck = {
    id: forge.world.id(),
    name: text(call.body, "name"),
    head: text(call.body, "head_sha"),
    status: "queued",
    conclusion: null,
    externalId: "",
    output: { title: "", summary: "", text: "", annotations: [] },
    actions: [],
    startedAt: now(),
    completedAt: null,
  };
  const refused = applyCheck(check, call.body);
  if (refused !== undefined) return ok({ message: refused }, 422);
  repository.checks.push(check);
  return ok(checkOf(here, check), 201);
}

function updateCheck(here: Here, [id = ""]: readonly string[]): Reply {
  const check = here.repository.checks.find((one) => one.id === Number(id));
  if (check === undefined) return NOT_FOUND;
  const refused = applyCheck(check, here.call.body);
  return refused === undefined ? ok(checkOf(here, check)) : ok({ message: refused }, 422);
}

function listAnnotations(here: Here, [id = ""]: readonly string[]): Reply {
  const { repository, forge } = here;
  const check = repository.checks.find((one) => one.id === Number(id));
  if (check === undefined) return NOT_FOUND;
  const at = { repository, host: forge.host };
  return ok(paged(here, check.output.annotations).map((annotation) => annotationShape(annotation, check, at)));
}

/** Why GitHub would not take it; undefined when it was taken. */
function applyCheck(check: TwinCheck, body: Call["body"]): string | undefined {
  const output = (body["output"] ?? {}) as Partial<TwinCheck["output"]>;
  const annotations = output.annotations ?? [];
  if (annotations.length > 50) return "Invalid request. No more than 50 items are allowed.";
  if ((output.summary ?? "").length > 65_535 || (output.text ?? "").length > 65_535)
    return "Invalid request. Only 65535 characters are allowed.";
  if (body["status"] === "completed" && typeof body["conclusion"] !== "string")
    return "Invalid request. Missing conclusion.";
  check.status = text(body, "status") || check.status;
  check.conclusion =
    typeof body["conclusion"] === "string"
      ? body["conclusion"]
      : check.status === "completed"
        ? check.conclusion
        : null;
  check.externalId = text(body, "external_id") || check.externalId;
  if (check.status === "completed") check.completedAt = now();
  if (output.title !== undefined) {
    check.output.title = output.title;
    check.output.summary = output.summary ?? "";
    check.output.text = output.text ?? "";
    check.output.annotations = [...check.output.annotations, ...annotations];
  }
  if (Array.isArray(body["actions"])) check.actions = body["actions"] as TwinCheck["actions"];
  return undefined;
}
