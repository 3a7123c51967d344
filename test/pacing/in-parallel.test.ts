import { expect, it } from 'vitest';
import { inParallel } from '../../src/pacing/in-parallel.ts';

it('runs every task once, no more than so many at a time', async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  const tasks = Array.from({ length: 20 }, (_, index) => async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
    done.push(index);
  });

  await inParallel(tasks, 3);

  expect(most).toBe(3);
  expect(done.toSorted((a, b) => a - b)).toEqual(tasks.map((_, index) => index));
});

it('begins nothing after a failure, and waits for what is under way', async () => {
  const log: string[] = [];
  const tasks = [
    async () => {
      await new Promise(setImmediate);
      throw new Error('first');
    },
    async () => {
      for (let turns = 0; turns < 5; turns += 1) await new Promise(setImmediate);
      log.push('under way');
    },
    async () => {
      log.push('never');
    },
  ];

  await expect(inParallel(tasks, 2)).rejects.toThrow('first');

  expect(log).toEqual(['under way']);
});

it('is done at once where there is nothing to do', async () => {
  await expect(inParallel([], 4)).resolves.toBeUndefined();
});

it('asks again after every task how many there may be', async () => {
  let most = 2;
  let running = 0;
  const seen: number[] = [];
  const tasks = Array.from({ length: 30 }, (_, index) => async () => {
    running += 1;
    seen.push(running);
    await new Promise(setImmediate);
    running -= 1;
    if (index === 3) most = 5;
    if (index === 15) most = 1;
  });

  await inParallel(tasks, () => most);

  expect(Math.max(...seen.slice(0, 4))).toBe(2);
  expect(Math.max(...seen)).toBe(5);
  expect(seen.at(-1)).toBe(1);
});
