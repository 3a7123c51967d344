// Text of tables and modules on a terminal: what would move the cursor or turn the direction is shown as an escape.

/** Control and format characters, and separators of lines. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

export function visible(text: string): string {
  return text.replaceAll(
    INVISIBLE,
    (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** With an ellipsis where it is longer than so many columns. */
export function cut(text: string, columns: number): string {
  if (text.length <= columns) return text;
  // Not between the halves of a character.
  const most = text.slice(0, Math.max(0, columns - 1)).replace(/[\ud800-\udbff]$/, '');
  return `${most.trimEnd()}…`;
}
