import { readFileSync } from "node:fs";

import { publicKeyPem } from "../../manifest/dsse.ts";
import type { Operator } from "../../pipeline/operator.ts";
import { parseOperator } from "../../pipeline/parse-operator.ts";
import { codeFrame } from "../../problem/frame.ts";
import { isError } from "../../problem/problem.ts";
import type { Refused } from "./refused.ts";

export type OperatorRead = { readonly kind: "ok"; readonly operator: Operator } | Refused;

/** A part of main.ts for services: the operator's file, read once at the start; null is a file that says nothing. */
export function readOperator(path: string | null): OperatorRead {
  let bytes: Uint8Array | null = null;
  try {
    if (path !== null) bytes = readFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      kind: "refused",
      reason: "usage",
      why: `SLUICE_CONFIG: it cannot be read: ${why}`,
      next: "name a file that this user can read",
    };
  }
  const source = bytes === null ? null : { path: path ?? "", bytes };
  const { value, problems } = parseOperator(source);
  const errors = problems.filter(isError);
  if (value !== null && errors.length === 0) return unreadableKey(value) ?? { kind: "ok", operator: value };
  const text = bytes === null ? undefined : new TextDecoder().decode(bytes);
  const shown = errors.map((problem) =>
    [
      `${problem.at.path}:${problem.at.line}:${problem.at.column}: ${problem.message}`,
      ...codeFrame(problem, text, { color: false }),
      `  next: ${problem.next}`,
    ].join("\n"),
  );
  return {
    kind: "refused",
    reason: "usage",
    why: `SLUICE_CONFIG: a valid operator's file was expected\n${shown.join("\n")}`,
    next: EXAMPLE,
  };
}

/** What looks like a key and is none would be passed over, and with it all that it signed. */
function unreadableKey({ signingKeys }: Operator): Refused | undefined {
  const bad = signingKeys.find((key) => publicKeyPem(key.public) === undefined);
  if (bad === undefined) return undefined;
  return {
    kind: "refused",
    reason: "usage",
    why: `SLUICE_CONFIG: \`public\` of \`${bad.id}\` under \`signing_keys\` is no Ed25519 key`,
    next: "openssl pkey -in ed25519.pem -pubout -outform DER | openssl base64 -A",
  };
}

const EXAMPLE =
  "write it like docs/service.md shows, for example `version: 1` and `pools: { default: { concurrency: 4 } }`";
