/** A text as an item of a YAML list, quoted where it would be read as something else. */
export function flowItem(text: string): string {
  const plain = /^[\w./][\w./:@-]*$/.test(text) && /[A-Za-z_/]/.test(text) && !text.endsWith(":");
  const word = /^(true|false|null|yes|no|on|off|y|n)$/i.test(text) || /^[\d.]/.test(text);
  return plain && !word ? text : JSON.stringify(text);
}
