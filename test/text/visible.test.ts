import { expect, it } from 'vitest';
import { cut, visible } from '../../src/text/visible.ts';

it('shows what would move the cursor or turn the direction', () => {
  expect(visible('a\u001b[2Jb\r\n\t\u007f\u009b\u202e\u2028\u200b')).toBe(
    'a\\u001b[2Jb\\u000d\\u000a\\u0009\\u007f\\u009b\\u202e\\u2028\\u200b',
  );
  expect(visible('Grüße 日本 👍 \\u001b')).toBe('Grüße 日本 👍 \\u001b');
});

it('cuts what is too long, between characters', () => {
  expect(cut('abcdef', 6)).toBe('abcdef');
  expect(cut('abcdef', 5)).toBe('abcd…');
  expect(cut('ab def', 4)).toBe('ab…');
  expect(cut('ab👍def', 4)).toBe('ab…');
  expect(cut('abc', 0)).toBe('…');
});
