// What a function needs of the side that its stream belongs to, where both tables are written.

import { TAIL_TIME_MS } from '../config/names.ts';
import type { Item } from '../model/attribute-value.ts';
import type { Outcome } from '../model/outcome.ts';
import { itemRequest } from '../model/read-request.ts';
import type { StreamRules, TwoWayRules, WriteRules } from '../model/rules.ts';
import type { ObjectStore, TwinReader, TwinWriter } from '../ports.ts';
import { retryInTime } from '../pacing/retry.ts';
import type { DeliveredBatch } from './control-keeper.ts';
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

export interface NearSetup extends Pick<SendContext, 'clock' | 'random'> {
  readonly rules: StreamRules;
  readonly nearSide: NearSide;
}

/** Its writes go to the near side. */
export interface NearContext extends SendContext {
  readonly rules: StreamRules;
  readonly near: WriteRules;
  readonly reader: TwinReader;
  readonly ledger: CopyPlace;
  readonly bucket: Pick<ObjectStore, 'put'>;
}

/** Of one invocation. */
export function nearContext(
  { rules, nearSide, clock, random }: NearSetup,
  { near }: TwoWayRules,
  { remainingMs, health: ofDestination }: Pick<DeliveredBatch, 'remainingMs' | 'health'>,
): NearContext {
  const { nearWriter: twinWriter, nearReader: reader, bucket } = nearSide;
  const health = nearHealth(ofDestination);
  const ledger = { rules: near, reader };
  return { rules, near, reader, ledger, bucket, twinWriter, health, clock, random, remainingMs };
}

/** Its failures say nothing about the destination. A batch waits for what may land late on either side. */
function nearHealth(ofDestination: DestinationHealth): DestinationHealth {
  const noteError = (name: string) => ofDestination.noteError(`source: ${name}`);
  const health = destinationHealth();
  return {
    ...health,
    noteError,
    note(failure, nowMs) {
      health.note(failure, nowMs);
      if (failure === undefined) return;
      noteError(failure.name);
      if (failure.kind === 'unknown') ofDestination.noteUnknown(nowMs);
    },
  };
}

/** An item as it is now. @throws what the read throws in the end. */
export async function nearItem(
  table: string,
  key: Item,
  near: NearContext,
): Promise<Item | undefined> {
  const read = () => near.reader.read(itemRequest(table, key));
  const { items } = await retryInTime(read, { ...near, leastMs: TAIL_TIME_MS });
  return items[0];
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
