import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Writes test/fixtures/github/{rest,webhooks}.json: of GitHub's own descriptions (hundreds of megabytes on npm) the
 * operations and events that the App and the twin use, with every schema they refer to and nothing that explains.
 * `node scripts/trim-github-schemas.ts`; with the name of a directory, packages unpacked there are read instead.
 */
const PACKAGES = { rest: "@octokit/openapi@23.0.2", webhooks: "@octokit/openapi-webhooks@12.1.0" } as const;

const OPERATIONS = [
  "GET /app",
  "GET /app/installations",
  "GET /app/installations/{installation_id}",
  "POST /app/installations/{installation_id}/access_tokens",
  "GET /installation/repositories",
  "GET /rate_limit",
  "GET /user/{account_id}",
  "GET /repos/{owner}/{repo}",
  "GET /repos/{owner}/{repo}/branches/{branch}",
  "GET /repos/{owner}/{repo}/rules/branches/{branch}",
  "GET /repos/{owner}/{repo}/git/ref/{ref}",
  "POST /repos/{owner}/{repo}/git/refs",
  "PATCH /repos/{owner}/{repo}/git/refs/{ref}",
  "DELETE /repos/{owner}/{repo}/git/refs/{ref}",
  "GET /repos/{owner}/{repo}/pulls",
  "POST /repos/{owner}/{repo}/pulls",
  "GET /repos/{owner}/{repo}/pulls/{pull_number}",
  "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
  "GET /repos/{owner}/{repo}/pulls/{pull_number}/commits",
  "GET /repos/{owner}/{repo}/pulls/{pull_number}/files",
  "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge",
  "POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
  "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
  "POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
  "PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals",
  "GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls",
  "GET /repos/{owner}/{repo}/commits/{ref}/check-runs",
  "GET /repos/{owner}/{repo}/commits/{ref}",
  "POST /repos/{owner}/{repo}/check-runs",
  "GET /repos/{owner}/{repo}/check-runs/{check_run_id}",
  "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}",
  "GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations",
  "GET /repos/{owner}/{repo}/issues",
  "POST /repos/{owner}/{repo}/issues",
  "GET /repos/{owner}/{repo}/issues/{issue_number}",
  "PATCH /repos/{owner}/{repo}/issues/{issue_number}",
  "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
  "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
  "GET /repos/{owner}/{repo}/issues/comments/{comment_id}",
  "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
  "DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}",
  "GET /repos/{owner}/{repo}/issues/comments",
  "GET /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
  "POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
  "GET /repos/{owner}/{repo}/issues/{issue_number}/labels",
  "POST /repos/{owner}/{repo}/issues/{issue_number}/labels",
  "DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
  "GET /repos/{owner}/{repo}/issues/{issue_number}/events",
  "GET /repos/{owner}/{repo}/labels",
  "POST /repos/{owner}/{repo}/labels",
  "GET /repos/{owner}/{repo}/labels/{name}",
  "GET /repos/{owner}/{repo}/collaborators/{username}/permission",
  "GET /orgs/{org}/teams/{team_slug}/memberships/{username}",
  "GET /repos/{owner}/{repo}/deployments",
  "POST /repos/{owner}/{repo}/deployments",
  "GET /repos/{owner}/{repo}/deployments/{deployment_id}",
  "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
  "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
];

const EVENTS: Readonly<Record<string, readonly string[]>> = {
  push: [],
  pull_request: [
    "opened",
    "synchronize",
    "reopened",
    "ready_for_review",
    "converted_to_draft",
    "edited",
    "labeled",
    "unlabeled",
    "closed",
  ],
  pull_request_review: ["submitted", "dismissed"],
  issue_comment: ["created", "edited", "deleted"],
  check_run: ["rerequested", "requested_action"],
  check_suite: ["rerequested"],
  merge_group: ["checks_requested", "destroyed"],
  repository: ["renamed", "edited", "unarchived"],
  installation: ["created", "deleted", "suspend", "unsuspend"],
  installation_repositories: ["added", "removed"],
};

/** Where GitHub contradicts itself: an account is a user and an enterprise at once in this list, and either elsewhere. */
const CORRECTED: Readonly<Record<string, object>> = {
  "GET /app/installations": { 200: { type: "array", items: { $ref: "#/components/schemas/installation" } } },
};

type Node = Readonly<Record<string, unknown>>;

/** Words for people, which no check looks at. */
const TALK = new Set(["description", "summary", "example", "examples", "externalDocs", "tags", "deprecated", "title"]);

/** A schema without its explanations; names of properties are never taken for them. */
function bare(value: unknown, names = false): unknown {
  if (Array.isArray(value)) return value.map((item) => bare(item));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([key]) => names || !(key.startsWith("x-") || TALK.has(key)));
  const schema = Object.fromEntries(members.map(([key, member]) => [key, bareMember(key, member)]));
  return names ? schema : nullable(schema);
}

function bareMember(key: string, member: unknown): unknown {
  if (key === "$ref") return String(member).replace("#/components/", "#/");
  return key === "enum" || key === "required" || key === "const" ? member : bare(member, key === "properties");
}

/** OpenAPI 3.0 says beside a type that null will do; JSON Schema says it in the type. */
function nullable({ nullable: maybe, ...schema }: Readonly<Record<string, unknown>>): Node {
  if (maybe !== true) return schema;
  if (typeof schema["type"] !== "string") return { anyOf: [schema, { type: "null" }] };
  const values = Array.isArray(schema["enum"]) ? { enum: [...(schema["enum"] as unknown[]), null] } : {};
  return { ...schema, ...values, type: [schema["type"], "null"] };
}

function refsIn(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value !== "object" || value === null) return found;
  for (const [key, member] of Object.entries(value)) {
    if (key === "$ref" && typeof member === "string") found.add(member);
    else refsIn(member, found);
  }
  return found;
}

function at(document: Node, ref: string): Node {
  const path = ref.replace("#/schemas/", "#/components/schemas/").slice(2).split("/");
  return path.reduce<unknown>((node, name) => (node as Node)[name], document) as Node;
}

/** The schemas that others refer to, and those that these refer to, by name. */
function closure(document: Node, from: unknown): Readonly<Record<string, unknown>> {
  const schemas: Record<string, unknown> = {};
  const waiting = [...refsIn(from)];
  for (let ref = waiting.pop(); ref !== undefined; ref = waiting.pop()) {
    const name = ref.replace("#/schemas/", "");
    if (name in schemas) continue;
    schemas[name] = bare(at(document, ref));
    waiting.push(...refsIn(schemas[name]));
  }
  return Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function resolved(document: Node, node: Node): Node {
  return typeof node["$ref"] === "string" ? at(document, node["$ref"]) : node;
}

function jsonOf(document: Node, node: unknown): unknown {
  if (node === undefined) return null;
  const content = (resolved(document, node as Node)["content"] ?? {}) as Readonly<Record<string, Node>>;
  return bare(content["application/json"]?.["schema"] ?? null);
}

function operation(document: Node, name: string): Node {
  const [method = "", path = ""] = name.split(" ");
  const found = (document["paths"] as Record<string, Record<string, Node>>)[path]?.[method.toLowerCase()];
  if (found === undefined) throw new Error(`GitHub describes no ${name}`);
  const parameters = ((found["parameters"] ?? []) as readonly Node[]).map((one) => resolved(document, one));
  const query = parameters.filter((one) => one["in"] === "query");
  const responses = Object.entries(found["responses"] as Record<string, Node>);
  return {
    query: Object.fromEntries(query.map((one) => [one["name"], bare(one["schema"])])),
    body: jsonOf(document, found["requestBody"]),
    responses: {
      ...Object.fromEntries(responses.map(([status, one]) => [status, jsonOf(document, one)])),
      ...(bare(CORRECTED[name] ?? {}) as object),
    },
  };
}

function event(document: Node, name: string): unknown {
  const found = (document["webhooks"] as Record<string, { readonly post: Node }>)[name.replaceAll("_", "-")];
  if (found === undefined) throw new Error(`GitHub describes no webhook ${name}`);
  return jsonOf(document, found.post["requestBody"]);
}

/** One line a schema: a newer description is a diff that can be read. */
function write(file: string, from: string, parts: Readonly<Record<string, Readonly<Record<string, unknown>>>>): void {
  const blocks = Object.entries(parts).map(([name, members]) => {
    const lines = Object.entries(members).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
    return `${JSON.stringify(name)}: {\n${lines.join(",\n")}\n}`;
  });
  writeFileSync(file, `{\n"$id": ${JSON.stringify(from)},\n${blocks.join(",\n")}\n}\n`);
}

function read(directory: string, spec: string): Node {
  const name = spec.slice(0, spec.lastIndexOf("@"));
  const file = join(directory, "node_modules", name, "generated", "api.github.com.json");
  return JSON.parse(readFileSync(file, "utf8")) as Node;
}

function main(given: string | undefined): void {
  const directory = given ?? mkdtempSync(join(tmpdir(), "github-schemas-"));
  try {
    if (given === undefined) {
      const install = ["install", "--prefix", directory, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
      execFileSync("npm", [...install, ...Object.values(PACKAGES)], { stdio: "inherit" });
    }
    const to = join(import.meta.dirname, "..", "test", "fixtures", "github");
    mkdirSync(to, { recursive: true });
    const rest = read(directory, PACKAGES.rest);
    const operations = Object.fromEntries(OPERATIONS.map((name) => [name, operation(rest, name)]));
    write(join(to, "rest.json"), PACKAGES.rest, { operations, schemas: closure(rest, operations) });
    const hooks = read(directory, PACKAGES.webhooks);
    const names = Object.entries(EVENTS).flatMap(([name, actions]) =>
      actions.length === 0 ? [name] : actions.map((action) => `${name}.${action}`),
    );
    const events = Object.fromEntries(names.map((name) => [name, event(hooks, name.replace(".", "-"))]));
    write(join(to, "webhooks.json"), PACKAGES.webhooks, { events, schemas: closure(hooks, events) });
  } finally {
    if (given === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

main(process.argv[2]);
