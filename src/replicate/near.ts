// What a function needs of the side that its stream belongs to, where both tables are written.

import { versionIn } from '../model/guard.ts';
import type { Loser } from '../model/loser.ts';
import type { Outcome } from '../model/outcome.ts';
import type { StreamRules, WriteRules } from '../model/rules.ts';
import type { StreamRecord } from '../model/stream-record.ts';
import type { Item, ObjectStore, TwinReader, TwinWriter } from '../ports.ts';
import type { TwoWayRules } from '../model/rules.ts';
import { type DestinationHealth, destinationHealth } from './destination-health.ts';
import type { CopyPlace } from './lease.ts';
import type { SendContext, SendResult } from './send.ts';

/** Opened once. */
export interface NearSide {
  readonly nearWriter: TwinWriter;
  readonly nearReader: TwinReader;
  /** The function's own, for failures. */
  readonly bucket: Pick<ObjectStore, 'put'>;
}

/** Its writes go to the near side. */
export interface NearContext extends SendContext {
  readonly rules: StreamRules;
  readonly near: WriteRules;
  readonly reader: TwinReader;
  readonly ledger: CopyPlace;
  readonly bucket: Pick<ObjectStore, 'put'>;
}

interface NearInvocation extends Pick<SendContext, 'clock' | 'random' | 'remainingMs' | 'health'> {
  readonly rules: StreamRules;
  readonly nearSide?: NearSide | undefined;
}

/** @throws Error where the near side was not opened. */
export function nearContext(
  { rules, nearSide, clock, random, remainingMs, health: ofDestination }: NearInvocation,
  { near }: TwoWayRules,
): NearContext {
  if (nearSide === undefined) throw new Error('both directions need the side of the stream');
  const { nearWriter: twinWriter, nearReader: reader, bucket } = nearSide;
  const health = nearHealth(ofDestination);
  const ledger = { rules: near, reader };
  return { rules, near, reader, ledger, bucket, twinWriter, health, clock, random, remainingMs };
}

/** Its failures say nothing about the destination. */
function nearHealth(ofDestination: DestinationHealth): DestinationHealth {
  const noteError = (name: string) => ofDestination.noteError(`source: ${name}`);
  const health = destinationHealth();
  return {
    ...health,
    noteError,
    note(failure, nowMs) {
      health.note(failure, nowMs);
      if (failure !== undefined) noteError(failure.name);
    },
  };
}

/** Of a conditional write to the near side. */
export function nearOutcome(
  result: SendResult,
  ends: { readonly written: Outcome; readonly refused: Outcome },
): Outcome {
  switch (result.kind) {
    case 'written':
    case 'refused':
      return ends[result.kind];
    case 'no-time':
      return { kind: 'unfinished', why: 'deadline' };
    case 'halted':
      return { kind: 'unfinished', why: 'halted' };
    case 'failed':
      // A table that Ferry reads takes its own items: what it rejects waits for an operator.
      return { kind: 'unfinished', why: result.failure.kind };
  }
}

/** A write that is not replicated, as it is kept. */
export function strayLoser(
  record: StreamRecord,
  oldImage: Item | undefined,
  rules: Pick<StreamRules, 'replication' | 'reservedAttribute'>,
): Loser {
  const lost = record.eventName === 'REMOVE' ? undefined : record.newImage;
  return {
    ...loserFacts(record, rules),
    kind: 'stray',
    lost,
    lostVersion: versionIn(lost?.[rules.reservedAttribute]),
    // What it has overwritten, or deleted.
    won: oldImage,
    wonVersion: versionIn(oldImage?.[rules.reservedAttribute]),
  };
}

export function loserFacts(
  { key, keyText, sequenceNumber, createdAtSeconds = 0 }: StreamRecord,
  { replication }: Pick<StreamRules, 'replication'>,
) {
  return { replication, key, keyText, sequenceNumber, createdAtSeconds };
}
