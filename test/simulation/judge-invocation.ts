// One invocation that answered: what became of each record, told from the wire alone, against what the
// function counted and what it answered to Lambda.

import type { BatchSummary } from '../../src/core/outcome.ts';
import { type Judge, versionIn } from './judge.ts';
import type { Process, Sent } from './process.ts';
import type { StreamEntry } from './stream.ts';

type Fate = 'applied' | 'superseded' | 'coalesced' | 'skipped' | 'dead-lettered' | 'unfinished';

export interface Answered {
  readonly entries: readonly StreamEntry[];
  readonly process: Process;
  readonly summary: BatchSummary;
  readonly ttlDeletes: 'replicate' | 'skip';
}

export function judgeInvocation(answered: Answered, judge: Judge): void {
  const { summary, process } = answered;
  judgeOrder(process, judge);
  const fates = fatesOf(answered, judge);
  const checkpoint = fates.indexOf('unfinished');
  const final = checkpoint < 0 ? fates : fates.slice(0, checkpoint);
  const { facts } = process;
  const require = (what: string, told: unknown, seen: unknown) => {
    const [a, b] = [JSON.stringify(told), JSON.stringify(seen)];
    if (a !== b) judge.violation(`counters: ${what} of ${facts.name} is ${a}, but was ${b}`);
  };
  const lowest = checkpoint < 0 ? [] : [answered.entries[checkpoint]?.sequenceNumber];
  const answer = summary.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  require('the answer', answer, lowest);
  require('counts', summary.counts, tally(final));
  require('retried', summary.retried, fates.length - final.length);
  require('latencies', summary.latenciesMs.length, fates.filter((fate) => fate === 'applied')
    .length);
  require('failures', summary.failures, failuresOf(process.writes));
  const causes = Object.values(summary.superseded).reduce((sum, count) => sum + count, 0);
  require('superseded by cause', causes, summary.counts.superseded);
}

/**
 * Of one item, nothing is written after a write whose outcome nobody knows; and after one that failed, it
 * is this very write that is tried again, unless the twin will never take it.
 */
function judgeOrder({ writes, facts }: Process, judge: Judge): void {
  const latest = new Map<string, Sent>();
  for (const sent of writes) {
    const version = isBound(sent) ? undefined : versionIn(sent.intent);
    const key = judge.entryOf(version ?? '')?.write.key;
    if (version === undefined || key === undefined) continue;
    const before = latest.get(key);
    const kind = KINDS[before?.told ?? ''];
    latest.set(key, sent);
    const isAgain = version === versionIn(before?.intent);
    if (kind === undefined || kind === 'rejected' || (kind !== 'unknown' && isAgain)) continue;
    judge.violation(`order: ${facts.name} went on with ${key} after ${before?.told}`);
  }
}

/** Bounds of failed records stand beside the writes of their items. */
function isBound({ intent }: Sent): boolean {
  return (
    intent?.operation === 'UpdateItem' && intent.input.ExpressionAttributeNames?.['#own'] !== 'd'
  );
}

function tally(fates: readonly Fate[]): BatchSummary['counts'] {
  const counts = { applied: 0, superseded: 0, coalesced: 0, skipped: 0, 'dead-lettered': 0 };
  for (const fate of fates) if (fate !== 'unfinished') counts[fate] += 1;
  return counts;
}

/** From the last record to the first, because an earlier one may stand behind a later one of its item. */
function fatesOf({ entries, process, ttlDeletes }: Answered, judge: Judge): Fate[] {
  const requests = requestsByEntry(process, judge);
  const after = new Map<string, Fate>();
  const fates: Fate[] = [];
  for (const entry of entries.toReversed()) {
    const { write } = entry;
    const isSkipped = write.expired && ttlDeletes === 'skip';
    const isLettered = process.letters.includes(entry.sequenceNumber);
    const known = isSkipped ? 'skipped' : isLettered ? 'dead-lettered' : undefined;
    const own = write.malformed ? 'unfinished' : ownFate(requests.get(entry));
    const fate = known ?? own ?? (isDone(after.get(write.key)) ? 'coalesced' : 'unfinished');
    fates.unshift(fate);
    // A skipped record parts those before it from those after it; a failed one gives its place away.
    if (isSkipped) after.delete(write.key);
    else if (!isLettered && !write.malformed) after.set(write.key, fate);
  }
  return fates;
}

function isDone(fate: Fate | undefined): boolean {
  return fate === 'applied' || fate === 'superseded' || fate === 'coalesced';
}

/** Undefined where nothing was sent for the record. */
function ownFate(requests: readonly Sent[] | undefined): Fate | undefined {
  const last = requests?.at(-1);
  if (last === undefined) return undefined;
  const { told, intent } = last;
  // The delete of an item follows its tombstone, whatever became of that.
  if (intent?.operation === 'UpdateItem') return 'unfinished';
  const isOld = requests?.some((one) => one.told === 'refused') === true;
  if (told === 'refused' || (told === 'written' && isOld)) return 'superseded';
  return told === 'written' ? 'applied' : 'unfinished';
}

function requestsByEntry({ writes }: Process, judge: Judge): Map<StreamEntry, Sent[]> {
  const requests = new Map<StreamEntry, Sent[]>();
  for (const sent of writes) {
    const entry = judge.entryOf(versionIn(sent.intent) ?? '');
    if (entry === undefined || isBound(sent)) continue;
    const known = requests.get(entry);
    if (known === undefined) requests.set(entry, [sent]);
    else known.push(sent);
  }
  return requests;
}

const KINDS: Readonly<Record<string, keyof BatchSummary['failures']>> = {
  ThrottlingException: 'throttled',
  ProvisionedThroughputExceededException: 'throttled',
  TransactionConflictException: 'throttled',
  ECONNREFUSED: 'unreachable',
  AccessDeniedException: 'denied',
  ValidationException: 'rejected',
  TimeoutError: 'unknown',
  ECONNRESET: 'unknown',
};

function failuresOf(writes: readonly Sent[]): BatchSummary['failures'] {
  const failures = { throttled: 0, unreachable: 0, denied: 0, rejected: 0, unknown: 0 };
  for (const { told } of writes) {
    const kind = KINDS[told ?? ''];
    if (kind !== undefined) failures[kind] += 1;
  }
  return failures;
}
