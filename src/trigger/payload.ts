import { parseCommitSha, type CommitSha } from "../identity/identity.ts";
import type { Person, RepositoryRef } from "../identity/repository.ts";

/** A JSON value of which nothing is known: reading it never throws, whatever it is. */
export interface Payload {
  at(...path: readonly string[]): Payload;
  isObject(): boolean;
  isTrue(): boolean;
  text(): string | undefined;
  /** A short word of the forge's own, such as an action: letters, digits, `_`, `-`, `.`. */
  word(): string | undefined;
  /** A positive integer that a number holds exactly. */
  id(): number | undefined;
  sha(): CommitSha | undefined;
  /** Items of a list; empty for anything else, at most `max`. */
  items(max: number): readonly Payload[];
  person(): Person | undefined;
  repository(installation: number): RepositoryRef | undefined;
}

export function payloadOf(value: unknown): Payload {
  const at = (...path: readonly string[]): Payload => payloadOf(path.reduce(member, value));
  const text = (): string | undefined => (typeof value === "string" ? value : undefined);
  return {
    at,
    text,
    isObject: () => typeof value === "object" && value !== null && !Array.isArray(value),
    isTrue: () => value === true,
    word: () => matching(value, /^[\w.-]{1,100}$/),
    id: () => (typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined),
    sha: () => (typeof value === "string" ? parseCommitSha(value) : undefined),
    items: (max) => (Array.isArray(value) ? value.slice(0, max).map((item: unknown) => payloadOf(item)) : []),
    person: () => personOf(at),
    repository: (installation) => repositoryOf(at, installation),
  };
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function matching(value: unknown, pattern: RegExp): string | undefined {
  return typeof value === "string" && pattern.test(value) ? value : undefined;
}

function personOf(at: Payload["at"]): Person | undefined {
  const id = at("id").id();
  const login = matching(at("login").text(), /^[A-Za-z0-9][\w-]{0,99}(\[bot\])?$/);
  if (id === undefined || login === undefined) return undefined;
  // Whoever is not plainly a person is taken for a bot: bots never command.
  return { id, login, bot: at("type").text() !== "User" || login.endsWith("[bot]") };
}

function repositoryOf(at: Payload["at"], installation: number): RepositoryRef | undefined {
  const id = at("id").id();
  const fullName = matching(at("full_name").text(), /^[\w.-]{1,100}\/[\w.-]{1,100}$/);
  return id === undefined || fullName === undefined ? undefined : { installation, id, fullName };
}
