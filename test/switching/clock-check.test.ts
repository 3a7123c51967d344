// The clock of who switches, against the time of DynamoDB.

import { describe, expect, it } from 'vitest';
import { FerryError } from '../../src/errors.ts';
import type { RetryContext } from '../../src/pacing/retry.ts';
import { clockError, checkedTime } from '../../src/switching/clock-check.ts';

interface Machine {
  readonly offMs: number;
  readonly answerMs?: number;
  /** After so many answers, the clock is off by more. */
  readonly jump?: { readonly afterAnswers: number; readonly byMs: number };
}

/** A machine whose clock is off, and a service that answers after a while. */
function machine({ offMs: firstMs, answerMs = 20, jump }: Machine) {
  let offMs = firstMs;
  let trueMs = Date.UTC(2026, 0, 31, 14, 2, 13, 730);
  let asked = 0;
  const context: RetryContext = {
    clock: { now: () => trueMs + offMs, sleep: async (ms) => void (trueMs += ms) },
    random: { next: () => 0.5 },
    stop: new AbortController().signal,
  };
  const serviceSeconds = async () => {
    asked += 1;
    trueMs += answerMs;
    if (asked === jump?.afterAnswers) offMs += jump.byMs;
    return Math.floor(trueMs / 1000);
  };
  const side = { region: 'eu-west-1', serviceSeconds };
  return { check: () => checkedTime(side, context), trueMs: () => trueMs, context };
}

describe('the clock of a switch', () => {
  it.each([0, 100, -100, 290, -290])('may be off by %i ms', async (offMs) => {
    const { check, trueMs } = machine({ offMs });

    const checkedMs = await check();

    expect(Math.abs(checkedMs - trueMs())).toBeLessThanOrEqual(Math.abs(offMs) + 20);
  });

  it('may be right where answers are slow', async () => {
    const { check, trueMs } = machine({ offMs: 0, answerMs: 4_000 });

    expect((await check()) - trueMs()).toBe(-4_000);
  });

  it('may be set ahead when it has been checked: the time that was right counts', async () => {
    const { check, trueMs } = machine({ offMs: 0, jump: { afterAnswers: 4, byMs: 44_000 } });

    const checkedMs = await check();

    expect(Math.abs(checkedMs - trueMs())).toBeLessThanOrEqual(20);
  });

  it('looks wrong where it was set back during the last answer', async () => {
    const { check } = machine({ offMs: 0, jump: { afterAnswers: 4, byMs: -44_000 } });

    await expect(check()).rejects.toMatchObject({ code: 'switching.clock' });
  });

  it.each([44_000, -44_000])('must not be set by %i ms while it is checked', async (byMs) => {
    const { check } = machine({ offMs: 0, jump: { afterAnswers: 2, byMs } });

    await expect(check()).rejects.toMatchObject({ code: 'switching.clock' });
  });

  it.each([
    [1_000, /about 1 s ahead of that of DynamoDB in eu-west-1/],
    [8_000, /about 8 s ahead of/],
    [-1_000, /about 1 s behind that of DynamoDB in eu-west-1/],
    [-240_000, /about 240 s behind/],
  ])('must not be off by %i ms', async (offMs, problem) => {
    const checked = machine({ offMs }).check();

    await expect(checked).rejects.toThrow(problem);
    await expect(checked).rejects.toMatchObject({ code: 'switching.clock' });
    await expect(checked).rejects.toBeInstanceOf(FerryError);
  });

  it('is not compared with a service that does not say its time', async () => {
    const { context } = machine({ offMs: 60_000 });
    const side = { region: 'eu-west-1', serviceSeconds: async () => undefined };

    await expect(checkedTime(side, context)).resolves.toBe(context.clock.now());
  });

  it('is known the better, the more samples there are', () => {
    const one = { seconds: 100, beforeMs: 100_400, afterMs: 100_410 };
    const next = { seconds: 100, beforeMs: 100_950, afterMs: 100_960 };

    expect(clockError([one])).toEqual({ leastMs: -600, mostMs: 410 });
    expect(clockError([one, next])).toEqual({ leastMs: -50, mostMs: 410 });
  });
});
