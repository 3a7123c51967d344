// One invocation that answered: what became of each record, told from the wire alone, against what the
// function counted and what it answered to Lambda; and that it answered in time, with nothing under way.

import type { BatchSummary } from '../../src/model/batch-response.ts';
import { isBound, isOfControlRow, type Judge, versionIn } from './judge.ts';
import { SECOND } from './plan.ts';
import type { Process, Sent, SentLetter } from './process.ts';
import type { Item } from './memory-dynamodb.ts';
import type { StreamEntry } from './stream.ts';

type Fate = keyof BatchSummary['counts'] | 'rejected' | 'unfinished';

interface Batch {
  readonly entries: readonly StreamEntry[];
  readonly process: Process;
}

export interface Answered extends Batch {
  readonly summary: BatchSummary;
}

/** The function's copy of the control row, and how far its clock may jump. */
const COPY_MS = 70 * SECOND;
const REREAD_MS = 3 * SECOND;
/** To be given up, to land all the same, and for the answer. */
const WRITE_MS = 18 * SECOND;
const BOUND_MS = 8 * SECOND;
const LATE_MS = 10 * SECOND;
const OLD_IMAGE_MISSING =
  'the projection leaves items out, which needs a stream of NEW_AND_OLD_IMAGES';
const UNREAD = 'the control row cannot be read';
const YOUNG_MS = 30 * SECOND;

export function judgeInvocation(answered: Answered, judge: Judge): void {
  const { summary, process, entries } = answered;
  judgeOrder(process, judge);
  judgeTime(process, judge);
  const isIdle = process.writes.every(({ intent }) => isOfControlRow(intent));
  const { saysHeld = '', saysUnread = '' } = process;
  const isUnread = isIdle && saysHeld === UNREAD;
  const isHeld = isUnread || (isIdle && saysHeld !== '' && summary.held === entries.length);
  const isForImages = isHeld && saysHeld === OLD_IMAGE_MISSING;
  if (isForImages) judge.note('held for old images');
  else judgeControl(answered, isHeld, judge);
  if ((isForImages || !isHeld) && isForImages !== lacksOldImages(answered, judge))
    judge.violation(`held: ${process.facts.name} says "${saysHeld}" of what it was given`);
  judgeCost(answered, judge);
  const fates = isHeld ? entries.map((): Fate => 'unfinished') : fatesOf(answered, judge);
  const checkpoint = fates.indexOf('unfinished');
  const final = checkpoint < 0 ? fates : fates.slice(0, checkpoint);
  for (const [place, fate] of final.entries())
    if (fate === 'skipped') markSkipped(entries[place], process);
  for (const { kinesis } of entries.slice(0, final.length))
    if (kinesis !== undefined && !isHeld) kinesis.doneAtMs = process.startedAtMs;
  const isFailed = (entry: StreamEntry) => judge.seen(entry, process).kind === 'failed';
  if (entries.some(isFailed)) judge.note('projection fails');
  const { facts } = process;
  const require = (what: string, told: unknown, seen: unknown) => {
    const [a, b] = [JSON.stringify(told), JSON.stringify(seen)];
    if (a !== b) judge.violation(`counters: ${what} of ${facts.name} is ${a}, but was ${b}`);
  };
  // Of a Kinesis stream: by place, whatever the times say.
  const lowest = checkpoint < 0 ? [] : [entries[checkpoint]?.sequenceNumber];
  const answer = summary.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  require('the answer', answer, lowest);
  require('counts', summary.counts, tally(final));
  require('retried', summary.retried, fates.length - final.length);
  require('latencies', summary.latenciesMs.length, fates.filter((fate) => fate === 'applied')
    .length);
  const toControl = isUnread ? saysUnread : undefined;
  require('failures', summary.failures, failuresOf(process.writes, toControl));
  const causes = Object.values(summary.superseded).reduce((sum, count) => sum + count, 0);
  require('superseded by cause', causes, summary.counts.superseded);
}

/** Records of the table. */
function ownOf({ entries }: Pick<Answered, 'entries'>): StreamEntry[] {
  return entries.filter(({ kinesis }) => kinesis?.isForeign !== true);
}

/** In the order of the table's history, as far as they tell it; of the same time, the first by place comes first. */
function inOrder(entries: readonly StreamEntry[]): StreamEntry[] {
  const timeOf = ({ write, kinesis }: StreamEntry) => (kinesis && write.micros) ?? 0;
  return entries.toSorted((a, b) => timeOf(a) - timeOf(b));
}

/** Records for which an earlier one by place stands, of the same item and the same time; and that one. */
function standInsOf(answered: Batch, judge: Judge): ReadonlyMap<StreamEntry, StreamEntry> {
  const { process } = answered;
  const standIns = new Map<StreamEntry, StreamEntry>();
  const first = new Map<string, StreamEntry>();
  for (const entry of ownOf(answered)) {
    if (entry.kinesis === undefined || isUnparsed(entry, judge, process)) continue;
    if (isSkippedExpiry(entry, process)) continue;
    const id = `${entry.write.micros} ${entry.write.key}`;
    const known = first.get(id);
    if (known === undefined) first.set(id, entry);
    else standIns.set(entry, known);
  }
  return standIns;
}

/** As the twin sees them. */
function isSame(
  entry: StreamEntry,
  other: StreamEntry,
  { process }: Answered,
  judge: Judge,
): boolean {
  const [a, b] = [entry, other].map((one) => judge.seen(one, process).kind);
  return entry.write === other.write || (a !== 'put' && a === b);
}

function isUnparsed(entry: StreamEntry, judge: Judge, process: Process): boolean {
  return entry.write.malformed || judge.seen(entry, process).kind === 'failed';
}

function markSkipped(entry: StreamEntry | undefined, process: Process): void {
  if (entry === undefined) return;
  if (isSkippedExpiry(entry, process)) entry.write.wasSkipped = true;
  else entry.write.wasLeftOut = true;
}

function isSkippedExpiry({ write }: StreamEntry, { facts: { settings } }: Process): boolean {
  return write.expired && settings.ttlDeletes === 'skip';
}

/** Records of runs that the twin never had anything of: they cost nothing. */
function leftOutOf({ entries, process }: Batch, judge: Judge): ReadonlySet<StreamEntry> {
  const runs = new Map<string, StreamEntry[][]>();
  const standIns = standInsOf({ entries, process }, judge);
  const written = ownOf({ entries }).filter((entry) => !standIns.has(entry));
  for (const entry of inOrder(written)) {
    const { key } = entry.write;
    const known = runs.get(key) ?? [[]];
    runs.set(key, known);
    const { kind } = judge.seen(entry, process);
    if (isSkippedExpiry(entry, process)) known.push([]);
    else if (!entry.write.malformed && kind !== 'failed') known.at(-1)?.push(entry);
  }
  const isNever = (entry: StreamEntry) => judge.seen(entry, process).kind === 'never';
  return new Set([...runs.values()].flat().flatMap((run) => (run.every(isNever) ? run : [])));
}

/** Nothing is sent for what is left out, nor is its ledger row looked up. */
function judgeCost(answered: Answered, judge: Judge): void {
  const { process } = answered;
  const leftOut = leftOutOf(answered, judge);
  const sent = requestsByEntry(process, judge);
  for (const entry of leftOut)
    if (sent.has(entry)) judge.violation(`cost: ${process.facts.name} wrote what is left out`);
  const others = ownOf(answered).filter((entry) => !leftOut.has(entry));
  const asked = new Set([...process.lookedUp.keys()].map((id) => judge.nameOfRow(id)));
  for (const { write } of leftOut)
    if (asked.has(write.key) && !others.some((one) => one.write.key === write.key))
      judge.violation(`cost: ${process.facts.name} looked up what is left out`);
}

/** A record leaves its item out, and does not tell whether the twin had it. */
function lacksOldImages({ entries, process }: Answered, judge: Judge): boolean {
  return ownOf({ entries }).some((entry) => judge.seen(entry, process).kind === 'unknown');
}

/** Of whatever is final, the control row has known the stream; what is held, it has not. */
function judgeControl({ entries, process }: Answered, isHeld: boolean, judge: Judge): void {
  const { startedAtMs, endedAtMs = startedAtMs, facts, controlFailures } = process;
  const reserved = facts.settings.reservedAttribute;
  const readable = ownOf({ entries }).filter(({ kinesis }) => kinesis?.isGarbage !== true);
  const streamArns = readable.map(({ record }) => record.eventSourceARN ?? '');
  for (const streamArn of new Set(streamArns)) {
    const ageMs = isHeld ? REREAD_MS : COPY_MS;
    const admitted = judge.control.admitted(
      { streamArn, reserved },
      startedAtMs - ageMs,
      endedAtMs,
    );
    if (!isHeld && admitted === 'never')
      judge.violation(`control: ${facts.name} went on with a stream that nobody knows`);
    const isTold = controlFailures === 0 && process.saysUnread !== 'OutOfTime';
    if (isHeld && admitted === 'always' && isTold)
      judge.violation(`control: ${facts.name} holds back a stream that is known`);
  }
}

/**
 * Of one item, nothing is written after a write whose outcome nobody knows; and after one that failed, it
 * is this very write that is tried again, unless the twin will never take it.
 */
function judgeOrder({ writes, facts }: Process, judge: Judge): void {
  const latest = new Map<string, Sent>();
  for (const sent of writes) {
    const version = isBound(sent) ? undefined : versionIn(sent.intent);
    const key = judge.nameIn(sent.intent);
    if (version === undefined || key === undefined) continue;
    if (judge.entryOf(version, key) === undefined) continue;
    const before = latest.get(key);
    const kind = KINDS[before?.told ?? ''];
    latest.set(key, sent);
    const isAgain = version === versionIn(before?.intent);
    if (kind === undefined || kind === 'rejected' || (kind !== 'unknown' && isAgain)) continue;
    judge.violation(`order: ${facts.name} went on with ${key} after ${before?.told}`);
  }
}

/** Every write had the time to be seen through, and nothing is under way any more. */
function judgeTime(process: Process, judge: Judge): void {
  const { facts, endedAtMs = Infinity } = process;
  const { deadlineMs = Infinity, name } = facts;
  for (const sent of process.writes) {
    if (isOfControlRow(sent.intent)) continue;
    const needsMs = isBound(sent) ? BOUND_MS : WRITE_MS;
    if (sent.sentAtMs + needsMs > deadlineMs + 1)
      judge.violation(`time: ${name} sent a write with too little time left`);
    if (isBound(sent)) continue;
    if (sent.told === undefined) judge.violation(`time: ${name} answered with a write under way`);
    const { gaveUpAtMs } = sent;
    if (gaveUpAtMs === undefined || KINDS[sent.told ?? ''] !== 'unknown') continue;
    const jumpMs = Math.max(0, process.jumpBetween(gaveUpAtMs, endedAtMs));
    if (endedAtMs < gaveUpAtMs + LATE_MS - jumpMs - 1)
      judge.violation(`time: ${name} did not wait for a late request`);
  }
}

function tally(fates: readonly Fate[]): BatchSummary['counts'] {
  const written = { applied: 0, superseded: 0, coalesced: 0, skipped: 0, foreign: 0 };
  // In the order of the summary: both are compared as text.
  const counts = { ...written, own: 0, stray: 0, stranded: 0, 'dead-lettered': 0 };
  for (const fate of fates) if (fate !== 'unfinished' && fate !== 'rejected') counts[fate] += 1;
  return counts;
}

/** Written first, then announced, then put aside, each only below what is unfinished by then. */
function fatesOf(answered: Answered, judge: Judge): Fate[] {
  const written = writtenFates(answered, judge);
  const { entries, process } = answered;
  const isChecked = process.facts.settings.tombstones === 'checked';
  const end = endOf(written);
  const standIns = standInsOf(answered, judge);
  const announced = written.map((fate, place): Fate => {
    const entry = entries[place] as StreamEntry;
    // The newest of a run decides for all, even if by itself it would cost nothing.
    const isRemoval = judge.seen(entry, process).kind !== 'put';
    const isDelete = isRemoval && (fate === 'applied' || fate === 'superseded');
    const isDone = !isChecked || !isDelete || place >= end || standIns.has(entry);
    const isAnnounced = process.announced.has(`${entry.write.key} ${judge.versionOf(entry)}`);
    return isDone || isAnnounced ? fate : 'unfinished';
  });
  const lettersEnd = endOf(announced);
  return announced.map((fate, place): Fate => {
    if (fate !== 'rejected') return fate;
    const entry = entries[place] as StreamEntry;
    // Several records may say the same: their letters are sent in the order of their places.
    const before = entries
      .slice(0, place)
      .filter((one, at) => announced[at] === 'rejected' && hasSameTime(one, entry));
    const isLettered = lettersOf(entry, process, judge)[before.length]?.isAcknowledged === true;
    return isLettered && place < lettersEnd ? 'dead-lettered' : 'unfinished';
  });
}

/** Letters of an invocation that name a record. */
function lettersOf(entry: StreamEntry, { letters }: Process, judge: Judge): SentLetter[] {
  const { write } = entry;
  const isOf = (key: Item | undefined) => key === undefined || judge.nameOfKey(key) === write.key;
  return letters.filter((one) => one.sequenceNumber === letterNumber(entry) && isOf(one.key));
}

function letterNumber({ record, kinesis, sequenceNumber }: StreamEntry): string | undefined {
  return kinesis?.isGarbage === true ? sequenceNumber : record.dynamodb?.SequenceNumber;
}

function hasSameTime(one: StreamEntry, other: StreamEntry): boolean {
  return one.write.key === other.write.key && letterNumber(one) === letterNumber(other);
}

/** Whether the queue has acknowledged its letter to an invocation. */
export function hasLetter(entry: StreamEntry, process: Process, judge: Judge): boolean {
  // A record of another table may have the same key and the same time.
  if (entry.kinesis?.isForeign === true) return false;
  return lettersOf(entry, process, judge).some(({ isAcknowledged }) => isAcknowledged);
}

function endOf(fates: readonly Fate[]): number {
  const lowest = fates.indexOf('unfinished');
  return lowest < 0 ? fates.length : lowest;
}

/** From the last record to the first, because an earlier one may stand behind a later one of its item. */
function writtenFates(answered: Answered, judge: Judge): Fate[] {
  const { entries, process } = answered;
  const requests = requestsByEntry(process, judge);
  const after = new Map<string, Fate>();
  const leftOut = leftOutOf(answered, judge);
  const standIns = standInsOf(answered, judge);
  const fates = new Map<StreamEntry, Fate>();
  for (const entry of entries) if (entry.kinesis?.isForeign === true) fates.set(entry, 'foreign');
  for (const entry of inOrder(ownOf(answered)).toReversed()) {
    const { write } = entry;
    const other = standIns.get(entry);
    if (other !== undefined) {
      fates.set(entry, isSame(entry, other, answered, judge) ? 'coalesced' : 'superseded');
      continue;
    }
    const isSkipped = isSkippedExpiry(entry, process);
    const isRejected = isUnparsed(entry, judge, process);
    const own =
      isSkipped || leftOut.has(entry)
        ? 'skipped'
        : isRejected
          ? 'rejected'
          : ownFate(requests.get(entry));
    const behind = after.get(write.key);
    const fate =
      own ??
      (isDone(behind)
        ? 'coalesced'
        : behind === undefined && isKnownDeleted(entry, answered, judge)
          ? 'superseded'
          : 'unfinished');
    fates.set(entry, fate);
    // A skipped record parts those before it from those after it; a rejected one gives its place away.
    if (isSkipped) after.delete(write.key);
    else if (fate !== 'rejected') after.set(write.key, fate);
  }
  return entries.map((entry) => fates.get(entry) ?? 'unfinished');
}

function isDone(fate: Fate | undefined): boolean {
  return fate === 'applied' || fate === 'superseded' || fate === 'coalesced';
}

/** A late insert of which the look-up has told that its item was deleted since. */
function isKnownDeleted(entry: StreamEntry, answered: Answered, judge: Judge): boolean {
  const { process } = answered;
  const { write, kinesis } = entry;
  const { settings } = process.facts;
  const isPut = judge.seen(entry, process).kind === 'put';
  if (!isPut || settings.tombstones === 'strict') return false;
  const { startedAtMs } = process;
  const decidedAtMs = Math.floor(startedAtMs + process.offsetAt(startedAtMs));
  // What arrives in any order is always late.
  const isYoung = decidedAtMs - Math.floor(write.atMs / 1000) * 1000 <= YOUNG_MS;
  if (isYoung && kinesis === undefined) return false;
  const own = inOrder(ownOf(answered)).filter((one) => one.write.key === write.key);
  const run = own.slice(0, own.indexOf(entry) + 1);
  const parted = run.findLastIndex((one) => one.write.expired && settings.ttlDeletes === 'skip');
  const mayBeNew = run.slice(parted + 1).some((one) => judge.seen(one, process).isInsert);
  if (!mayBeNew) return false;
  const deleted = [...process.lookedUp].find(([id]) => judge.nameOfRow(id) === write.key)?.[1];
  return (deleted ?? '') >= judge.versionOf(entry);
}

/** Undefined where nothing was sent for the record. */
function ownFate(requests: readonly Sent[] | undefined): Fate | undefined {
  const last = requests?.at(-1);
  if (last === undefined) return undefined;
  const { told, intent, foundNothing } = last;
  if (KINDS[told ?? ''] === 'rejected') return 'rejected';
  // The delete of an item follows its tombstone, whatever became of that.
  if (intent?.operation === 'UpdateItem') return 'unfinished';
  const isRefused = told === 'refused';
  // An update of an item that is not there is tried once more, in a transaction.
  if (isRefused && intent?.operation === 'PutItem' && foundNothing === true) return 'unfinished';
  const isOld =
    intent?.operation === 'DeleteItem' && requests?.some((one) => one.told === 'refused') === true;
  if (isRefused || (told === 'written' && isOld)) return 'superseded';
  return told === 'written' ? 'applied' : 'unfinished';
}

function requestsByEntry(process: Process, judge: Judge): Map<StreamEntry, Sent[]> {
  const requests = new Map<StreamEntry, Sent[]>();
  const isWritten = (entry: StreamEntry) =>
    !isUnparsed(entry, judge, process) && !isSkippedExpiry(entry, process);
  const isGiven = new Set(ownOf(process).filter(isWritten));
  for (const sent of process.writes) {
    const found = judge.entryOf(versionIn(sent.intent) ?? '', judge.nameIn(sent.intent));
    const entry = found?.kinesis === undefined ? found : firstOf(found, isGiven);
    if (entry === undefined || isBound(sent)) continue;
    const known = requests.get(entry);
    if (known === undefined) requests.set(entry, [sent]);
    else known.push(sent);
  }
  return requests;
}

/** The one that is written, of those that have the same item and the same time. */
function firstOf({ write }: StreamEntry, given: ReadonlySet<StreamEntry>): StreamEntry | undefined {
  for (const one of given)
    if (one.write.key === write.key && one.write.micros === write.micros) return one;
  return undefined;
}

const KINDS: Readonly<Record<string, keyof BatchSummary['failures']>> = {
  ThrottlingException: 'throttled',
  ProvisionedThroughputExceededException: 'throttled',
  TransactionConflictException: 'throttled',
  ECONNREFUSED: 'unreachable',
  AccessDeniedException: 'denied',
  CredentialsProviderError: 'denied',
  ExpiredTokenException: 'denied',
  InvalidSignatureException: 'denied',
  UnrecognizedClientException: 'denied',
  ValidationException: 'rejected',
  TimeoutError: 'unknown',
  ECONNRESET: 'unknown',
};

/** @param controlError where the control row could not be read. */
function failuresOf(
  writes: readonly Sent[],
  controlError: string | undefined,
): BatchSummary['failures'] {
  const failures = {
    throttled: 0,
    unreachable: 0,
    denied: 0,
    rejected: 0,
    switching: 0,
    unknown: 0,
  };
  if (controlError !== undefined) failures[KINDS[controlError] ?? 'unknown'] += 1;
  for (const sent of writes) {
    const kind = isOfControlRow(sent.intent) ? undefined : KINDS[sent.told ?? ''];
    if (kind !== undefined) failures[kind] += 1;
  }
  return failures;
}
