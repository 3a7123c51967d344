import { expect, it } from 'vitest';
import { sparkline } from '../../src/status/sparkline.ts';

const frame = { fromMs: 0, toMs: 100, columns: 10 };

it.each<[string, Array<[number, number]>, string]>([
  ['nothing', [], '··········'],
  [
    'zeros',
    [
      [0, 0],
      [50, 0],
    ],
    '▁····▁····',
  ],
  ['what rises', Array.from({ length: 10 }, (_, n) => [n * 10, n]), '▁▂▃▃▄▅▆▆▇█'],
  [
    'the highest of each column',
    [
      [0, 1],
      [5, 8],
      [9, 2],
    ],
    '█·········',
  ],
  [
    'only what is within the frame',
    [
      [-1, 99],
      [10, 1],
      [100, 99],
    ],
    '·█········',
  ],
])('draws %s', (_, series, line) => {
  expect(sparkline(series, frame)).toBe(line);
});
