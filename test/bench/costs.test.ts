import { expect, it } from 'vitest';
import { countCosts } from '../../bench/costs.ts';

it('costs what the documents say, write by write', async () => {
  const rows = await countCosts();

  const table = rows.map(({ what, times, plus, readUnits, queueRequests }) =>
    [what, times, plus, readUnits, queueRequests].join(' | '),
  );
  expect(table).toEqual([
    'checked: insert, young | 1 | 0 | 0 | 0',
    'checked: insert, older than 30 s | 1 | 0 | 0.5 | 0',
    'strict: insert | 2 | 2 | 0 | 0',
    'update | 1 | 0 | 0 | 0',
    'update on an empty place | 2 | 3 | 0 | 0',
    'checked: delete | 1 | 1 | 0 | 3',
    'strict: delete | 1 | 1 | 0 | 0',
    'copy | 2 | 2 | 0 | 0',
    're-synchronise, different | 2 | 2 | 3 | 0',
    'redrive of a put | 2 | 2 | 2 | 0',
    'cold start | 0 | 0 | 1 | 0',
  ]);
});
