import type { Check, DeploymentPlace, DeploymentState } from "./forge.ts";

/**
 * Something that should be so on the forge. Newest wins per target, and each can be computed again at any time:
 * nothing here is a fact, and no state is ever a message that must be delivered (SEMANTICS §12).
 */
export type Desired =
  /** The one comment of a pull request with this marker; body null: it should not be there; `once`: not made again. */
  | {
      readonly kind: "comment";
      readonly number: number;
      readonly marker: string;
      readonly body: string | null;
      readonly once?: true;
    }
  /** Our comments with this marker are folded away as outdated. */
  | { readonly kind: "minimized"; readonly number: number; readonly marker: string }
  | { readonly kind: "check"; readonly check: Check }
  | {
      readonly kind: "reaction";
      readonly comment: number;
      readonly content: "eyes" | "rocket" | "confused";
    }
  | {
      readonly kind: "labels";
      readonly number: number;
      readonly add: readonly string[];
      readonly remove: readonly string[];
    }
  /** One issue found by its marker: open with this text, or closed. */
  | {
      readonly kind: "issue";
      readonly marker: string;
      readonly title: string;
      readonly body: string;
      readonly open: boolean;
    }
  /** The newest deployment of a pipeline to an environment is of this commit, and in this state. */
  | {
      readonly kind: "deployment";
      readonly deployment: DeploymentPlace;
      readonly state: DeploymentState;
      readonly description: string;
    };

/** What a state is about; two states of one target replace each other. */
export function targetOf(desired: Desired): string {
  switch (desired.kind) {
    case "comment":
      return `comment/${desired.number}/${desired.marker}`;
    case "minimized":
      return `minimized/${desired.number}/${desired.marker}`;
    case "check":
      return `check/${desired.check.head}/${desired.check.name}`;
    case "reaction":
      return `reaction/${desired.comment}/${desired.content}`;
    case "labels":
      return `labels/${desired.number}`;
    case "issue":
      return `issue/${desired.marker}`;
    case "deployment":
      return `deployment/${desired.deployment.environment}/${desired.deployment.pipeline}`;
  }
}

/** Order of sending: first an answer to a person, failing checks, checks, comments, then progress (SEMANTICS §12). */
export function urgencyOf(desired: Desired): number {
  switch (desired.kind) {
    case "reaction":
      return 0;
    case "check":
      if (desired.check.conclusion === "failure") return 1;
      return desired.check.status === "in_progress" ? 4 : 2;
    case "comment":
    case "labels":
      return 3;
    case "minimized":
    case "deployment":
      return 4;
    case "issue":
      return 5;
  }
}
