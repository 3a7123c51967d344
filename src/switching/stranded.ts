// Writes of a lost Region, for the operator: lists them, puts one back as an application would, or drops it. A decision
// is recorded, so that it is not asked for twice, and nothing is deleted.

import { canonicalKey } from '../model/attribute-value.ts';
import type { ControlRow } from '../model/control-row.ts';
import {
  classesKey,
  decisionBody,
  decisionKey,
  parseClassLine,
  STRANDED_DECISIONS,
  type StrandedClass,
  type StrandedDecision,
} from '../model/stranded-class.ts';
import { isStrandedRecord, type StrandedItem, type StrandedRecord } from '../model/stranded.ts';
import { STRANDED_OBJECT_PREFIX } from '../config/names.ts';
import type { Item, ObjectStore } from '../ports.ts';
import type { SwitchDirection, SwitchPorts } from './ports.ts';
import {
  type KeptRecord,
  objectsOf,
  readEntries,
  readItems,
  readRecords,
  type StrandedPlace,
} from './stranded-objects.ts';

export interface StrandedWrite {
  readonly epoch: number;
  readonly key: Item;
  readonly keyText: string;
  /** Undefined until the rejoin has come to it. */
  readonly class: StrandedClass | undefined;
  /** Of a stranded one; undefined until it is decided. */
  readonly decision: StrandedDecision | undefined;
  /** The newest record that was kept; there is none of what had left the stream. */
  readonly record: KeptRecord | undefined;
  /** Both items as they were when they were compared; undefined where they were equal by then. */
  readonly item: StrandedItem | undefined;
}

/** Epochs of a Region that was lost, and where their writes are kept. */
export function strandedPlaces(
  { epochs }: ControlRow,
  { old, drained, back }: SwitchPorts,
  onUnreadable: StrandedPlace['onUnreadable'],
): readonly StrandedPlace[] {
  const kept = ({ bucket, rules }: SwitchDirection, epoch: number) => ({
    bucket,
    replication: rules.replication,
    epoch,
    onUnreadable,
  });
  return epochs
    .filter(({ end }) => end === 'lost')
    .map(({ n, region }) => kept(region === old.region ? drained : back, n));
}

/** Every item that differed, and then every item with kept records only. */
export async function* strandedWrites(place: StrandedPlace): AsyncGenerator<StrandedWrite> {
  const { epoch } = place;
  const decided = await decisionsIn(place);
  const records = await readRecords(place);
  const decisionOn = (keyText: string) =>
    STRANDED_DECISIONS.find((one) => decided.has(decisionKey(epoch, keyText, one)));
  const seen = new Set<string>();
  for await (const object of objectsOf(place, 'compared')) {
    const classes = await classesOf(object, place);
    for (const [line, item] of await readItems(object, place)) {
      const keyText = canonicalKey(item.key);
      // A comparison that was interrupted may have saved it twice.
      if (seen.has(keyText)) continue;
      seen.add(keyText);
      const found = { key: item.key, keyText, class: classes?.get(line), item };
      yield { epoch, ...found, decision: decisionOn(keyText), record: records.get(keyText) };
    }
  }
  // Both sides were equal when they were compared, and nothing wrote to the lost one any more.
  for (const [keyText, record] of records) {
    const facts = { epoch, key: record.key, keyText, record, item: undefined };
    if (!seen.has(keyText)) yield { ...facts, class: 'arrived', decision: undefined };
  }
}

async function decisionsIn(place: StrandedPlace): Promise<ReadonlySet<string>> {
  const decided = new Set<string>();
  for await (const object of objectsOf(place, 'decisions')) decided.add(object);
  return decided;
}

/** By the lines of the items; undefined where they have not been classed. */
async function classesOf(
  items: string,
  place: StrandedPlace,
): Promise<ReadonlyMap<number, StrandedClass> | undefined> {
  const object = classesKey(place.epoch, items);
  const text = await place.bucket.get(object);
  if (text === undefined) return undefined;
  const classes = new Map<number, StrandedClass>();
  for (const [at, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const found = parseClassLine(line);
    if (found !== undefined) classes.set(found.line, found.class);
    else place.onUnreadable({ object, line: at + 1, problem: 'it is not a class of Ferry’s' });
  }
  return classes;
}

/** What waits for a decision: an operator has to replay or drop it before a failback. */
export function isUndecided(write: StrandedWrite): boolean {
  const isOpen = write.class === 'stranded' || write.class === undefined;
  return isOpen && write.decision === undefined;
}

/** Of every lost epoch. What cannot be read counts: it may hold a write. */
export async function countUndecided(row: ControlRow, ports: SwitchPorts): Promise<number> {
  let count = 0;
  const places = strandedPlaces(row, ports, () => (count += 1));
  for (const place of places)
    for await (const write of strandedWrites(place)) count += Number(isUndecided(write));
  return count;
}

/**
 * The same of one bucket, by the epochs that it has. Where nothing was compared, the Region may not have rejoined, and
 * every write counts.
 */
export async function countUndecidedIn(
  kept: Pick<StrandedPlace, 'bucket' | 'replication'>,
): Promise<number> {
  let count = 0;
  const onUnreadable = () => (count += 1);
  for (const epoch of await epochsIn(kept.bucket)) {
    let [all, undecided, isCompared] = [0, 0, false];
    for await (const write of strandedWrites({ ...kept, epoch, onUnreadable })) {
      all += 1;
      undecided += Number(isUndecided(write));
      isCompared ||= write.item !== undefined;
    }
    count += isCompared ? undecided : all;
  }
  return count;
}

async function epochsIn(bucket: ObjectStore): Promise<ReadonlySet<number>> {
  const epochs = new Set<number>();
  for await (const page of bucket.list(STRANDED_OBJECT_PREFIX))
    for (const { key } of page) epochs.add(Number(key.split('/')[1]));
  return epochs;
}

/** The image of the record, which is not read with the list. */
export async function recordOf(
  { record }: StrandedWrite,
  place: StrandedPlace,
): Promise<StrandedRecord | undefined> {
  if (record === undefined) return undefined;
  const entry = (await readEntries(record.object, place)).get(record.line);
  return entry !== undefined && isStrandedRecord(entry) ? entry : undefined;
}

/** Recording it again is harmless. */
export async function decide(
  { epoch, keyText }: StrandedWrite,
  decision: StrandedDecision,
  { bucket, nowMs }: { bucket: StrandedPlace['bucket']; nowMs: number },
): Promise<void> {
  await bucket.put(decisionKey(epoch, keyText, decision), decisionBody(keyText, nowMs));
}
