/** Reads a secret's value where the operator keeps it; a value is never kept longer than the attempt that asked. */
export interface Secrets {
  /** `source` as a grant writes it: `env:NAME` or `file:/path`. */
  read(source: string): SecretRead;
}

export type SecretRead =
  | { readonly kind: "ok"; readonly value: string }
  /** `why` continues "…, which", and never holds a value. */
  | { readonly kind: "refused"; readonly why: string; readonly next: string };
