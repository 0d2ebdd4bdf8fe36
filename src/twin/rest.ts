import { createPublicKey, verify, type KeyObject } from "node:crypto";

import type { TwinForge } from "./forge.ts";
import { GRAPHQL } from "./graphql.ts";
import { APPS } from "./rest/apps.ts";
import { NOT_FOUND, UNKNOWN, type Call, type Reply, type Route, type Who } from "./rest/call.ts";
import { CHECKS } from "./rest/checks.ts";
import { COMMENTS } from "./rest/comments.ts";
import { DEPLOYMENTS } from "./rest/deployments.ts";
import { ISSUES } from "./rest/issues.ts";
import { PULLS } from "./rest/pulls.ts";
import { REPOSITORIES } from "./rest/repositories.ts";

/** One file a resource; the first pattern that matches answers. */
const ROUTES: readonly Route[] = [
  ...APPS,
  ...REPOSITORIES,
  ...PULLS,
  ...COMMENTS,
  ...ISSUES,
  ...CHECKS,
  ...DEPLOYMENTS,
  ...GRAPHQL,
];

/** Answers one REST call as GitHub does: who asks is known by a token, and nothing unknown is invented. */
export async function answerRest(forge: TwinForge, publicKey: KeyObject, call: Call): Promise<Reply> {
  const who = identify(forge, publicKey, call.authorization);
  if (who === undefined) return UNKNOWN;
  for (const [method, pattern, answer] of ROUTES) {
    const match = method === call.method ? pattern.exec(call.path) : null;
    if (match === null) continue;
    const headers = {};
    const reply = await answer({ forge, call, who, headers }, match.slice(1).map(decodeURIComponent));
    return { ...reply, ...(reply.status >= 300 ? { body: withReference(reply.body) } : {}), headers };
  }
  return NOT_FOUND;
}

/** Every refusal says where to read about it. */
function withReference(body: unknown): unknown {
  return { documentation_url: "https://docs.github.com/rest", ...(body as object | undefined) };
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
