import type { Failure } from "./run-record.ts";

/** The secrets of one attempt by name, or why it gets none: what they are called is people's to choose. */
export type SecretValues =
  | { readonly kind: "ok"; readonly values: Readonly<Record<string, string>> }
  | { readonly kind: "refused"; readonly failure: Failure };
