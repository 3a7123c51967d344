import { describe, expect, it } from 'vitest';
import type { RefusalCause } from '../../src/model/guard.ts';
import { summarizeBatch } from '../../src/model/batch-response.ts';
import type { Outcome, RecordOutcome } from '../../src/model/outcome.ts';

const applied: Outcome = { kind: 'applied', latencyMs: 10 };
const FAILURES = { throttled: 2, unreachable: 0, denied: 0, rejected: 0, switching: 0, unknown: 0 };
const NONE = { foreign: 0, own: 0, stray: 0, stranded: 0 };
const NOW_MS = 1_000_000;
const sumUp = (records: RecordOutcome[]) =>
  summarizeBatch(records, { failures: FAILURES, nowMs: NOW_MS });
const unfinished: Outcome = { kind: 'unfinished', why: 'throttled' };
const batch = (...outcomes: Array<[string | undefined, Outcome]>): RecordOutcome[] =>
  outcomes.map(([sequenceNumber, outcome]) => ({ sequenceNumber, outcome }));

describe('summarizeBatch', () => {
  it('answers nothing when every record is final, and counts each once', () => {
    const summary = sumUp(
      batch(
        ['1', applied],
        ['2', { kind: 'superseded', cause: 'newer' }],
        ['3', { kind: 'coalesced' }],
        ['4', { kind: 'skipped' }],
        ['5', { kind: 'dead-lettered', reason: 'ValidationException' }],
      ),
    );

    expect(summary).toEqual({
      batchItemFailures: [],
      counts: { ...NONE, applied: 1, superseded: 1, coalesced: 1, skipped: 1, 'dead-lettered': 1 },
      retried: 0,
      held: 0,
      isUnreadable: false,
      twoWay: { conflicts: 0, revenants: 0, futureStamps: 0 },
      superseded: {
        redelivery: 0,
        tied: 0,
        newer: 1,
        deleted: 0,
        unversioned: 0,
        'not-returned': 0,
        'not-comparable': 0,
        ended: 0,
      },
      latenciesMs: [10],
      heartbeatsMs: [],
      negativeLatencies: 0,
      timestampFallbacks: 0,
      pendingRecords: 0,
      causes: { 'superseded.newer': 1, 'dead-lettered.ValidationException': 1 },
      failures: FAILURES,
      oldestUnappliedMs: 0,
    });
  });

  it('answers an empty batch with nothing', () => {
    expect(sumUp([])).toMatchObject({ batchItemFailures: [], retried: 0 });
  });

  it('answers the lowest unfinished sequence number, compared as numbers', () => {
    const summary = sumUp(batch(['9998', applied], ['10000', unfinished], ['9999', unfinished]));

    expect(summary.batchItemFailures).toEqual([{ itemIdentifier: '9999' }]);
  });

  it('counts what will be delivered again as retried only, though its latency was real', () => {
    const summary = sumUp(batch(['1', applied], ['2', unfinished], ['3', applied]));

    expect(summary).toMatchObject({ counts: { applied: 1 }, retried: 2, latenciesMs: [10, 10] });
  });

  it('counts a dead letter without a sequence number, which no answer can name', () => {
    const summary = sumUp(
      batch([undefined, { kind: 'dead-lettered', reason: 'x' }], ['2', unfinished]),
    );

    expect(summary).toMatchObject({ counts: { 'dead-lettered': 1 }, retried: 1 });
  });

  it('fails where an unfinished record has no sequence number, so that all of it comes again', () => {
    expect(() => sumUp(batch(['1', applied], [undefined, unfinished]))).toThrow('whole batch');
  });
});

it('counts superseded records by cause, those aside that come again', () => {
  const superseded = (cause: RefusalCause): Outcome => ({ kind: 'superseded', cause });
  const records = batch(
    ['1', superseded('redelivery')],
    ['2', superseded('deleted')],
    ['3', superseded('newer')],
    ['4', superseded('newer')],
    ['5', unfinished],
    ['6', superseded('newer')],
  );

  expect(sumUp(records)).toMatchObject({
    counts: { superseded: 4 },
    superseded: { redelivery: 1, deleted: 1, newer: 2, unversioned: 0 },
  });
});

it('lets no latency be below zero, and counts those that would be', () => {
  const records = batch(
    ['1', { kind: 'applied', latencyMs: -3 }],
    ['2', { kind: 'applied', latencyMs: 0, heartbeatMs: -1 }],
    ['3', { kind: 'applied', heartbeatMs: 7 }],
    ['4', { kind: 'applied' }],
  );

  expect(sumUp(records)).toMatchObject({
    latenciesMs: [0, 0],
    heartbeatsMs: [0, 7],
    negativeLatencies: 2,
  });
});

it('counts the latencies that are by the stream’s time for want of a timestamp', () => {
  const records = batch(
    ['1', { kind: 'applied', latencyMs: 3 }],
    ['2', { kind: 'applied', latencyMs: 900, isTimestampFallback: true }],
    ['3', { kind: 'applied', isTimestampFallback: true }],
  );

  expect(sumUp(records)).toMatchObject({ latenciesMs: [3, 900], timestampFallbacks: 2 });
});

it('tells the age of the oldest record that waits', () => {
  const at = (sequenceNumber: string, createdAtSeconds: number, outcome: Outcome) => ({
    sequenceNumber,
    createdAtSeconds,
    outcome,
  });
  const records = [at('1', 900, applied), at('2', 940, unfinished), at('3', 990, unfinished)];

  expect(sumUp(records).oldestUnappliedMs).toBe(60_000);
});

it('counts what is held back among what is retried, and not what comes again behind it', () => {
  const records = batch(
    ['1', applied],
    ['2', { kind: 'unfinished', why: 'held' }],
    ['3', applied],
    ['4', { kind: 'unfinished', why: 'held' }],
  );

  expect(sumUp(records)).toMatchObject({
    batchItemFailures: [{ itemIdentifier: '2' }],
    counts: { applied: 1 },
    retried: 3,
    held: 2,
    causes: { 'unfinished.held': 2 },
  });
});
