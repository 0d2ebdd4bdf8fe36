import { createHash, generateKeyPairSync, sign, verify, X509Certificate, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { fulcioHandler, initializeCA, initializeCTLog } from "@sigstore/mock/dist/fulcio/index.js";
import { initializeTLog } from "@sigstore/mock/dist/rekor/index.js";
import { HashAlgorithm, PublicKeyDetails, TrustedRoot } from "@sigstore/protobuf-specs";

import { canonicalJson } from "../../src/identity/canonical-json.ts";
import { preAuthentication } from "../../src/manifest/dsse.ts";

export const ISSUER = "https://token.actions.githubusercontent.com";
export const WORKFLOW = "https://github.com/acme/digits/.github/workflows/train.yml@refs/heads/main";

/** A Sigstore of one's own over HTTP: an issuer of tokens, a Fulcio with its log of certificates, and a Rekor. */
export interface SigstoreHere extends AsyncDisposable {
  readonly url: string;
  /** Its trusted root in JSON. */
  readonly root: string;
  token(claims?: Readonly<Record<string, unknown>>): string;
  /** What a runner's environment holds: an address that makes tokens, and what is shown there. */
  readonly runner: Readonly<Record<"ACTIONS_ID_TOKEN_REQUEST_URL" | "ACTIONS_ID_TOKEN_REQUEST_TOKEN", string>>;
  /** Parts that are out of order now. */
  readonly down: Set<"fulcio" | "rekor">;
  /** Entries that the log took, newest last. */
  readonly logged: readonly string[];
}

const RUNNER = "runner-secret";

/** `loggedAt`: what the clock of its Rekor shows, if not the time. */
export async function sigstoreHere({ loggedAt }: { readonly loggedAt?: Date } = {}): Promise<SigstoreHere> {
  const ec = (namedCurve: string): { publicKey: KeyObject; privateKey: KeyObject } =>
    generateKeyPairSync("ec", { namedCurve });
  const issuer = ec("P-256");
  const ctlog = await initializeCTLog(ec("P-256"));
  const ca = await initializeCA(ec("P-384"), ctlog);
  const fulcio = fulcioHandler(ca);
  const tlog = await initializeTLog("https://rekor.example.org", ec("P-256"), loggedAt);
  const down: SigstoreHere["down"] = new Set();
  const logged: string[] = [];
  const token = (claims: Readonly<Record<string, unknown>> = {}): string => {
    const exp = Math.floor(Date.now() / 1_000) + 600;
    return jwt({ iss: ISSUER, sub: WORKFLOW, aud: "sigstore", exp, ...claims }, issuer.privateKey);
  };
  const routes: Readonly<Record<string, (body: string, request: IncomingMessage) => Promise<Reply>>> = {
    "/token": async (_, { url, headers }) => {
      if (headers.authorization !== `Bearer ${RUNNER}`) return refusal(401, "who asks?");
      const aud = new URL(url ?? "", "http://runner").searchParams.get("audience");
      return { status: 200, body: JSON.stringify({ value: token({ aud }) }) };
    },
    "/api/v2/signingCert": async (body) => {
      if (down.has("fulcio")) return refusal(503, "out of order");
      const wrong = faultOf(JSON.parse(body) as SigningRequest, issuer.publicKey);
      if (wrong !== undefined) return refusal(400, wrong);
      const { statusCode, response } = await fulcio.fn(body);
      return { status: statusCode, body: typeof response === "string" ? response : "" };
    },
    "/api/v1/log/entries": async (body) => {
      if (down.has("rekor")) return refusal(503, "out of order");
      const entry = canonicalEntry(JSON.parse(body) as ProposedEntry);
      if (entry === undefined) return refusal(400, "the signature does not fit");
      logged.push(JSON.stringify(entry));
      return { status: 201, body: JSON.stringify(await tlog.log(entry)) };
    },
  };
  const server = createServer((request, response) => void answer(routes, request, response));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    root: rootOf({ ca: ca.rootCertificate, ctlog: ctlog.publicKey, tlog: tlog.publicKey }),
    token,
    runner: { ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/token?v=1`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: RUNNER },
    down,
    logged,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

function refusal(status: number, message: string): Reply {
  return { status, body: JSON.stringify({ code: status, message }) };
}

async function answer(
  routes: Readonly<Record<string, (body: string, request: IncomingMessage) => Promise<Reply>>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const path = new URL(request.url ?? "", "http://here").pathname;
  const { status, body } =
    (await routes[path]?.(Buffer.concat(chunks).toString("utf8"), request)) ?? refusal(404, path);
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}

function jwt(claims: object, key: KeyObject): string {
  const encoded = [{ alg: "ES256", typ: "JWT" }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  const text = encoded.join(".");
  return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

interface SigningRequest {
  readonly credentials: { readonly oidcIdentityToken: string };
  readonly publicKeyRequest: { readonly publicKey: { readonly content: string }; readonly proofOfPossession: string };
}

/** What a Fulcio looks at before it vouches for anybody. */
function faultOf({ credentials, publicKeyRequest }: SigningRequest, issuer: KeyObject): string | undefined {
  const [head, body, signature] = credentials.oidcIdentityToken.split(".");
  const fits = verify(
    "sha256",
    Buffer.from(`${head}.${body}`),
    { key: issuer, dsaEncoding: "ieee-p1363" },
    Buffer.from(signature ?? "", "base64url"),
  );
  if (!fits) return "the token is not signed by its issuer";
  const claims = JSON.parse(Buffer.from(body ?? "", "base64url").toString("utf8")) as Record<string, unknown>;
  if (claims["aud"] !== "sigstore") return `the token is for ${String(claims["aud"])}`;
  if (Number(claims["exp"]) * 1_000 < Date.now()) return "the token has expired";
  const proof = Buffer.from(publicKeyRequest.proofOfPossession, "base64");
  const holds = verify("sha256", Buffer.from(String(claims["sub"])), publicKeyRequest.publicKey.content, proof);
  return holds ? undefined : "whoever asks does not hold the key";
}

interface ProposedEntry {
  readonly spec: { readonly proposedContent: { readonly envelope: string; readonly verifiers: readonly string[] } };
}

/** A DSSE entry as a Rekor keeps it: digests instead of the payload, once the signature was checked. */
function canonicalEntry({ spec: { proposedContent } }: ProposedEntry): object | undefined {
  const { payload, payloadType, signatures } = JSON.parse(proposedContent.envelope) as {
    readonly payload: string;
    readonly payloadType: string;
    readonly signatures: readonly { readonly sig: string }[];
  };
  const [verifier = ""] = proposedContent.verifiers;
  const signature = signatures[0]?.sig ?? "";
  const bytes = Buffer.from(payload, "base64");
  const key = new X509Certificate(Buffer.from(verifier, "base64")).publicKey;
  if (!verify("sha256", preAuthentication(payloadType, bytes), key, Buffer.from(signature, "base64"))) return undefined;
  const hash = (of: Uint8Array): object => ({
    algorithm: "sha256",
    value: createHash("sha256").update(of).digest("hex"),
  });
  return {
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: {
      envelopeHash: hash(Buffer.from(canonicalJson({ payload, payloadType, signatures: [...signatures] }))),
      payloadHash: hash(bytes),
      signatures: [{ signature, verifier }],
    },
  };
}

function rootOf({
  ca,
  ctlog,
  tlog,
}: {
  readonly ca: ArrayBufferView<ArrayBuffer>;
  readonly ctlog: Buffer;
  readonly tlog: Buffer;
}): string {
  const validFor = { start: new Date(0), end: undefined };
  const log = (rawBytes: Buffer, baseUrl: string): TrustedRoot["tlogs"][number] => ({
    baseUrl,
    hashAlgorithm: HashAlgorithm.SHA2_256,
    publicKey: { rawBytes, keyDetails: PublicKeyDetails.PKIX_ECDSA_P256_SHA_256, validFor },
    logId: { keyId: createHash("sha256").update(rawBytes).digest() },
    checkpointKeyId: undefined,
    operator: "",
  });
  const root = TrustedRoot.fromJSON({});
  return JSON.stringify(
    TrustedRoot.toJSON({
      ...root,
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: [log(tlog, "https://rekor.example.org")],
      ctlogs: [log(ctlog, "https://ctfe.example.org")],
      certificateAuthorities: [
        {
          subject: { organization: "example.org", commonName: "sigstore" },
          uri: "https://fulcio.example.org",
          certChain: { certificates: [{ rawBytes: Buffer.from(ca.buffer, ca.byteOffset, ca.byteLength) }] },
          validFor,
          operator: "",
        },
      ],
    }),
  );
}
