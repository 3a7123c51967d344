// Which letters stand in the way of a proof, and what a proof says.

import { describe, expect, it } from 'vitest';
import { firstRow } from '../../src/model/control-row.ts';
import { switchedRow } from '../../src/model/switch-rows.ts';
import { openWork, whatIsOpen } from '../../src/switching/open-work.ts';
import { openedEpochs } from '../../src/switching/rows.ts';
import { proofIn, type SwitchProof } from '../../src/switching/proof.ts';
import { withAdmission } from '../../src/switching/prove.ts';
import { exitCodeOf, isClear, type SwitchRequest } from '../../src/switching/step.ts';
import { STREAM_ARN } from '../fixtures/records.ts';

const FIRST = firstRow({
  region: 'us-east-1',
  streamArn: STREAM_ARN,
  reserved: '_ferry',
  destinationId: 'd',
  ledgerId: 'l',
  tag: 't',
  nowMs: 0,
});
const there = { region: 'eu-west-1', streamArn: STREAM_ARN };
const row = switchedRow(FIRST, { tag: 't', epochs: openedEpochs(FIRST, there, 102_000) });
const letter = (sequenceNumber: string | undefined, createdAtSeconds?: number) => ({
  sequenceNumber,
  createdAtSeconds,
  key: undefined,
  reason: 'ValidationException',
});
const openOf = (letters: ReturnType<typeof letter>[], accepted: string[] = []) =>
  openWork({ letters, batches: 0, lost: 0 }, false, { row, accepted: new Set(accepted) });

describe('a letter', () => {
  it.each([
    ['of this epoch is open', letter('1', 101), [], 1],
    ['that is accepted is not', letter('1', 101), ['1'], 0],
    ['without a sequence number cannot be accepted', letter(undefined, 101), [''], 1],
    ['of before the epoch is not', letter('1', 99), [], 0],
    ['without a time is open', letter('1'), [], 1],
  ])('%s', (_, one, accepted, open) => {
    const work = openOf([one], accepted);

    expect(work.letters).toHaveLength(open);
    expect(isClear(work)).toBe(open === 0);
  });

  it('lists all that is open', () => {
    const work = { ...openOf([letter('1')]), batches: 2, lost: 1, backfill: true };

    expect(whatIsOpen(work)).toBe(
      '1 open dead letter, 2 batches in the on-failure bucket, 1 of them lost, a backfill that has not ended',
    );
    expect(isClear({ ...openOf([]), backfill: true })).toBe(false);
  });
});

describe('a result', () => {
  const asked: SwitchRequest = {
    kind: 'switch',
    apply: true,
    by: 'x',
    accepted: [],
    proof: 'tail',
  };

  it.each([
    [0, { kind: 'already', active: 'eu-west-1', epoch: 2 }],
    [3, { kind: 'cancelled', why: 'time-out', active: 'us-east-1' }],
    [3, { kind: 'unproven', why: 'letters', open: openOf([letter('1')]) }],
  ] as const)('ends with %i', (code, result) => {
    expect(exitCodeOf({ result, asked })).toBe(code);
  });

  it('ends a cancellation that was asked for with 0', () => {
    const result = { kind: 'cancelled', why: 'asked', active: 'us-east-1' } as const;

    expect(exitCodeOf({ result, asked: { ...asked, kind: 'cancel' } })).toBe(0);
  });
});

describe('a proof', () => {
  const proof = { writesRefused: { from: '2026-01-31T14:02:13.000Z' } } as SwitchProof;

  it('counts the outage from the fence to the opening, whichever run finishes the switch', () => {
    const admitted = withAdmission(proof, Date.parse('2026-01-31T14:03:23.200Z'));

    expect(admitted.rtoSeconds).toBe(71);
    expect(withAdmission(admitted, Date.parse('2026-01-31T15:00:00.000Z'))).toEqual(admitted);
  });

  it('is read as it was written, and is absent without its row', () => {
    expect(proofIn({ proof: { S: JSON.stringify(proof) } })).toEqual(proof);
    expect(proofIn(undefined)).toBeUndefined();
  });
});
