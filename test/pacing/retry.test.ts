import { describe, expect, it } from 'vitest';
import { FerryError } from '../../src/errors.ts';
import { retry } from '../../src/pacing/retry.ts';
import { serviceError } from '../fixtures/replication.ts';

function retries(stop = new AbortController().signal) {
  let slept = 0;
  return {
    clock: {
      now: () => slept,
      sleep: async (ms: number) => {
        slept += ms;
      },
    },
    random: { next: () => 0.5 },
    stop,
    slept: () => slept,
  };
}

/** Fails so often, then answers. */
function failing(times: number, error: Error) {
  let calls = 0;
  return {
    calls: () => calls,
    action: async () => {
      calls += 1;
      if (calls <= times) throw error;
      return 'answer';
    },
  };
}

describe('retry', () => {
  it('waits out throttling, however long it takes', async () => {
    const { action, calls } = failing(500, serviceError('ThrottlingException'));
    const waiting = retries();

    expect(await retry(action, waiting)).toBe('answer');
    expect(calls()).toBe(501);
    expect(waiting.slept()).toBeGreaterThan(400_000);
  });

  it.each(['TimeoutError', 'ECONNREFUSED', 'InternalServerError'])(
    'tries eight times when the answer is %s',
    async (name) => {
      const seven = failing(7, serviceError(name));
      const eight = failing(8, serviceError(name));

      expect(await retry(seven.action, retries())).toBe('answer');
      await expect(retry(eight.action, retries())).rejects.toThrow('because');
      expect(eight.calls()).toBe(8);
    },
  );

  it('counts only outages in a row', async () => {
    let calls = 0;
    const action = async () => {
      calls += 1;
      if (calls > 40) return 'answer';
      throw serviceError(calls % 5 === 0 ? 'ThrottlingException' : 'TimeoutError');
    };

    expect(await retry(action, retries())).toBe('answer');
  });

  it.each([
    ['a refusal', serviceError('ValidationException')],
    ['no permission', serviceError('AccessDeniedException')],
    ['an answer of our own', new FerryError('no', { code: 'no' })],
  ])('hands on %s at once', async (_, error) => {
    const { action, calls } = failing(1, error);

    await expect(retry(action, retries())).rejects.toBe(error);
    expect(calls()).toBe(1);
  });

  it('ends with the reason of a stop', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const action = async () => {
      stop.abort(reason);
      throw serviceError('ThrottlingException');
    };

    await expect(retry(action, retries(stop.signal))).rejects.toBe(reason);
  });
});
