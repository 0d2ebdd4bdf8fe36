import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import * as formats from "ajv-formats";

import type { Exchange } from "../../src/twin/twin.ts";
import { checkGraphql } from "./graphql.ts";

/** One of GitHub's descriptions, trimmed by scripts/trim-github-schemas.ts. */
export interface Description {
  /** Package and version that it was made from. */
  readonly $id: string;
  readonly operations?: Readonly<Record<string, Operation>>;
  readonly events?: Readonly<Record<string, object>>;
}

interface Operation {
  readonly query: Readonly<Record<string, object>>;
  readonly body: { readonly properties?: Readonly<Record<string, object>> } | null;
  readonly responses: Readonly<Record<string, object | null>>;
}

export function described(name: "rest" | "webhooks"): { readonly document: Description; readonly ajv: Ajv2020 } {
  const file = join(import.meta.dirname, "..", "fixtures", "github", `${name}.json`);
  const document = JSON.parse(readFileSync(file, "utf8")) as Description;
  const ajv = new Ajv2020({
    strict: false,
    validateSchema: false,
    allErrors: true,
    coerceTypes: false,
    code: { optimize: false },
    inlineRefs: false,
  });
  // The package's types hide its default export from modules.
  const add = (formats as unknown as { readonly default: { readonly default: (ajv: Ajv2020) => void } }).default
    .default;
  add(ajv);
  for (const unknown of ["repo.nwo", "timestamp", "ssh-key"]) ajv.addFormat(unknown, true);
  // Git takes any author, and GitHub passes on what a commit says.
  ajv.addFormat("email", /@/);
  ajv.addSchema(document);
  return { document, ajv };
}

/** The schema at a place in a description; compiled when it is first asked for. */
export function schemaAt(
  { document, ajv }: ReturnType<typeof described>,
  ...path: readonly string[]
): ValidateFunction {
  const pointer = path.map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/");
  const found = ajv.getSchema(`${document.$id}#/${pointer}`);
  if (found === undefined) throw new Error(`there is no schema at ${path.join(" ")}`);
  return found;
}

export function errorsOf(validate: ValidateFunction, value: unknown): readonly string[] {
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }) => {
    const what = Object.values(params as Readonly<Record<string, unknown>>).flat();
    return `${instancePath || "/"} ${message ?? ""} ${what.length > 3 ? "" : what.join(" ")}`.trimEnd();
  });
}

const rest = described("rest");
const patterns = Object.keys(rest.document.operations ?? {}).map((name) => {
  const [method = "", path = ""] = name.split(" ");
  // Names of refs have slashes of their own.
  const source = path.replaceAll(/\{(\w+)\}/g, (_, parameter: string) => (parameter === "ref" ? "(.+)" : "([^/]+)"));
  return { name, method, pattern: new RegExp(`^${source}$`), parameters: path.split("{").length };
});

/** What GitHub may answer to anything, with a message and no more. */
const ALWAYS = new Set([301, 307, 401, 403, 404, 422, 429, 500, 502, 503, 504]);

/** What GitHub's description says against a call and its answer; empty where it is content. */
export function checkExchange(exchange: Exchange): readonly string[] {
  const { method, path } = exchange.call;
  const about = `${method} ${path} ${exchange.status}`;
  if (path === "/graphql") return checkGraphql(exchange).map((fault) => `${about}: ${fault}`);
  const [match] = patterns
    .filter((one) => one.method === method && one.pattern.test(path))
    .sort((a, b) => a.parameters - b.parameters);
  const operation = match === undefined ? undefined : rest.document.operations?.[match.name];
  if (match === undefined || operation === undefined) {
    // Somebody who probes gets a 404, and that is an answer too.
    return exchange.status === 404
      ? []
      : [`${about}: not in test/fixtures/github/rest.json; add it to scripts/trim-github-schemas.ts`];
  }
  const faults = [...queryFaults(match.name, operation, exchange), ...bodyFaults(match.name, operation, exchange)];
  return [...faults, ...answerFaults(match.name, operation, exchange)].map((fault) => `${about}: ${fault}`);
}

function queryFaults(name: string, { query }: Operation, { call }: Exchange): readonly string[] {
  return [...call.query].flatMap(([parameter, text]) => {
    if (!(parameter in query)) return [`no such query parameter: ${parameter}`];
    const validate = schemaAt(rest, "operations", name, "query", parameter);
    const number = Number(text);
    const values = text !== "" && Number.isFinite(number) ? [text, number] : [text];
    return values.some((value) => errorsOf(validate, value).length === 0) ? [] : [`query ${parameter}=${text}`];
  });
}

function bodyFaults(name: string, { body }: Operation, { call, status }: Exchange): readonly string[] {
  // What the forge refused was wrong, and somebody meant it to be.
  if (status === 422) return [];
  if (body === null) return Object.keys(call.body).map((key) => `no body is taken, but ${key} was sent`);
  const known = body.properties;
  const odd = known === undefined ? [] : Object.keys(call.body).filter((key) => !(key in known));
  return [
    ...odd.map((key) => `no such member of the body: ${key}`),
    ...errorsOf(schemaAt(rest, "operations", name, "body"), call.body).map((fault) => `body ${fault}`),
  ];
}

function answerFaults(name: string, { responses }: Operation, { status, body }: Exchange): readonly string[] {
  const answer: unknown = body === undefined ? undefined : JSON.parse(JSON.stringify(body));
  // What somebody said they know already.
  if (status === 304 && answer === undefined) return [];
  const described = responses[String(status)];
  if (described === undefined || (described === null && status >= 300)) {
    const plain = typeof answer === "object" && answer !== null && "message" in answer;
    return (ALWAYS.has(status) || described === null) && plain ? [] : [`GitHub never answers ${status} like this`];
  }
  if (described === null) return answer === undefined ? [] : ["the answer has a body"];
  const validate = schemaAt(rest, "operations", name, "responses", String(status));
  return errorsOf(validate, answer).map((fault) => `answer ${fault}`);
}
