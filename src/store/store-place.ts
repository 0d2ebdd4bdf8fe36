import type { Domain } from "../identity/identity.ts";
import type { Barrier } from "./barrier.ts";
import type { RecentBytes } from "./recent-bytes.ts";
import type { ResultIndex } from "./result-index.ts";

/** The directory of a store, with what this process knows of it. */
export interface Place {
  readonly root: string;
  readonly barrier: Barrier;
  readonly indexes: Map<Domain, ResultIndex>;
  readonly fans: Set<string>;
  readonly recent: RecentBytes;
  /** True once any result was revoked; looked at for each reader, because most stores never see one. */
  revoked: boolean;
  /** True where anything was ever evicted; undefined until the first result is created. */
  evicted: boolean | undefined;
  /** Which collection of the store, by whichever process, this one has seen last. */
  collected: string | undefined;
}
