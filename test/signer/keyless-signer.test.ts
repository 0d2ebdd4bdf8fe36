import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";

import { systemClock } from "../../src/clock/system-clock.ts";
import type { KeylessConfig } from "../../src/config-keyless.ts";
import { PAYLOAD_TYPE } from "../../src/manifest/dsse.ts";
import { withBundles } from "../../src/main/keyless.ts";
import type { BundleCheck, BundleTrust } from "../../src/manifest/bundle.ts";
import { checkBundles } from "../../src/signer/check-bundles.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import { keylessSigner, type Keyless } from "../../src/signer/keyless-signer.ts";
import { ISSUER, sigstoreHere, WORKFLOW, type SigstoreHere } from "./sigstore-here.ts";

const PAYLOAD = new TextEncoder().encode('{"_type":"https://in-toto.io/Statement/v1"}\n');
const directory = mkdtempSync(join(tmpdir(), "sluice-keyless-"));
let here: SigstoreHere;

beforeAll(async () => {
  here = await sigstoreHere();
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});
afterEach(() => {
  vi.unstubAllEnvs();
  here.down.clear();
});

/** The bundle that an environment with these variables gives, and what was told. */
async function signed(
  variables: Readonly<Record<string, string>>,
  over: Partial<Keyless> = {},
): Promise<{ readonly bundle: Uint8Array | undefined; readonly told: string }> {
  for (const name of ["SIGSTORE_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
    vi.stubEnv(name, variables[name]);
  const told: string[] = [];
  const tell = (sentence: string): void => void told.push(sentence);
  const keyless = {
    tokenFile: undefined,
    fulcio: here.url,
    rekor: here.url,
    publish: true,
    clock: systemClock(),
    tell,
    ...over,
  };
  const bundle = await keylessSigner(fileSigner(directory, undefined), keyless).bundle?.(PAYLOAD, PAYLOAD_TYPE);
  return { bundle, told: told.join("\n") };
}

async function soundBundle(): Promise<Uint8Array> {
  const { bundle, told } = await signed({ SIGSTORE_ID_TOKEN: here.token() });
  if (bundle === undefined) throw new Error(told);
  return bundle;
}

async function checked(
  bundle: Uint8Array,
  { payload = PAYLOAD, ...over }: Partial<BundleTrust> & { readonly payload?: Uint8Array } = {},
): Promise<BundleCheck> {
  const check = await checkBundles({ identities: [{ issuer: ISSUER, subject: WORKFLOW }], root: here.root, ...over });
  if (check.kind === "refused") throw new Error(check.refusal);
  return check.value(bundle, payload, PAYLOAD_TYPE);
}

test("a token gives a bundle that names whom it names, also where a runner makes the token or a file has it", async () => {
  const handed = await signed({ SIGSTORE_ID_TOKEN: here.token() });
  const made = await signed(here.runner);
  const tokenFile = join(directory, "token");
  writeFileSync(tokenFile, `${here.token()}\n`);
  const kept = await signed({}, { tokenFile });

  expect(handed.told).toBe(`signed keyless, logged at ${new URL(here.url).host}`);
  for (const { bundle } of [handed, made, kept])
    expect(await checked(bundle ?? new Uint8Array())).toEqual({
      kind: "valid",
      identity: { issuer: ISSUER, subject: WORKFLOW },
    });
  expect(here.logged.join()).not.toContain(Buffer.from(PAYLOAD).toString("base64"));
});

test("Sigstore's own library checks it without any of our code", async () => {
  const bundle = bundleFromJSON(JSON.parse(new TextDecoder().decode(await soundBundle())));
  const trust = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(here.root)));
  const policy = { subjectAlternativeName: `^${WORKFLOW.replaceAll(".", "[.]")}$`, extensions: { issuer: ISSUER } };

  const signer = new Verifier(trust).verify(toSignedEntity(bundle), policy);

  expect(bundle.mediaType).toBe("application/vnd.dev.sigstore.bundle.v0.3+json");
  expect(signer.identity?.subjectAlternativeName).toBe(WORKFLOW);
});

test("who is not listed is a stranger, who stands there with an issuer of another name too", async () => {
  const bundle = await soundBundle();
  const identity = { issuer: ISSUER, subject: WORKFLOW };

  expect(await checked(bundle, { identities: [] })).toEqual({ kind: "stranger", identity });
  expect(
    await checked(bundle, { identities: [{ ...identity, issuer: "https://accounts.example.org" }] }),
  ).toMatchObject({ kind: "stranger" });
});

test.each([
  ["the payload", (json: Shape) => (json.dsseEnvelope.payload = Buffer.from("{}\n").toString("base64")), "other bytes"],
  ["the type", (json: Shape) => (json.dsseEnvelope.payloadType = "text/plain"), "another kind of record"],
  [
    "the signature",
    (json: Shape) => (json.dsseEnvelope.signatures[0] = { sig: Buffer.from("none").toString("base64") }),
    "signature",
  ],
  [
    "the time in the log",
    (json: Shape) => (json.verificationMaterial.tlogEntries[0] = { ...entryOf(json), integratedTime: "1" }),
    "certificate",
  ],
])("%s changed after signing is found", async (_, change, why) => {
  const json = JSON.parse(new TextDecoder().decode(await soundBundle())) as Shape;
  change(json);
  const check = await checked(new TextEncoder().encode(JSON.stringify(json)));
  expect(check).toMatchObject({ kind: "invalid", why: expect.stringContaining(why) as string });
});

interface Shape {
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] };
  verificationMaterial: { tlogEntries: Record<string, unknown>[] };
}

function entryOf({ verificationMaterial }: Shape): Record<string, unknown> {
  return verificationMaterial.tlogEntries[0] ?? {};
}

test("other bytes than those that were signed are found, and so is what is no bundle", async () => {
  expect(await checked(await soundBundle(), { payload: new TextEncoder().encode("{}\n") })).toEqual({
    kind: "invalid",
    why: "it is for other bytes than these",
  });
  expect(await checked(new TextEncoder().encode("{}"))).toMatchObject({ kind: "invalid" });
});

test("a certificate that had expired when its use was logged does not count, and neither does another root's", async () => {
  await using late = await sigstoreHere({ loggedAt: new Date(Date.now() + 3_600_000) });
  const { bundle = new Uint8Array() } = await signed(
    { SIGSTORE_ID_TOKEN: late.token() },
    { fulcio: late.url, rekor: late.url },
  );

  expect(await checked(bundle, { root: late.root })).toMatchObject({
    kind: "invalid",
    why: expect.stringContaining("expired") as string,
  });
  expect(await checked(bundle)).toMatchObject({ kind: "invalid" });
});

test("a trusted root that is none is refused", async () => {
  for (const root of ["", "[]", "{}", '{"tlogs":[{}]}'])
    expect(await checkBundles({ identities: [], root })).toMatchObject({ kind: "refused" });
});

test.each([
  ["for another audience", () => here.token({ aud: "https://vault.example.org" }), "the token is for https://vault"],
  ["that has expired", () => here.token({ exp: 1_000_000 }), "the token has expired"],
  ["that its issuer did not sign", () => `${here.token().slice(0, -8)}AAAAAAAA`, "not signed by its issuer"],
  ["that names nobody", () => here.token({ sub: "" }), "the OIDC token names nobody"],
  ["that is no JWT", () => "hello", "the OIDC token is no JWT"],
])("a token %s gives no bundle, says so and is not told", async (_, token, why) => {
  const secret = token();
  const { bundle, told } = await signed({ SIGSTORE_ID_TOKEN: secret });

  expect(bundle).toBeUndefined();
  expect(told).toContain(`not signed keyless: `);
  expect(told).toContain(why);
  expect(told).toContain("; the key ");
  expect(told).not.toContain(secret);
});

test.each([
  ["fulcio", "Fulcio gave no certificate: (503)"],
  ["rekor", "Rekor took no entry: (503)"],
] as const)("where %s is out of order the key alone signs, and people hear why", async (part, why) => {
  here.down.add(part);
  const { bundle, told } = await signed({ SIGSTORE_ID_TOKEN: here.token() });
  expect(bundle).toBeUndefined();
  expect(told).toContain(why);
  expect(told).toContain("SLUICE_KEYLESS=off");
});

test("without a token nothing is asked of anybody unless somebody says so, and then the lack is told", async () => {
  const plain = fileSigner(directory, undefined);
  const config = { token: false, tokenFile: undefined, fulcio: undefined, rekor: undefined };
  const told: string[] = [];
  const teller = { clock: systemClock(), tell: (sentence: string): void => void told.push(sentence) };

  expect(withBundles(plain, { ...config, wanted: undefined }, teller).bundle).toBeUndefined();
  expect(withBundles(plain, { ...config, token: true, wanted: "off" }, teller).bundle).toBeUndefined();
  expect(() => withBundles(plain, { ...config, wanted: "of" }, teller)).toThrow("SLUICE_KEYLESS must be on or off");
  vi.stubEnv("SIGSTORE_ID_TOKEN", "");
  vi.stubEnv("ACTIONS_ID_TOKEN_REQUEST_URL", "");
  expect(await withBundles(plain, { ...config, wanted: "on" }, teller).bundle?.(PAYLOAD, PAYLOAD_TYPE)).toBeUndefined();
  expect(told.join()).toContain("no OIDC token could be had");
});

test.each<[string, Readonly<Record<string, unknown>>, string]>([
  ["private on GitHub", { repository_visibility: "private" }, "the repository is private"],
  ["private on GitLab", { project_visibility: "private" }, "the repository is private"],
  ["internal on GitLab", { project_visibility: "internal" }, "the repository is internal"],
  ["called both", { repository_visibility: "public", project_visibility: "private" }, "the repository is private"],
  ["of a word that is none", { repository_visibility: ["public"] }, "the repository is "],
  ["not called public", {}, "the OIDC token does not say that"],
])("what is %s is not named in a public log unless somebody says so", async (_, claims, why) => {
  const token = here.token(claims);
  const before = here.logged.length;
  const asked = await signed({ SIGSTORE_ID_TOKEN: token }, { publish: false });

  expect(asked.bundle).toBeUndefined();
  expect(asked.told).toContain(`not signed keyless: ${why}`);
  expect(asked.told).toContain("SLUICE_KEYLESS=on");
  expect(here.logged).toHaveLength(before);
  expect((await signed({ SIGSTORE_ID_TOKEN: token })).bundle).toBeDefined();
});

test.each(["repository_visibility", "project_visibility"])("what a runner's %s calls public is named", async (name) => {
  const token = here.token({ [name]: "public" });
  expect((await signed({ SIGSTORE_ID_TOKEN: token }, { publish: false })).bundle).toBeDefined();
});

test("one address of one's own is not enough for what is private, both are; one that is none is refused", async () => {
  const told: string[] = [];
  const config = { wanted: undefined, token: true, tokenFile: undefined, fulcio: here.url, rekor: here.url };
  vi.stubEnv("SIGSTORE_ID_TOKEN", here.token({ repository_visibility: "private" }));
  const bundle = async (over: Partial<KeylessConfig>): Promise<boolean> => {
    const teller = { clock: systemClock(), tell: (sentence: string): void => void told.push(sentence) };
    const signer = withBundles(fileSigner(directory, undefined), { ...config, ...over }, teller);
    return (await signer.bundle?.(PAYLOAD, PAYLOAD_TYPE)) !== undefined;
  };

  expect(await bundle({})).toBe(true);
  expect(await bundle({ fulcio: undefined })).toBe(false);
  expect(await bundle({ rekor: undefined })).toBe(false);
  await expect(bundle({ rekor: "https://ada:secret@rekor.example.org" })).rejects.toThrow("SLUICE_REKOR_URL: it holds");
  expect(told.join()).not.toContain("secret");
});

test("a workflow of a repository and a branch with hyphens counts, and who is listed after it", async () => {
  const sub = "https://github.com/acme/my-digits/.github/workflows/re-train.yml@refs/heads/my-branch";
  const { bundle = new Uint8Array() } = await signed({ SIGSTORE_ID_TOKEN: here.token({ sub }) });
  const hyphens = { issuer: ISSUER, subject: sub };

  expect(await checked(bundle, { identities: [hyphens] })).toEqual({ kind: "valid", identity: hyphens });
  expect(
    await checked(await soundBundle(), { identities: [hyphens, { issuer: ISSUER, subject: WORKFLOW }] }),
  ).toMatchObject({ kind: "valid" });
});

test("a reusable workflow counts only for the repository that is listed beside it, and any other's is a stranger", async () => {
  const listed = { issuer: ISSUER, subject: WORKFLOW };
  const of = async (claims: Readonly<Record<string, unknown>>, repository: string): Promise<BundleCheck> => {
    const { bundle = new Uint8Array() } = await signed({ SIGSTORE_ID_TOKEN: here.token(claims) });
    return checked(bundle, { identities: [{ ...listed, repository }] });
  };
  // Longer ones say their length otherwise.
  for (const name of ["acme/digits", `acme/${"d".repeat(150)}`, `acme/${"d".repeat(300)}`]) {
    const repository = `https://github.com/${name}`;
    const identity = { ...listed, repository };
    expect(await of({ repository: name }, repository)).toEqual({ kind: "valid", identity });
    expect(await of({ repository: name }, "https://github.com/*/*")).toMatchObject({ kind: "valid" });
    expect(await of({ repository: name }, "https://github.com/acme/words")).toEqual({ kind: "stranger", identity });
  }
  expect(await of({}, "https://github.com/acme/digits")).toEqual({ kind: "stranger", identity: listed });
});
