// However slow everything is and whatever fails, an invocation ends before Lambda would end it: no write begins
// that could not be seen through, and time is left for the answer.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ANSWER_MARGIN_MS, LATE_REQUEST_MS, REQUEST_TIMEOUT_MS } from '../../src/config/names.ts';
import type { Item } from '../../src/model/attribute-value.ts';
import { putControlRow } from '../../src/model/control-item.ts';
import { below, seededRandom } from '../../src/local/seeded-random.ts';
import { controlKeeper } from '../../src/replicate/control-keeper.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import type { Clock, Random, WriteReply } from '../../src/ports.ts';
import { lambdaRecord, SETTINGS, STREAM_ARN } from '../fixtures/records.ts';
import {
  controlRow,
  invocation,
  scripted,
  scriptedReader,
  serviceError,
} from '../fixtures/replication.ts';

/** The shortest that a configuration may have. */
const TIMEOUT_MS = 30_000;
const SEEDS = 1_000;
const ERRORS = ['ThrottlingException', 'ThrottlingException', 'ValidationException'];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Services that are as slow as one seed makes them, and fail as often. */
function slowWorld(seed: number) {
  const random = seededRandom(seed);
  const [slowestMs, failing] = [random.next() * REQUEST_TIMEOUT_MS, random.next() ** 2];
  // At one extreme, all requests take the same time.
  const quickestMs = random.next() * slowestMs;
  const givenUpAt: number[] = [];
  const begunAt: number[] = [];
  const request = async (isWrite: boolean): Promise<void> => {
    if (isWrite) begunAt.push(Date.now());
    const hangs = random.next() < 0.02;
    const ms = hangs ? Infinity : quickestMs + random.next() * (slowestMs - quickestMs);
    await clock.sleep(Math.min(ms, REQUEST_TIMEOUT_MS));
    if (ms > REQUEST_TIMEOUT_MS) {
      if (isWrite) givenUpAt.push(Date.now());
      throw serviceError('TimeoutError');
    }
    if (random.next() < failing) throw serviceError(ERRORS[below(random, ERRORS.length)] ?? '');
  };
  return { random, request, givenUpAt, begunAt };
}

function batchOf(random: Random) {
  const next = () => random.next();
  const count = 1 + Math.floor(next() ** 3 * 300);
  return Array.from({ length: count }, (_, index) =>
    lambdaRecord({
      id: `item-${Math.floor(next() * count)}`,
      sequenceNumber: String(index + 1),
      eventName: ['INSERT', 'MODIFY', 'REMOVE'][Math.floor(next() * 3)] ?? '',
      createdAtSeconds: Math.floor(Date.now() / 1000) - (next() < 0.5 ? 0 : 3_600),
    }),
  );
}

async function invocationOf(seed: number) {
  const { random, request, givenUpAt, begunAt } = slowWorld(seed);
  const endMs = Date.now() + TIMEOUT_MS;
  const remainingMs = () => endMs - Date.now();
  const settings = { ...SETTINGS, streamArn: STREAM_ARN };
  const refusals: readonly WriteReply[] = [
    { kind: 'written' },
    { kind: 'written' },
    { kind: 'refused', by: 'item' },
    { kind: 'refused', by: 'ledger-row' },
  ];
  const destination = scripted(async ({ input }) => {
    const isTwin = JSON.stringify(input).includes(`"${SETTINGS.destinationTable}"`);
    await request(isTwin);
    return refusals[isTwin ? below(random, refusals.length) : 0] as WriteReply;
  });
  // Every other one has to adopt first.
  const row = putControlRow(controlRow(), SETTINGS).input as { Item?: Item };
  const rows = seed % 2 === 0 && row.Item !== undefined ? [row.Item] : [];
  const reader = scriptedReader(async ({ operation }) => {
    await request(false);
    return { items: operation === 'GetItem' ? rows : [], unprocessed: [] };
  });
  const parts = {
    rules: settings,
    twinWriter: destination,
    twinReader: reader,
    clock,
    random,
    remainingMs,
  };
  const context = invocation({
    ...parts,
    control: controlKeeper({ ...parts, log: () => undefined }),
    lookAgain: { announce: () => request(false) },
    deadLetters: { send: () => request(false) },
  });
  const ending = replicateBatch(batchOf(random), context).then((summary) => {
    return { summary, leftMs: remainingMs(), endMs: Date.now() };
  });
  await vi.runAllTimersAsync();
  // Time that was left when the last write began.
  return { ...(await ending), givenUpAt, leastMs: endMs - Math.max(0, ...begunAt) };
}

it('leaves time for the answer, and lets late writes land before it', async () => {
  const ends = { written: 0, late: 0, letters: 0, unfinished: 0 };
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { summary, leftMs, endMs, givenUpAt, leastMs } = await invocationOf(seed);

    expect(leftMs, `seed ${seed}`).toBeGreaterThanOrEqual(ANSWER_MARGIN_MS);
    for (const atMs of givenUpAt)
      expect(endMs, `seed ${seed}`).toBeGreaterThanOrEqual(atMs + LATE_REQUEST_MS);
    expect(leastMs, `seed ${seed}`).toBeGreaterThanOrEqual(REQUEST_TIMEOUT_MS + LATE_REQUEST_MS);
    ends.written += summary.counts.applied;
    ends.late += givenUpAt.length;
    ends.letters += summary.counts['dead-lettered'];
    ends.unfinished += summary.retried;
  }
  // All of it has happened.
  expect(Object.values(ends).every((count) => count > 50)).toBe(true);
});
