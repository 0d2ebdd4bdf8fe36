const CONTENTS = ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"] as const;

export type ReactionContent = (typeof CONTENTS)[number];

export function isReaction(text: string): text is ReactionContent {
  return (CONTENTS as readonly string[]).includes(text);
}

/** How often each reaction was given to what is at `url`. */
export function reactionsShape(reactions: readonly { readonly content: string }[], url: string): object {
  const count = (wanted: string): number => reactions.filter(({ content }) => content === wanted).length;
  return {
    url: `${url}/reactions`,
    total_count: reactions.length,
    ...Object.fromEntries(CONTENTS.map((content) => [content, count(content)])),
  };
}
