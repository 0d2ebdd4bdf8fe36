import type { JsonObject } from "../identity/canonical-json.ts";
import type { Digest } from "../identity/identity.ts";
import type { Failure } from "../run/run-record.ts";
import type { PreparedEnvironment } from "./environment.ts";
import type { KeptModules } from "./kept-modules.ts";

/** Where an environment is built. */
export interface BuildPlaces {
  /** Where it stands afterwards, too. */
  readonly root: string;
  /** The recipe's files; gone after the build. */
  readonly work: string;
  /** As the recipe says. */
  readonly cache: string;
}

/** How an environment is made from its lock. */
export interface Recipe {
  /** What decides what is built, beside the lock and the platform. */
  readonly identity: JsonObject;
  /** What is kept from one build to the next of the same kind, as a name; null: every build has its own. */
  readonly cache: "pip" | "uv" | "npm" | null;
  readonly files: Readonly<Record<string, string>>;
  commands(places: BuildPlaces): readonly (readonly string[])[];
  env(places: BuildPlaces): Readonly<Record<string, string>>;
  /** Places that a sandbox must show. */
  readonly readOnly: readonly string[];
  prepared(root: string): PreparedEnvironment;
  /** What a person does about a build that fails. */
  readonly next: string;
}

/** A variable of the worker that says where packages come from. */
export type Variable = (name: string) => string | undefined;

/** What a worker has to make environments with. */
export interface Here {
  /** As `tools:` asks for it. */
  readonly python: string | undefined;
  readonly path: string;
  readonly variable: Variable;
  /** Of the lock's bytes. */
  readonly digest: Digest;
  readonly modules: KeptModules;
}

/** How an environment is made from the text of its lock; a failure where it cannot be made here. */
export type RecipeMaker<Kind> = (
  environment: Kind,
  lock: string,
  here: Here,
) => Promise<Recipe | Failure> | Recipe | Failure;

/** Those of these variables that are set. */
export function given(variable: Variable, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = variable(name);
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
}
