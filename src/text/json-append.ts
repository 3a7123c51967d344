// Adds elements to a list in the text of a JSON file. What was there stays, byte by byte; what is new looks like it.

import { elementSpans } from './json-text.ts';

/**
 * @param list a member of the sound JSON `text`, with at least one element.
 * @returns the text with `values` behind the last element.
 */
export function withAppended(text: string, list: string, values: readonly object[]): string {
  const last = elementSpans(text, list).at(-1);
  if (last === undefined) throw new Error(`${list} has no element`);
  const before = text.slice(0, last.start);
  const element = text.slice(last.start, last.end);
  const [space = ''] = /[ \t\r\n]*$/.exec(before) ?? [];
  const added = values.map((value) => `,${space}${inStyleOf(element, value, marginOf(before))}`);
  return before + element + added.join('') + text.slice(last.end);
}

/** Of its last line. */
function marginOf(text: string): string {
  return /(?:^|[\r\n])([ \t]*)[^\r\n]*$/.exec(text)?.[1] ?? '';
}

/** On lines of its own if the members of `element` are. */
function inStyleOf(element: string, value: object, margin: string): string {
  const [, lineEnd, inner = ''] = /^[{[][ \t]*(\r\n|\r|\n)([ \t]*)/.exec(element) ?? [];
  if (lineEnd === undefined) return JSON.stringify(value);
  const step = inner.startsWith(margin) ? inner.slice(margin.length) : '  ';
  return JSON.stringify(value, undefined, step).replaceAll('\n', lineEnd + margin);
}
