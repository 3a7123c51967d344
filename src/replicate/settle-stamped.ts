// A batch of a table with stamped writes: what needs no request is settled at once. Of the rest, it is known what the
// items were before and after each change.

import { isConflict } from '../model/conflict.ts';
import { HELD, type Outcome } from '../model/outcome.ts';
import type { StampedModeRules, StreamRules } from '../model/rules.ts';
import { mayBeLate, type StampedRecord, stampedRecord } from '../model/stamped-record.ts';
import type { ParsedRecord } from '../model/stream-record.ts';
import type { BatchRecord, SettledRecords } from './control-keeper.ts';

interface SettledStamps extends Pick<SettledRecords, 'isHeld'> {
  readonly records: BatchRecord[];
  /** All but strays, and what is malformed or held: the runs of an item are made of them. */
  readonly moving: readonly StampedRecord[];
}

type Rules = StreamRules & { readonly twoWay: StampedModeRules };

/** Holds everything from a record of a later epoch on. @param raw the records as Lambda delivered them. */
export function settleStamped(
  parsed: readonly ParsedRecord[],
  raw: readonly unknown[],
  rules: Rules,
): SettledStamps {
  const records: BatchRecord[] = [];
  const moving: StampedRecord[] = [];
  let isHeld = false;
  for (const [position, one] of parsed.entries()) {
    const stamped: StampedRecord | undefined = isHeld
      ? undefined
      : stampedOf(one, raw[position], rules);
    isHeld ||= stamped?.verdict === 'later-epoch';
    if (isHeld) records.push({ kind: 'settled', record: one.record, outcome: HELD });
    else if (stamped === undefined) records.push(one);
    else {
      if (stamped.verdict !== 'stray') moving.push(stamped);
      records.push(settled(stamped, rules.twoWay));
    }
  }
  return { records, moving, isHeld };
}

function stampedOf(
  { kind, record }: ParsedRecord,
  raw: unknown,
  rules: Rules,
): StampedRecord | undefined {
  return kind === 'record' ? stampedRecord(record, raw, rules) : undefined;
}

function settled(stamped: StampedRecord, rules: StampedModeRules): BatchRecord {
  const { record } = stamped;
  const outcome = endOf(stamped, rules);
  return outcome === undefined ? { kind: 'record', record } : { kind: 'settled', record, outcome };
}

/** @returns undefined where it takes a request. */
function endOf(stamped: StampedRecord, { origin }: StampedModeRules): Outcome | undefined {
  switch (stamped.verdict) {
    case 'stray':
      return { kind: 'stray' };
    case 'skip':
      return { kind: 'skipped' };
    case 'own':
      if (mayBeLate(stamped)) return undefined;
      return isConflict(stamped.before, stamped.seen, origin) ? OWN_CONFLICT : OWN;
    case 'push':
    case 'delete':
    case 'later-epoch':
      return undefined;
  }
}

const OWN: Outcome = { kind: 'own' };
const OWN_CONFLICT: Outcome = { kind: 'own', isConflict: true };
