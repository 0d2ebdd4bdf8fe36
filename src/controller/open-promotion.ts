import type { Answer, Forge, PullRequest } from "../forge/forge.ts";
import type { TreeEntry } from "../git/git.ts";
import type { Mirror } from "../git/mirror.ts";
import { parseDigest, type CommitSha, type Digest } from "../identity/identity.ts";
import { messageOf, parseTrailers } from "../manifest/commit-message.ts";
import { parsePin, pinPath, renderPin, type Pin, promotionBranch } from "../release/release.ts";

export interface OpenPorts {
  readonly forge: Pick<Forge, "pullRequestsOfBranch" | "createPullRequest" | "updatePullRequest" | "date">;
  readonly mirror: Mirror;
}

export interface OpenOrder {
  readonly pin: Pin;
  readonly evidence: Digest;
  /** The default branch and its tip. */
  readonly branch: string;
  readonly tip: CommitSha;
  readonly title: string;
  readonly body: string;
  /** Ms since 1970, from the forge's clock. */
  readonly now: number;
  /** What people changed by hand is replaced: somebody asked for it. */
  readonly restore?: boolean;
}

/** A label is dated by whole seconds and may have been on its way while the head changed under it. */
const MARGIN_MS = 5_000;

export interface Opened {
  readonly pullRequest: PullRequest;
  /** Since when the head has shown this evidence (ms since 1970). */
  readonly shownAt: number;
  /** False where a person's hand changed what is to be merged. */
  readonly valid: boolean;
}

/**
 * Brings the promotion pull request to what it has to show: its diff is the pin and nothing else, and its head names the
 * evidence, so that whatever was agreed to for another head is known to be void. A head that people changed is left.
 */
export async function openPromotion(ports: OpenPorts, order: OpenOrder): Promise<Answer<Opened>> {
  const { forge, mirror } = ports;
  const branch = promotionBranch(order.pin);
  const ref = `refs/heads/${branch}`;
  const refreshed = await mirror.refresh([ref]);
  if (refreshed.kind !== "ok") return { kind: "unreachable", why: refreshed.why };
  const found = await forge.pullRequestsOfBranch(branch);
  if (found.kind !== "ok") return found;
  const open = found.value.find(({ state }) => state === "open");
  // Merged or closed while we looked: what is open no more is not brought back.
  if (open === undefined && order.restore === true) return { kind: "not-found" };
  const there = refreshed.refs.get(ref);
  const shown = there === undefined ? undefined : await headOf(mirror, order, there);
  if (open !== undefined && shown?.kind === "edited" && order.restore !== true)
    return {
      kind: "ok",
      value: { pullRequest: open, shownAt: order.now, valid: false },
    };
  let head = there;
  let shownAt = shown?.kind === "ours" ? shown.at : order.now;
  if (shown?.kind !== "ours" || shown.evidence !== order.evidence) {
    const why = await inTheWay(mirror, order);
    if (why !== undefined) return { kind: "refused", status: 409, why };
    // Whatever was agreed to for the head before is older than this one.
    const now = open === undefined ? order.now : (forge.date() ?? order.now) + MARGIN_MS;
    head = await pinCommit(mirror, { ...order, now });
    shownAt = Math.floor(now / 1_000) * 1_000;
    const published = await mirror.publish([{ ref, from: there ?? null, to: head }]);
    if (published.kind === "overtaken") return { kind: "unreachable", why: published.why };
    if (published.kind === "refused") return { kind: "refused", status: 403, why: published.why };
    if (published.kind !== "published") return published;
  }
  const pullRequest = await shownPullRequest(forge, order, open);
  if (pullRequest.kind !== "ok" || head === undefined)
    return pullRequest as Exclude<typeof pullRequest, { kind: "ok" }>;
  const { value } = pullRequest;
  return { kind: "ok", value: { pullRequest: { ...value, head: { ...value.head, sha: head } }, shownAt, valid: true } };
}

function shownPullRequest(
  forge: OpenPorts["forge"],
  { pin, branch, title, body }: OpenOrder,
  open: PullRequest | undefined,
): Promise<Answer<PullRequest>> {
  if (open === undefined) return forge.createPullRequest({ title, body, head: promotionBranch(pin), base: branch });
  // Its body is brought to what is missing once that is known.
  const same = open.title === title && open.base.branch === branch;
  return same
    ? Promise.resolve({ kind: "ok", value: open })
    : forge.updatePullRequest(open.number, { title, base: branch });
}

type Head =
  | { readonly kind: "ours"; readonly evidence: Digest | undefined; readonly at: number }
  | { readonly kind: "edited" };

/** Ours is one commit that changes the pin alone, if it is another one there, to bytes that Sluice renders. */
async function headOf(mirror: Mirror, { pin, tip }: OpenOrder, head: CommitSha): Promise<Head> {
  const base = await mirror.mergeBase(tip, head);
  if (base === undefined) return { kind: "edited" };
  if (base === head) return { kind: "ours", evidence: undefined, at: 0 };
  const path = pinPath(pin);
  const changed = await mirror.changed(base, head);
  const bytes = await mirror.file(head, path);
  const [commit, ...more] = await mirror.log(head, base);
  const written = bytes === undefined ? undefined : parsePin(new TextDecoder().decode(bytes));
  const alone = changed.every((one) => one === path) && more.length === 0;
  if (!alone || written === undefined || commit === undefined) return { kind: "edited" };
  const [evidence] = parseTrailers(commit.message).get("Sluice-Evidence") ?? [];
  const same = written.run === pin.run && written.manifest === pin.manifest && written.source === pin.source;
  return { kind: "ours", evidence: same ? parseDigest(evidence ?? "") : undefined, at: commit.time * 1_000 };
}

/** What of somebody's a commit of the pin would take away: git knows no file below a file. */
async function inTheWay(mirror: Mirror, { pin, branch, tip }: OpenOrder): Promise<string | undefined> {
  const path = pinPath(pin);
  const found = (await mirror.tree(tip)).find(
    (entry) => path.startsWith(`${entry.path}/`) || entry.path.startsWith(`${path}/`),
  );
  if (found === undefined) return undefined;
  const [what, is] = found.path.length > path.length ? [path, "a directory"] : [found.path, KINDS[found.kind]];
  return `\`${what}\` on ${branch} is ${is}, and the pin belongs at \`${path}\`: take it away`;
}

const KINDS: Readonly<Record<TreeEntry["kind"], string>> = {
  file: "a file",
  executable: "a file",
  link: "a symbolic link",
  submodule: "a submodule",
};

/** The pin's commit on the tip, made once for what it shows. */
async function pinCommit(mirror: Mirror, { pin, evidence, tip, title, now }: OpenOrder): Promise<CommitSha> {
  const time = Math.floor(now / 1_000);
  const scratch = `refs/sluice/pins/${pin.environment}/${pin.pipeline}/${tip}-${evidence.slice(7)}-${time}`;
  if ((await mirror.resolve(scratch)) === undefined) await mirror.push(mirror.directory, [{ from: tip, to: scratch }]);
  const appended = await mirror.append(scratch, tip, [
    {
      files: new Map([[pinPath(pin), new TextEncoder().encode(renderPin(pin))]]),
      message: messageOf(title, [
        ["Sluice-Environment", pin.environment],
        ["Sluice-Pipeline", pin.pipeline],
        ["Sluice-Run", pin.run],
        ["Sluice-Evidence", evidence],
      ]),
      author: { name: "sluice", email: "sluice@localhost" },
      time,
    },
  ]);
  if (appended.head === null) throw new Error(`pinning ${pin.run}: its commit was made and is gone`);
  return appended.head;
}
