// A path of a projection: its steps, or what is wrong with it.

import { describe, expect, it } from 'vitest';
import { attributePath, EVERY } from '../../src/config/attribute-path.ts';

describe('a path to an attribute', () => {
  it.each([
    ['email', ['email']],
    ['profile.phones[0]', ['profile', 'phones', 0]],
    ['orders[*].card', ['orders', EVERY, 'card']],
    ['grid[*][12][0]', ['grid', EVERY, 12, 0]],
    [String.raw`a\.b.c\[0\]`, ['a.b', 'c[0]']],
    [String.raw`back\\slash`, [String.raw`back\slash`]],
    ['two words.größe.😀', ['two words', 'größe', '😀']],
    ['__proto__.constructor', ['__proto__', 'constructor']],
    ['0.7', ['0', '7']],
    [' .\n', [' ', '\n']],
    ['x'.repeat(1_000), ['x'.repeat(1_000)]],
  ])('%j', (text, steps) => {
    expect(attributePath(text)).toEqual(steps);
  });

  it.each([
    ['', 'got ""'],
    ['.a', 'got ".a"'],
    ['[0]', 'got "[0]"'],
    ['[*].a', 'got "[*].a"'],
    ['a.', 'got "a.", which cannot be read from "." on'],
    ['a..b', 'got "a..b", which cannot be read from "..b" on'],
    ['a.[0]', 'which cannot be read from ".[0]" on'],
    ['a[0]b', 'which cannot be read from "b" on'],
    ['a[]', 'which cannot be read from "[]" on'],
    ['a[x]', 'which cannot be read from "[x]" on'],
    ['a[-1]', 'which cannot be read from "[-1]" on'],
    ['a[01]', 'which cannot be read from "[01]" on'],
    ['a[1e3]', 'which cannot be read from "[1e3]" on'],
    ['a[1234567]', 'which cannot be read from "[1234567]" on'],
    ['a[0', 'which cannot be read from "[0" on'],
    ['a]', 'which cannot be read from "]" on'],
    [String.raw`a\b`, String.raw`which cannot be read from "\\b" on`],
    ['a\\', String.raw`which cannot be read from "\\" on`],
    ['x'.repeat(1_001), 'must have at most 1000 characters, got 1001'],
  ])('%j is refused', (text, message) => {
    expect(() => attributePath(text)).toThrow(message);
  });

  it('says what a path is', () => {
    expect(() => attributePath('a[x]')).toThrow(
      'must be names joined by dots, with [0] or [*] for the elements of a list, and a backslash before a dot, a bracket or a backslash of a name, got "a[x]", which cannot be read from "[x]" on',
    );
  });
});
