import type { Met } from "./faults.ts";
import type { Call, Reply } from "./rest/call.ts";

/** What is answered in place of an answer. */
export function faultReply(
  { fault, until }: { readonly fault: Exclude<Met, { kind: "closed" }>; readonly until: number },
  { path }: Pick<Call, "path">,
): Reply {
  const left = Math.max(1, Math.ceil((until - Date.now()) / 1_000));
  switch (fault.kind) {
    case "primary-limit":
      return {
        status: 403,
        body: refusal("API rate limit exceeded for installation ID 1."),
        headers: { ...SPENT, "x-ratelimit-reset": String(Math.ceil(until / 1_000)) },
      };
    case "secondary-limit":
      return {
        status: fault.status,
        body: refusal("You have exceeded a secondary rate limit. Please wait a few minutes before you try again."),
        headers: { "retry-after": String(left) },
      };
    case "server-error":
      return { status: fault.status, body: refusal(`Server Error at ${path}`) };
    case "answer-lost":
      return { status: 502, body: refusal("Server Error") };
  }
}

const SPENT = { "x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-resource": "core" };

function refusal(message: string): Record<string, string> {
  return { message, documentation_url: "https://docs.github.com/rest" };
}
