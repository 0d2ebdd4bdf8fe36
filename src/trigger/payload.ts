import { parseCommitSha, type CommitSha } from "../identity/identity.ts";
import type { Person, RepositoryRef } from "../identity/repository.ts";

/** A JSON value of which nothing is known: reading it never throws, whatever it is. */
export class Payload {
  readonly #value: unknown;
  constructor(value: unknown) {
    this.#value = value;
  }

  at(...path: readonly string[]): Payload {
    let value = this.#value;
    for (const name of path) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return new Payload(undefined);
      value = (value as Readonly<Record<string, unknown>>)[name];
    }
    return new Payload(value);
  }

  isObject(): boolean {
    return typeof this.#value === "object" && this.#value !== null && !Array.isArray(this.#value);
  }

  isTrue(): boolean {
    return this.#value === true;
  }

  text(): string | undefined {
    return typeof this.#value === "string" ? this.#value : undefined;
  }

  /** A short word of the forge's own, such as an action: letters, digits, `_`, `-`, `.`. */
  word(): string | undefined {
    const text = this.text();
    return text !== undefined && /^[\w.-]{1,100}$/.test(text) ? text : undefined;
  }

  /** A positive integer that a number holds exactly. */
  id(): number | undefined {
    const value = this.#value;
    return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
  }

  sha(): CommitSha | undefined {
    const text = this.text();
    return text === undefined ? undefined : parseCommitSha(text);
  }

  /** Items of a list; empty for anything else, at most `max`. */
  items(max: number): readonly Payload[] {
    return Array.isArray(this.#value) ? this.#value.slice(0, max).map((item: unknown) => new Payload(item)) : [];
  }

  person(): Person | undefined {
    const id = this.at("id").id();
    const login = this.at("login").text();
    if (id === undefined || login === undefined || !/^[A-Za-z0-9][\w-]{0,99}(\[bot\])?$/.test(login)) return undefined;
    // Whoever is not plainly a person is taken for a bot: bots never command.
    return { id, login, bot: this.at("type").text() !== "User" || login.endsWith("[bot]") };
  }

  repository(installation: number): RepositoryRef | undefined {
    const id = this.at("id").id();
    const fullName = this.at("full_name").text();
    if (id === undefined || fullName === undefined || !/^[\w.-]{1,100}\/[\w.-]{1,100}$/.test(fullName))
      return undefined;
    return { installation, id, fullName };
  }
}
