import { expect, it } from 'vitest';
import { openOnce } from '../../src/composition/open-once.ts';

it('opens with the first call, and once for many', async () => {
  let opened = 0;
  const open = openOnce(async () => (opened += 1));

  expect(opened).toBe(0);
  expect(await Promise.all([open(), open()])).toEqual([1, 1]);
  expect(await open()).toBe(1);
});

it('tries again after a failure', async () => {
  let attempt = 0;
  const open = openOnce(async () => {
    attempt += 1;
    if (attempt === 1) throw new Error('not yet');
    return attempt;
  });

  await expect(open()).rejects.toThrow('not yet');
  expect(await open()).toBe(2);
});
