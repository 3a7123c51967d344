import { describe, expect, it } from 'vitest';
import { type Outcome, type RecordOutcome, summarizeBatch } from '../../src/core/outcome.ts';

const applied: Outcome = { kind: 'applied', latencyMs: 10 };
const unfinished: Outcome = { kind: 'unfinished', why: 'throttled' };
const batch = (...outcomes: Array<[string | undefined, Outcome]>): RecordOutcome[] =>
  outcomes.map(([sequenceNumber, outcome]) => ({ sequenceNumber, outcome }));

describe('summarizeBatch', () => {
  it('answers nothing when every record is final, and counts each once', () => {
    const summary = summarizeBatch(
      batch(
        ['1', applied],
        ['2', { kind: 'superseded', cause: 'newer' }],
        ['3', { kind: 'coalesced' }],
        ['4', { kind: 'skipped' }],
        ['5', { kind: 'dead-lettered', reason: 'ValidationException' }],
      ),
      2,
    );

    expect(summary).toEqual({
      batchItemFailures: [],
      counts: { applied: 1, superseded: 1, coalesced: 1, skipped: 1, 'dead-lettered': 1 },
      retried: 0,
      latenciesMs: [10],
      throttles: 2,
    });
  });

  it('answers an empty batch with nothing', () => {
    expect(summarizeBatch([], 0)).toMatchObject({ batchItemFailures: [], retried: 0 });
  });

  it('answers the lowest unfinished sequence number, compared as numbers', () => {
    const summary = summarizeBatch(
      batch(['9998', applied], ['10000', unfinished], ['9999', unfinished]),
      0,
    );

    expect(summary.batchItemFailures).toEqual([{ itemIdentifier: '9999' }]);
  });

  it('counts what will be delivered again as retried only, though its latency was real', () => {
    const summary = summarizeBatch(batch(['1', applied], ['2', unfinished], ['3', applied]), 0);

    expect(summary).toMatchObject({ counts: { applied: 1 }, retried: 2, latenciesMs: [10, 10] });
  });

  it('counts a dead letter without a sequence number, which no answer can name', () => {
    const summary = summarizeBatch(
      batch([undefined, { kind: 'dead-lettered', reason: 'x' }], ['2', unfinished]),
      0,
    );

    expect(summary).toMatchObject({ counts: { 'dead-lettered': 1 }, retried: 1 });
  });

  it('fails where an unfinished record has no sequence number, so that all of it comes again', () => {
    expect(() => summarizeBatch(batch(['1', applied], [undefined, unfinished]), 0)).toThrow(
      'whole batch',
    );
  });
});
