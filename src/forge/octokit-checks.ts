import type { Octokit } from "@octokit/rest";

import type { Answer, Check } from "./forge.ts";

interface Asking {
  readonly ask: (
    call: (octokit: Octokit, headers: { readonly authorization: string }) => Promise<{ readonly data: Written }>,
  ) => Promise<Answer<Written>>;
  readonly at: { readonly owner: string; readonly repo: string };
}

interface Written {
  readonly id: number;
}

/** GitHub takes so many annotations in one call, and adds those of later calls to the earlier ones. */
const ANNOTATIONS = 50;

/** Creates a check run, or updates the one with this id. */
export async function writeCheck({ ask, at }: Asking, check: Check, id: number | null): Promise<Answer<number>> {
  const all = check.annotations.map((one) => ({
    path: one.path,
    start_line: one.startLine,
    end_line: one.endLine,
    annotation_level: one.level,
    message: one.message,
    title: one.title,
    ...(one.startColumn === null ? {} : { start_column: one.startColumn }),
    ...(one.endColumn === null ? {} : { end_column: one.endColumn }),
  }));
  let written = id;
  for (let from = 0; from === 0 || from < all.length; from += ANNOTATIONS) {
    const body = {
      ...at,
      name: check.name,
      status: check.status,
      ...(check.conclusion === null ? {} : { conclusion: check.conclusion }),
      external_id: check.externalId.slice(0, 200),
      output: {
        title: check.title,
        summary: check.summary,
        ...(check.text === "" ? {} : { text: check.text }),
        annotations: all.slice(from, from + ANNOTATIONS),
      },
      actions: check.actions.map((action) => ({ ...action })),
    };
    const known = written;
    const answer: Answer<Written> = await ask((octokit, headers) =>
      known === null
        ? octokit.rest.checks.create({ ...body, head_sha: check.head, headers })
        : octokit.rest.checks.update({ ...body, check_run_id: known, headers }),
    );
    if (answer.kind !== "ok") return answer;
    written = answer.value.id;
  }
  return written === null ? { kind: "not-found" } : { kind: "ok", value: written };
}
