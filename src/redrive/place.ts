// Dead letters -> one lane per item, each newest first. What needs no try has its outcome at once.

import type { ControlRow } from '../model/control-row.ts';
import type { Version } from '../model/guard.ts';
import { isLeftOut } from '../model/lanes.ts';
import type { StrandedRecord } from '../model/stranded.ts';
import type { StreamRecord } from '../model/stream-record.ts';
import { isSameChange } from '../model/ties.ts';
import type { LedgerRowKey } from '../model/ledger-row.ts';
import type { ProjectingRules, WriteRules } from '../model/rules.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { Redriven } from './outcome.ts';
import { dueOf, type SwitchedOrder } from './past-epoch.ts';
import { isInOrder } from './replay.ts';

/** A letter whose item is known. */
export interface PlacedLetter extends LedgerRowKey {
  readonly streamArn: string | undefined;
  readonly version: Version | undefined;
  /** Absent where only its key could be read. */
  readonly record?: StreamRecord | undefined;
  /** Its place in the order is not known: the source is asked. */
  readonly asksSource: boolean;
}

export interface Order {
  readonly control: ControlRow;
  readonly rules: Pick<WriteRules, 'arrival'> & ProjectingRules;
  /** Every version is taken as it is. */
  readonly withoutSource: boolean;
  readonly nowMs: number;
  /** Of a replication that can be switched. */
  readonly switched?: SwitchedOrder | undefined;
  /** By position: of letters that are not to be replicated. */
  readonly foreign?: ReadonlyMap<number, Redriven> | undefined;
}

/** With its index among all letters. */
export type LaneLetter = PlacedLetter & { readonly position: number };

export interface Lanes {
  readonly lanes: ReadonlyArray<readonly LaneLetter[]>;
  /** By position; absent of letters that are in a lane. */
  readonly settled: ReadonlyMap<number, Redriven>;
  /** By position: of letters that are final once these are kept. */
  readonly stranded: ReadonlyMap<number, StrandedRecord>;
}

export function lanesOf(letters: readonly DeadLetter[], order: Order): Lanes {
  const lanes = new Map<string, LaneLetter[]>();
  const settled = new Map<number, Redriven>();
  const stranded = new Map<number, StrandedRecord>();
  for (const [position, letter] of letters.entries()) {
    const foreign = order.foreign?.get(position);
    if (foreign !== undefined) {
      settled.set(position, foreign);
      continue;
    }
    const due = order.switched && dueOf(letter, order.switched, order.control);
    if (due?.kind === 'keep') {
      stranded.set(position, due.entry);
      continue;
    }
    const placed = due === undefined || due.kind === 'replay' ? placeLetter(letter, order) : due;
    if ('kind' in placed) {
      settled.set(position, placed);
      continue;
    }
    const lane = lanes.get(placed.keyText);
    if (lane === undefined) lanes.set(placed.keyText, [{ position, ...placed }]);
    else lane.push({ position, ...placed });
  }
  // The twin has never had these items.
  for (const [keyText, lane] of lanes) {
    if (!lane.every(({ record }) => record !== undefined && isLeftOut(record))) continue;
    for (const { position } of lane) settled.set(position, { kind: 'skipped' });
    lanes.delete(keyText);
  }
  return {
    lanes: [...lanes.values()].map((lane) => askingForTies(lane.toSorted(newestFirst), order)),
    settled,
    stranded,
  };
}

function newestFirst({ version: a = '' }: PlacedLetter, { version: b = '' }: PlacedLetter): number {
  return a > b ? -1 : Number(a < b);
}

/** Which of two changes of the same time is the later one, only the source can tell. */
function askingForTies(lane: LaneLetter[], { rules, withoutSource }: Order): LaneLetter[] {
  if (rules.arrival === 'in-order' || withoutSource) return lane;
  const tied = new Set<Version>();
  let first: LaneLetter | undefined;
  for (const letter of lane) {
    const { version, record } = letter;
    if (first === undefined || first.version !== version) first = letter;
    else if (version !== undefined && record && first.record)
      if (!isSameChange(first.record, record, rules)) tied.add(version);
  }
  return lane.map((letter) =>
    tied.has(letter.version ?? '') ? { ...letter, asksSource: true } : letter,
  );
}

function placeLetter(letter: DeadLetter, order: Order): PlacedLetter | Redriven {
  const { parsed, streamArn, isProjected = false } = letter;
  const { key, keyText, version } = parsed.record;
  const record = parsed.kind === 'record' ? parsed.record : undefined;
  const { control, rules, withoutSource, nowMs } = order;
  const isExpiry = record?.eventName === 'REMOVE' && record.expired;
  if (isExpiry && rules.ttlDeletes === 'skip') return { kind: 'skipped' };
  if (isProjected && withoutSource) return { kind: 'rejected', why: 'SourceNeeded' };
  const hasPlace =
    !isProjected && (withoutSource || isInOrder(placeOf(letter), control, nowMs, rules));
  if (hasPlace && parsed.kind === 'malformed')
    return { kind: 'rejected', why: parsed.record.reason.name };
  if (key === undefined || keyText === undefined) return { kind: 'rejected', why: 'KeyUnknown' };
  return { key, keyText, version, streamArn, record, asksSource: !hasPlace };
}

function placeOf({ failedAtMs, streamArn, parsed }: DeadLetter) {
  const { createdAtSeconds: seconds } = parsed.record;
  return { failedAtMs, streamArn, writtenAtMs: seconds === undefined ? undefined : seconds * 1000 };
}
