// Which writes have lost against a concurrent one, by what each write has found.

import { expect, it } from 'vitest';
import { concurrentLosses, type LoggedWrite } from '../../src/local/both/write-log.ts';

const write = (side: LoggedWrite['side'], id: string | undefined, found?: string): LoggedWrite => ({
  side,
  keyText: 'k',
  id,
  found,
});

it.each<[string, LoggedWrite[], string | undefined, string[]]>([
  ['a write that is still there', [write('source', 's1')], 's1', []],
  [
    'a write that the next one of its side has found',
    [write('source', 's1'), write('source', 's2', 's1')],
    's2',
    [],
  ],
  [
    'a write that one of the other side has found',
    [write('source', 's1'), write('destination', 'd1', 's1')],
    'd1',
    [],
  ],
  [
    'a write that a delete of the other side has found',
    [write('source', 's1'), write('destination', undefined, 's1')],
    undefined,
    [],
  ],
  [
    'one of two that had not seen each other',
    [write('source', 's1'), write('destination', 'd1')],
    'd1',
    ['s1'],
  ],
  [
    'a write that a delete of the other side has taken away unseen',
    [write('source', 's1'), write('destination', undefined, 'd0')],
    undefined,
    ['s1'],
  ],
  [
    'a write that was replaced before the next one of its side',
    [write('source', 's1'), write('destination', 'd1'), write('source', 's2', 'd1')],
    's2',
    ['s1'],
  ],
  [
    'both, each at its own side, one after the other',
    [
      write('source', 's1'),
      write('destination', 'd1'),
      write('source', 's2', 'd1'),
      write('destination', 'd2', 'd1'),
    ],
    's2',
    ['s1', 'd2'],
  ],
])('%s', (_, writes, left, lost) => {
  expect(new Set(concurrentLosses(writes, () => left).map(({ id }) => id))).toEqual(new Set(lost));
});
