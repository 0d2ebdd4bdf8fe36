import type { RunId } from "../identity/identity.ts";
import type { Profile } from "../key/key-document.ts";
import type { Cause } from "../plan/plan.ts";
import type { Failure } from "../run/run-record.ts";

/** What happens during a run, as far as somebody watches it. */
export type RunProgress =
  | { readonly kind: "started"; readonly step: string; readonly attempt: number; readonly cause: Cause }
  | { readonly kind: "cached"; readonly step: string; readonly from: RunId }
  | {
      readonly kind: "succeeded";
      readonly step: string;
      readonly profile: Profile;
      readonly nonDeterministic: boolean;
      /** What it wrote that is most likely not as meant. */
      readonly remarks?: readonly string[];
    }
  | {
      readonly kind: "failed";
      readonly step: string;
      readonly failure: Failure;
      readonly wallMs: number;
      /** Paths of its inputs. */
      readonly read?: readonly string[];
    }
  /** `attempt` is the one that failed. */
  | {
      readonly kind: "retrying";
      readonly step: string;
      readonly failure: Failure;
      readonly attempt: number;
      readonly delayMs: number;
    }
  | {
      readonly kind: "gate";
      readonly step: string;
      readonly failure: Extract<Failure, { readonly kind: "gate" }>;
      readonly stops: boolean;
    }
  | { readonly kind: "cancelled"; readonly step: string };
