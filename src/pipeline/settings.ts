import type { Span } from "./pipeline.ts";

/** A condition in CEL as written, and where. */
export interface Condition {
  readonly source: string;
  readonly at: Span;
}

export interface SecretGrant {
  readonly name: string;
  /** For example `env:HF_TOKEN`. */
  readonly from: string;
  readonly pipelines: readonly string[] | null;
  readonly steps: readonly string[] | null;
  readonly on: readonly string[] | null;
}

export interface EnvironmentSettings {
  readonly name: string;
  readonly auto: boolean;
  readonly after: string | null;
  readonly soakMs: number;
  readonly gates: readonly (Condition & { readonly first: "allow" | "deny" })[];
  readonly approvals: {
    readonly count: number;
    readonly teams: readonly string[];
    readonly users: readonly string[];
    readonly author: boolean;
    readonly expiresMs: number | null;
  } | null;
  readonly deploy: string | null;
  readonly windows: readonly string[];
  readonly freezes: readonly string[];
}

/** `sluice.yaml` in its only shape; plain JSON, so that it can be cached by the digest of its bytes. */
export interface Settings {
  /** Glob of pipeline files. */
  readonly pipelines: string;
  readonly ledger: { readonly branch: string };
  readonly store: { readonly kind: "filesystem"; readonly path: string };
  readonly sandbox: "auto" | "require" | "off";
  readonly divergence: "report" | "stop";
  readonly secrets: readonly SecretGrant[];
  readonly pools: Readonly<Record<string, { readonly concurrency: number; readonly on: readonly string[] | null }>>;
  readonly weights: Readonly<Record<string, number>>;
  readonly forks: { readonly run: "never" | "maintainer"; readonly pool: string | null };
  /** In order of promotion. */
  readonly environments: readonly EnvironmentSettings[];
  readonly policies: readonly {
    readonly name: string;
    readonly kind: "deny" | "warn";
    readonly condition: Condition;
  }[];
  readonly permissions: Readonly<Record<string, { readonly role: string } | { readonly team: string }>>;
  readonly notify: readonly { readonly webhook: string; readonly on: readonly string[] }[];
  /** Whose Sigstore bundles count; null: they are not looked at. */
  readonly sigstore: {
    /** Path of Sigstore's trusted root. */
    readonly trustedRoot: string;
    readonly identities: readonly {
      readonly issuer: string;
      readonly subject: string;
      readonly repository?: string | undefined;
    }[];
  } | null;
  readonly retention: { readonly runsMs: number; readonly artifactsMs: number; readonly logsMs: number };
  /** Where the file says what is judged only beside other files and the operator's, by dotted name such as `pools.gpu`. */
  readonly places: Readonly<Record<string, Span>>;
}

const DAY = 86_400_000;

export const DEFAULT_SETTINGS: Settings = {
  pipelines: "pipelines/*.yaml",
  ledger: { branch: "sluice/ledger" },
  store: { kind: "filesystem", path: ".sluice/store" },
  sandbox: "auto",
  divergence: "report",
  secrets: [],
  pools: { default: { concurrency: 4, on: null } },
  weights: {},
  forks: { run: "never", pool: null },
  environments: [],
  policies: [],
  permissions: {},
  notify: [],
  sigstore: null,
  retention: { runsMs: 730 * DAY, artifactsMs: 180 * DAY, logsMs: 90 * DAY },
  places: {},
};
