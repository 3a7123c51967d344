import { expect, it } from 'vitest';
import { endsWithin } from '../../src/local/run/ends-within.ts';
import { VirtualClock } from './fixtures/virtual-clock.ts';

it('waits for work that comes to an end', async () => {
  const clock = new VirtualClock(0);

  expect(await endsWithin(60_000, clock.sleep(5_000), clock)).toBe(true);
  expect(clock.now()).toBeLessThan(60_000);
});

it('gives up on work that does not, and is not hurt when it fails later', async () => {
  const clock = new VirtualClock();
  const startMs = clock.now();
  let fail: (error: Error) => void = () => undefined;
  const endless = new Promise<void>((_, reject) => (fail = reject));

  expect(await endsWithin(60_000, endless, clock)).toBe(false);
  expect(clock.now() - startMs).toBeGreaterThanOrEqual(60_000);
  fail(new Error('stopped'));
  await clock.sleep(1);
});

it('fails with the work', async () => {
  const work = Promise.reject(new Error('no engine'));

  await expect(endsWithin(60_000, work, new VirtualClock())).rejects.toThrow('no engine');
});
