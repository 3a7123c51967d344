// The records of a batch that are not to be written, settled before anything is: what the table was given while it was
// the twin, what belongs to an epoch that has ended or was lost, and what cannot be judged now.

import { MalformedValue } from '../model/attribute-value.ts';
import { type BatchVerdict, type Judging, verdictsOn } from '../model/batch-verdicts.ts';
import { type Consent, epochAt } from '../model/control-copies.ts';
import type { DeadLetterReason } from '../model/dead-letter.ts';
import { heldBy, type Outcome, SWITCHING } from '../model/outcome.ts';
import type { StrandedRecord } from '../model/stranded.ts';
import type { ParsedRecord, StreamRecord } from '../model/stream-record.ts';
import type { StreamRules } from '../model/rules.ts';
import type { WriteFailure } from '../model/write-failure.ts';
import type { Clock, Log, ObjectStore, Random } from '../ports.ts';
import type { DeliveredBatch, SettledRecord, SettledRecords } from './control-keeper.ts';
import { keepStranded, strandedRecord } from './keep-stranded.ts';
import type { CopyPlace } from './lease.ts';
import { type Delivered, endsOfOwn } from './stray-writes.ts';

export interface SettleContext {
  readonly rules: StreamRules;
  /** Of the other direction: it is beside this one's source. */
  readonly ledger: CopyPlace;
  /** The function's own, for failures. */
  readonly bucket: Pick<ObjectStore, 'put'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface JudgedBatch extends DeliveredBatch, Judging {
  /** Of a copy that could not be read. */
  readonly failure: WriteFailure | undefined;
  readonly isUnreadable: boolean;
}

/** While it is being settled. */
interface Work extends JudgedBatch {
  readonly parsed: readonly ParsedRecord[];
  readonly records: Array<ParsedRecord | SettledRecord>;
}

/** Never rejects. */
export async function settleForeign(
  parsed: readonly ParsedRecord[],
  batch: JudgedBatch,
  context: SettleContext,
): Promise<SettledRecords> {
  const verdicts = verdictsOn(parsed, batch.raw, batch);
  // Nearly always: nothing is copied.
  if (verdicts.every((verdict) => verdict === 'apply'))
    return { records: parsed, isHeld: false, isUnreadable: false };
  const firstHeld = verdicts.indexOf('hold');
  const isHeld = firstHeld >= 0;
  const below = isHeld ? firstHeld : parsed.length;
  const at = (wanted: BatchVerdict) =>
    verdicts.flatMap((verdict, index) => (verdict === wanted && index < below ? [index] : []));
  const work = { ...batch, parsed, records: [...parsed] };
  for (const index of at('marker')) settle(work, index, { kind: 'skipped' });
  for (const index of at('ended')) settle(work, index, { kind: 'superseded', cause: 'ended' });
  for (const index of at('timeless')) reject(work, index, TIMELESS);
  await Promise.all([
    settleOwn(at('own'), work, context),
    settleStranded(at('stranded'), work, context),
  ]);
  if (isHeld) holdFrom(below, work, context);
  return { records: work.records, isHeld, isUnreadable: isHeld && batch.isUnreadable };
}

const TIMELESS: DeadLetterReason = {
  class: 'malformed',
  name: 'TimeMissing',
  message: 'the record has no ApproximateCreationDateTime, which tells to which epoch it belongs',
};

function recordAt({ parsed }: Work, index: number): ParsedRecord {
  return parsed[index] as ParsedRecord;
}

function settle(work: Work, index: number, outcome: Outcome): void {
  work.records[index] = { kind: 'settled', record: recordAt(work, index).record, outcome };
}

/** Put aside without a version: where it stands in the order of versions is not known. */
function reject(work: Work, index: number, reason: DeadLetterReason): void {
  const { kind, record } = recordAt(work, index);
  const { position, sequenceNumber, key, keyText } = record;
  const why = kind === 'malformed' ? record.reason : reason;
  work.records[index] = {
    kind: 'malformed',
    record: { position, sequenceNumber, key, keyText, reason: why },
  };
}

async function settleOwn(
  indices: readonly number[],
  work: Work,
  context: SettleContext,
): Promise<void> {
  const sane: Array<Delivered & { readonly index: number }> = [];
  for (const index of indices) {
    const { kind, record } = recordAt(work, index);
    // Ferry writes nothing that makes no sense.
    if (kind === 'malformed') settle(work, index, { kind: 'stray' });
    else sane.push({ index, record, raw: work.raw[index] });
  }
  const { health, remainingMs } = work;
  const ends = await endsOfOwn(sane, { ...context, health, remainingMs });
  for (const [place, { index }] of sane.entries()) settle(work, index, ends[place] as Outcome);
}

async function settleStranded(
  indices: readonly number[],
  work: Work,
  { rules: { replication }, bucket }: SettleContext,
): Promise<void> {
  const kept = new Map<number, StrandedRecord>();
  for (const index of indices) {
    const { kind, record } = recordAt(work, index);
    try {
      if (kind === 'malformed') reject(work, index, record.reason);
      else kept.set(index, entryOf(record, index, work, replication));
    } catch (error) {
      if (!(error instanceof MalformedValue)) throw error;
      reject(work, index, { class: 'malformed', name: error.name, message: error.message });
    }
  }
  const outcome = await keepStranded([...kept.values()], { ...work, bucket });
  for (const index of kept.keys()) settle(work, index, outcome);
}

function entryOf(
  record: StreamRecord,
  index: number,
  { raw, region, own }: Work,
  replication: string,
): StrandedRecord {
  const { n: epoch = 0 } = epochAt((record.createdAtSeconds ?? 0) * 1000, region, own) ?? {};
  return strandedRecord({ record, raw: raw[index], epoch }, replication);
}

export function whyHeld(consent: Consent): string {
  return consent.kind === 'held' ? consent.why : 'the control row does not know the stream';
}

/** Lambda delivers all from here on again, whatever became of it. */
function holdFrom(below: number, work: Work, { log }: SettleContext): void {
  const { parsed, consent, failure, health, isUnreadable } = work;
  const isSwitching = consent.kind === 'held' && !isUnreadable;
  const outcome = isSwitching ? SWITCHING : heldBy(failure);
  log({ event: 'batch.held', why: whyHeld(consent), records: parsed.length - below });
  if (failure !== undefined) health.noteError(`control row: ${failure.name}`);
  for (let index = below; index < parsed.length; index += 1) settle(work, index, outcome);
}
