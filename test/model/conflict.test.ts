import { expect, it } from 'vitest';
import { isConflict } from '../../src/model/conflict.ts';
import { at } from '../fixtures/two-way.ts';

const [OURS, THEIRS] = [at(5, 1), at(5, 2)];

it.each<[string, string | undefined, string | undefined, boolean]>([
  ['a write of this side that the winner had not seen', OURS, at(4, 1), true],
  ['one that the winner had seen', OURS, OURS, false],
  ['one that a later write, which the winner had seen, had replaced', OURS, at(6, 2), false],
  ['a winner that had seen nothing', OURS, undefined, true],
  ['a write of the other side', THEIRS, undefined, false],
  ['a write without a stamp', undefined, undefined, false],
])('%s', (_, before, seen, expected) => {
  expect(isConflict(before, seen, 1)).toBe(expected);
});
