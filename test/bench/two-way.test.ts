import { expect, it } from 'vitest';
import { countTwoWayCosts, unitsOfMix } from '../../bench/two-way-costs.ts';

it('costs in both directions what the documents say, write by write', async () => {
  const costs = await countTwoWayCosts();

  const table = costs.map(({ mode, write, times, plus, readUnits }) =>
    [`${mode}: ${write}`, times, plus, readUnits].join(' | '),
  );
  expect(table).toEqual([
    'home: insert | 1 | 0 | 1',
    'home: update | 1 | 0 | 0',
    'home: delete | 1 | 1 | 1',
    'stamped: insert | 1 | 0 | 2',
    'stamped: update | 1 | 0 | 0',
    'stamped: delete | 1 | 2 | 2',
  ]);
  expect(
    [unitsOfMix(costs, 'home'), unitsOfMix(costs, 'stamped')].map((one) => one.toFixed(2)),
  ).toEqual(['1.10', '1.20']);
}, 300_000);
