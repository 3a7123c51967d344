// A letter of a replication that can be switched -> whether it is replayed. Only records of the newest epoch are, and
// only while their table is active: for those of an epoch that has ended, the source would be the wrong table to ask.

import { MalformedValue } from '../model/attribute-value.ts';
import { epochAt, verdictOn } from '../model/control-copies.ts';
import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import { isMarker } from '../model/marker.ts';
import type { StrandedRecord } from '../model/stranded.ts';
import { strandedRecord } from '../replicate/keep-stranded.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { Redriven } from './outcome.ts';

export interface SwitchedOrder {
  readonly replication: string;
  readonly sourceRegion: string;
}

export type Due =
  | { readonly kind: 'replay' }
  /** Of a Region that was lost: to be kept before it is final. */
  | { readonly kind: 'keep'; readonly entry: StrandedRecord }
  | Redriven;

/** @param control the copy beside the source. */
export function dueOf(
  letter: DeadLetter,
  { replication, sourceRegion }: SwitchedOrder,
  control: ControlRow,
): Due {
  const epoch = newestEpoch(control);
  const { createdAtSeconds, key } = letter.parsed.record;
  if (key !== undefined && isMarker(key)) return { kind: 'skipped' };
  if (createdAtSeconds === undefined)
    return epoch.region === sourceRegion
      ? { kind: 'replay' }
      : { kind: 'rejected', why: 'TimeUnknown' };
  const consent = { kind: 'open', epoch, own: control } as const;
  switch (verdictOn(createdAtSeconds, sourceRegion, consent)) {
    case 'apply':
      return { kind: 'replay' };
    case 'own':
    case 'ended':
      return { kind: 'superseded', written: 'nothing' };
    case 'hold':
      return { kind: 'unfinished', why: 'its epoch is not the newest' };
    case 'stranded': {
      const { n } = epochAt(createdAtSeconds * 1000, sourceRegion, control) ?? epoch;
      return strandedBy(letter, n, replication);
    }
  }
}

/** What makes no sense cannot be kept as a write that an operator decides on: it stays where it is. */
function strandedBy({ parsed, record: raw }: DeadLetter, epoch: number, replication: string): Due {
  if (parsed.kind !== 'record') return { kind: 'rejected', why: parsed.record.reason.name };
  try {
    return {
      kind: 'keep',
      entry: strandedRecord({ record: parsed.record, raw, epoch }, replication),
    };
  } catch (error) {
    if (!(error instanceof MalformedValue)) throw error;
    return { kind: 'rejected', why: error.name };
  }
}
