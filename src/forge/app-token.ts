import { createPrivateKey, sign, type KeyObject } from "node:crypto";

/**
 * The JSON Web Token by which an App names itself (RFC 7519, RS256): issued a minute ago, because clocks differ, and
 * good for nine minutes of the ten that GitHub allows. `now` in milliseconds since 1970.
 */
export function appToken(appId: number, privateKey: string, now: number): string {
  const seconds = Math.floor(now / 1_000);
  const claims = { iat: seconds - 60, exp: seconds + 540, iss: String(appId) };
  const text = `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${sign("RSA-SHA256", Buffer.from(text), keyOf(privateKey)).toString("base64url")}`;
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

const keys = new Map<string, KeyObject>();

function keyOf(pem: string): KeyObject {
  const known = keys.get(pem) ?? createPrivateKey(pem);
  keys.set(pem, known);
  return known;
}
