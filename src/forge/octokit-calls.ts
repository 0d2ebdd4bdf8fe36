import { Octokit } from "@octokit/rest";

import { appToken } from "./app-token.ts";
import type { Answer } from "./forge.ts";

export interface OctokitOptions {
  readonly appId: number;
  /** PEM. */
  readonly privateKey: string;
  /** `https://api.github.com`, or `https://host/api/v3` of an enterprise server. */
  readonly apiUrl: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** How long one call may take, in ms. Default 20,000. */
  readonly timeoutMs?: number;
}

/** Calls of the forge's API as the App or as one of its installations; what goes wrong comes back as a value. */
export interface Calls {
  asApp<Value>(call: (octokit: Octokit, headers: Headers) => Promise<{ readonly data: Value }>): Promise<Answer<Value>>;
  as<Value>(
    installation: number,
    call: (octokit: Octokit, headers: Headers) => Promise<{ readonly data: Value }>,
  ): Promise<Answer<Value>>;
  /**
   * A question that is asked again and again: GitHub does not count it where its answer is still the one kept here.
   * `keep` is what is kept of an answer, which should be little.
   */
  again<Value, Kept>(
    question: {
      /** Null: as the App. */
      readonly installation: number | null;
      readonly name: string;
      readonly call: (octokit: Octokit, headers: Headers) => Promise<Responded<Value>>;
    },
    keep: (value: Value) => Kept,
  ): Promise<Answer<Kept>>;
  token(installation: number): Promise<Answer<string>>;
  /** Where it gave us no token a moment ago, it is asked again at once; a limit is kept to all the same. */
  letIn(installation: number): void;
  /** `Date` of the last answer, ms since 1970. */
  date(): number | null;
}

type Wait = Extract<Answer<never>, { kind: "wait" }>;

type Headers = Readonly<Record<"authorization", string> & Partial<Record<"if-none-match", string>>>;

interface Responded<Value> {
  readonly data: Value;
  readonly headers: { readonly etag?: string | undefined };
}

/** A token is not used in its last minutes: what it opens may take some. */
const SPARE_MS = 5 * 60_000;
const TIMEOUT_MS = 20_000;
/** An installation that gives us no token is asked for one this often. */
const SHUT_OUT_MS = 10_000;

export function octokitCalls({ appId, privateKey, apiUrl, now, timeoutMs = TIMEOUT_MS }: OctokitOptions): Calls {
  let date: number | null = null;
  // No throttling and no retry plugin: they delay or drop what the outbox decides on.
  const octokit = new Octokit({ baseUrl: apiUrl, userAgent: "sluice", log: QUIET });
  octokit.hook.after("request", (response) => note(response.headers.date));
  octokit.hook.before("request", (options) => {
    // The object is one and the same for all calls: a signal put into it would end them all.
    options.request = { ...options.request, signal: AbortSignal.timeout(timeoutMs) };
  });
  // A connection that was kept open may be closed by the other side just when it is used: reading again costs nothing.
  octokit.hook.wrap("request", async (request, options) => {
    try {
      return await request(options);
    } catch (error) {
      if (options.method !== "GET" || isAnswer(error) || options.request.signal?.aborted === true) throw error;
      return request(options);
    }
  });
  const tokens = new Map<number, { readonly token: string; readonly until: number }>();
  const note = (text: string | undefined): void => {
    const read = Date.parse(text ?? "");
    if (Number.isFinite(read)) date = read;
  };
  const answer = async <Value>(call: () => Promise<{ readonly data: Value }>): Promise<Answer<Value>> => {
    try {
      return { kind: "ok", value: (await call()).data };
    } catch (error) {
      return refusalOf(error, now());
    }
  };
  const asApp: Calls["asApp"] = (call) =>
    answer(() => call(octokit, { authorization: `Bearer ${appToken(appId, privateKey, now())}` }));
  // Until when GitHub wants to hear nothing from an installation: asking all the same lengthens it.
  const silent = new Map<number, Wait>();
  /** Which of the silences is ours alone. */
  const shutOut = new Map<number, Wait>();
  const silenceOf = (installation: number): Wait | undefined => {
    const silence = silent.get(installation);
    return silence !== undefined && silence.until > now() ? silence : undefined;
  };
  const token = async (installation: number): Promise<Answer<string>> => {
    const known = tokens.get(installation);
    if (known !== undefined && known.until - SPARE_MS > now()) return { kind: "ok", value: known.token };
    const silence = silenceOf(installation);
    if (silence !== undefined) return silence;
    const made = await asApp((one, headers) =>
      one.rest.apps.createInstallationAccessToken({ installation_id: installation, headers }),
    );
    if (made.kind !== "ok") return made;
    tokens.set(installation, { token: made.value.token, until: Date.parse(made.value.expires_at) });
    return { kind: "ok", value: made.value.token };
  };
  const known = new Map<string, { readonly etag: string; readonly value: unknown }>();
  const as: Calls["as"] = async (installation, call) => {
    for (let attempt = 1; ; attempt++) {
      const silence = silenceOf(installation);
      if (silence !== undefined) return silence;
      const mine = await token(installation);
      if (mine.kind === "wait") silent.set(installation, mine);
      // Taken out, suspended, or our clock is wrong: nothing is gone, and nobody is without permission.
      if (mine.kind === "not-found" || mine.kind === "refused") {
        const wait = { kind: "wait", until: now() + SHUT_OUT_MS, why: whyShutOut(mine) } as const;
        silent.set(installation, wait);
        shutOut.set(installation, wait);
        return wait;
      }
      if (mine.kind !== "ok") return mine;
      const answered = await answer(() => call(octokit, { authorization: `token ${mine.value}` }));
      if (answered.kind === "wait") silent.set(installation, answered);
      if (answered.kind !== "refused" || answered.status !== 401 || attempt > 1) return answered;
      // Revoked or expired early: one more try with a new one.
      tokens.delete(installation);
    }
  };
  return {
    asApp,
    as,
    token,
    letIn(installation) {
      const wait = shutOut.get(installation);
      shutOut.delete(installation);
      if (wait !== undefined && silent.get(installation) === wait) silent.delete(installation);
    },
    date: () => date,
    async again({ installation, name, call }, keep) {
      const key = `${installation ?? "app"} ${name}`;
      const before = known.get(key);
      const ask = async (octokit_: Octokit, headers: Headers) => {
        const conditional = before === undefined ? headers : { ...headers, "if-none-match": before.etag };
        const { data, headers: answered } = await call(octokit_, conditional);
        const value = keep(data);
        known.delete(key);
        if (answered.etag !== undefined) known.set(key, { etag: answered.etag, value });
        // The oldest goes: whoever asks for it again pays once more.
        if (known.size > KNOWN) known.delete(known.keys().next().value ?? "");
        return { data: value };
      };
      const answered = await (installation === null ? asApp(ask) : as(installation, ask));
      const same = answered.kind === "refused" && answered.status === 304 && before !== undefined;
      return same ? { kind: "ok", value: before.value as ReturnType<typeof keep> } : answered;
    },
  };
}

function whyShutOut(answer: Extract<Answer<never>, { kind: "not-found" | "refused" }>): string {
  return answer.kind === "not-found" ? "the App is not installed there" : `the App gets no token: ${answer.why}`;
}

/** Answers kept, of all installations together; each is a page of a list at most. */
const KNOWN = 5_000;

/** Octokit writes nothing anywhere. */
export const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

interface Failed {
  readonly status?: unknown;
  readonly message?: unknown;
  readonly response?: { readonly headers?: Readonly<Record<string, string | undefined>> };
}

function isAnswer(error: unknown): boolean {
  return typeof error === "object" && error !== null && (error as Failed).response !== undefined;
}

/** Why a call gave nothing; waits say until when (GitHub: retry-after, else the reset of the spent limit). */
export function refusalOf(error: unknown, now: number): Exclude<Answer<never>, { kind: "ok" }> {
  const { status, message, response } = (typeof error === "object" && error !== null ? error : {}) as Failed;
  const why = typeof message === "string" ? message.slice(0, 300) : "no answer";
  const graphql = graphqlRefusal(error, now);
  if (graphql !== undefined) return graphql;
  if (typeof status !== "number" || response === undefined) return { kind: "unreachable", why };
  if (status === 404 || status === 410) return { kind: "not-found" };
  const headers = response.headers ?? {};
  const after = Number(headers["retry-after"]);
  if (status === 429 || status === 403) {
    if (Number.isFinite(after)) return { kind: "wait", until: now + after * 1_000, why };
    if (headers["x-ratelimit-remaining"] === "0")
      return { kind: "wait", until: Number(headers["x-ratelimit-reset"]) * 1_000 || now + 60_000, why };
    if (status === 429 || /secondary rate limit/i.test(why)) return { kind: "wait", until: now + 60_000, why };
  }
  return status >= 500 ? { kind: "unreachable", why } : { kind: "refused", status, why };
}

/** GraphQL answers 200 and says what went wrong in the body. */
function graphqlRefusal(error: unknown, now: number): Exclude<Answer<never>, { kind: "ok" }> | undefined {
  const { errors } = (typeof error === "object" && error !== null ? error : {}) as {
    readonly errors?: readonly { readonly type?: unknown; readonly message?: unknown }[];
  };
  if (!Array.isArray(errors)) return undefined;
  const [first] = errors;
  if (first?.type === "NOT_FOUND") return { kind: "not-found" };
  if (first?.type === "RATE_LIMITED") return { kind: "wait", until: now + 60_000, why: "GraphQL's rate limit" };
  return { kind: "refused", status: 200, why: String(first?.message ?? "no answer").slice(0, 300) };
}
