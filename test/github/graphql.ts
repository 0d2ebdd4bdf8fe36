import { schema as published } from "@octokit/graphql-schema";
import { buildSchema, execute, parse, validate, type GraphQLSchema } from "graphql";

import type { Exchange } from "../../src/twin/twin.ts";

let built: GraphQLSchema | undefined;

/** What GitHub's GraphQL schema says against a query, its variables or its answer. */
export function checkGraphql({ call, status, body }: Exchange): readonly string[] {
  // Published with deprecations that the specification does not allow: taken as it is.
  built ??= buildSchema(published.idl, { assumeValidSDL: true, assumeValid: true });
  const { query, variables } = call.body as { readonly query?: string; readonly variables?: Record<string, unknown> };
  const document = parse(query ?? "");
  const faults = validate(built, document).map(({ message }) => message);
  if (faults.length > 0 || status >= 400) return faults;
  const answer = JSON.parse(JSON.stringify(body)) as { readonly data?: unknown; readonly errors?: unknown };
  // Resolving the document against the answer reads every field asked for with its type.
  const resolved = execute({
    schema: built,
    document,
    rootValue: answer.data ?? {},
    variableValues: variables ?? {},
  });
  if (resolved instanceof Promise) return ["the answer does not resolve at once"];
  const errors = (resolved.errors ?? []).map(({ message }) => message);
  // Where GitHub could not do it, it says so beside the data, and fields are missing.
  const refused = Array.isArray(answer.errors);
  return refused ? errors.filter((message) => message.startsWith("Variable")) : errors;
}
