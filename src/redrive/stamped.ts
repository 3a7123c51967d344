// Dead letters of a table with stamped writes: the records go by the rules of the stream once more, and then both sides
// of each item are made equal, whatever has come between.

import { newestEpoch } from '../model/control-row.ts';
import type { StampedModeRules } from '../model/rules.ts';
import type { StampedRecord } from '../model/stamped-record.ts';
import type { ParsedRecord } from '../model/stream-record.ts';
import { classifyFailure } from '../model/write-failure.ts';
import type { LedgerRowKey } from '../model/ledger-row.ts';
import {
  decideMergeKey,
  type MergeContext,
  mergeKey,
  type MergeResult,
} from '../merge/merge-key.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import type { Pace } from '../pacing/pace.ts';
import type { WriteOutcome } from '../replicate/apply-lane.ts';
import { keepLosers } from '../replicate/keep-losers.ts';
import { losersIn } from '../replicate/losers.ts';
import { nearContext } from '../replicate/near.ts';
import { settleStamped } from '../replicate/settle-stamped.ts';
import { writeStamped } from '../replicate/write-stamped.ts';
import type { RecordContext, TwoWayRedrive } from './context.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { ItemOutcome, Redriven, RedrivenItem } from './outcome.ts';
import { stampedRounds } from './stamped-rounds.ts';

export type StampedRedrive = TwoWayRedrive & { readonly merge: MergeContext };

interface StampedRun {
  readonly context: RecordContext;
  readonly pace: Pace;
  readonly stop: AbortSignal;
  /** Whether the control row is still the one of `context`. @default it is */
  readonly isCurrent?: (() => Promise<boolean>) | undefined;
  /** Called with what became of each item. */
  readonly onItem?: ((item: RedrivenItem) => void) | undefined;
}

const ITEMS_AT_ONCE = 16;

/** @returns of each letter, what became of it. @throws what a read throws. */
export async function redriveStamped(
  letters: readonly DeadLetter[],
  stamps: StampedRedrive,
  run: StampedRun,
): Promise<Redriven[]> {
  const { context, pace, stop, isCurrent } = run;
  const { epoch } = stamps.rules.twoWay;
  await pace.take(letters.length, stop);
  if (stop.aborted) return letters.map(() => unfinished('stopped'));
  const isSame = (await isCurrent?.()) ?? true;
  if (!isSame || newestEpoch(context.control).n !== epoch)
    return letters.map(() => unfinished('the control row has changed'));
  const outcomes = await applied(letters, stamps, context);
  const merged = await mergeItems(letters, outcomes, { stamps, stop });
  const ends = letters.map((letter, at) => endOf(letter, outcomes[at], merged));
  tell(letters, ends, merged, run);
  return ends;
}

function unfinished(why: string): ItemOutcome {
  return { kind: 'unfinished', why };
}

async function applied(
  letters: readonly DeadLetter[],
  { rules, nearSide }: StampedRedrive,
  context: RecordContext,
): Promise<WriteOutcome[]> {
  const { clock, random, health, remainingMs, limit } = context;
  const twoWay = rules.twoWay as StampedModeRules;
  const raw = letters.map(({ record }) => record);
  const parsed = letters.map(({ parsed: one }, position) => atPosition(one, position));
  const near = nearContext({ rules, nearSide, clock, random }, twoWay, { remainingMs, health });
  const nothing = { deletedVersion: async () => undefined, onRejected: () => undefined };
  const far = { ...context, ...nothing, rules, decidedAtMs: clock.now() };
  const { records, moving } = settleStamped(parsed, raw, { ...rules, twoWay });
  const outcomes = records.map((one): WriteOutcome => {
    if (one.kind === 'settled') return one.outcome;
    return one.kind === 'malformed'
      ? { kind: 'rejected', reason: one.record.reason, attempts: [] }
      : { kind: 'unfinished', why: 'behind' };
  });
  const atOnce = () => limit?.current() ?? ITEMS_AT_ONCE;
  await writeRounds(moving, outcomes, { near, far, twoWay, atOnce });
  if (twoWay.losers === 'count') return outcomes;
  return keepLosers(losersIn(records, raw, { outcomes, rules }), outcomes, near);
}

async function writeRounds(
  moving: readonly StampedRecord[],
  outcomes: WriteOutcome[],
  writing: Parameters<typeof writeStamped>[2],
): Promise<void> {
  // What comes later for an item must not overtake what is unfinished.
  const unfinishedItems = new Set<string>();
  for (const round of stampedRounds(moving)) {
    const due = round.filter(({ record }) => !unfinishedItems.has(record.keyText));
    await writeStamped(due, outcomes, writing);
    for (const { record } of due)
      if (outcomes[record.position]?.kind === 'unfinished') unfinishedItems.add(record.keyText);
  }
}

/** Of messages and objects, each letter is parsed by itself. */
function atPosition(one: ParsedRecord, position: number): ParsedRecord {
  return one.kind === 'record'
    ? { kind: 'record', record: { ...one.record, position } }
    : { kind: 'malformed', record: { ...one.record, position } };
}

/** By the texts of keys; absent where nothing had to be merged. */
type Merged = ReadonlyMap<string, MergeResult>;

interface Merging {
  readonly stamps: StampedRedrive;
  readonly stop: AbortSignal;
}

async function mergeItems(
  letters: readonly DeadLetter[],
  outcomes: readonly WriteOutcome[],
  { stamps, stop }: Merging,
): Promise<Merged> {
  const { merge, isDryRun = false } = stamps;
  const keys = new Map<string, LedgerRowKey>();
  for (const [at, { parsed }] of letters.entries()) {
    const { key, keyText } = parsed.record;
    // What a dry run has not written would be merged as it was before.
    const isDue = !isDryRun || outcomes[at]?.kind === 'rejected';
    if (key !== undefined && keyText !== undefined && isDue) keys.set(keyText, { key, keyText });
  }
  const results = new Map<string, MergeResult>();
  const work = isDryRun ? decideMergeKey : mergeKey;
  const tasks = [...keys.values()].map((item) => async () => {
    results.set(item.keyText, stop.aborted ? STOPPED : await work(item, merge).catch(rejectedBy));
  });
  await inParallel(tasks, ITEMS_AT_ONCE);
  return results;
}

/** A letter whose item was not merged waits for the next run. */
const STOPPED: MergeResult = { kind: 'unfinished', why: 'stopped', losses: 0 };

/** @throws `error` where not only this item is to blame. */
function rejectedBy(error: unknown): MergeResult {
  const failure = classifyFailure(error);
  if (failure.kind !== 'rejected') throw error;
  return { kind: 'unfinished', why: failure.name, failure, losses: 0 };
}

/** A letter is final once both sides of its item are equal, or on their way. */
function endOf(
  { parsed }: DeadLetter,
  outcome: WriteOutcome | undefined,
  merged: Merged,
): Redriven {
  const { keyText } = parsed.record;
  const result = keyText === undefined ? undefined : merged.get(keyText);
  if (result?.kind === 'undecided') return unfinished(UNDECIDED);
  if (result?.kind === 'unfinished')
    return {
      kind: result.failure?.kind === 'rejected' ? 'rejected' : 'unfinished',
      why: result.why,
    };
  if (outcome === undefined) return unfinished('behind');
  switch (outcome.kind) {
    case 'unfinished':
      return unfinished(outcome.why);
    case 'rejected':
      if (result === undefined)
        return {
          kind: 'rejected',
          why: keyText === undefined ? 'KeyUnknown' : outcome.reason.name,
        };
      return { kind: 'resynchronized', written: writtenBy(result) };
    case 'applied':
      return { kind: 'applied', written: parsed.kind === 'record' ? writeOf(parsed) : 'put' };
    case 'superseded':
      return { kind: 'superseded', written: result === undefined ? 'nothing' : writtenBy(result) };
    case 'coalesced':
    case 'skipped':
    case 'own':
    case 'stray':
      return { kind: outcome.kind };
    // Of other kinds of streams, or not before a letter is written.
    case 'foreign':
    case 'stranded':
    case 'dead-lettered':
      return unfinished('behind');
  }
}

const UNDECIDED = 'undecided: `ferry merge` with --prefer decides which side wins';

function writeOf({ record }: Extract<ParsedRecord, { kind: 'record' }>): 'put' | 'delete' {
  return record.eventName === 'REMOVE' ? 'delete' : 'put';
}

function writtenBy({ kind }: MergeResult): 'put' | 'delete' | 'nothing' {
  if (kind === 'removed') return 'delete';
  return kind === 'copied' || kind === 'stamped' ? 'put' : 'nothing';
}

/** Each item with the end of its records that says most. */
function tell(
  letters: readonly DeadLetter[],
  ends: readonly Redriven[],
  merged: Merged,
  { onItem }: StampedRun,
): void {
  const byItem = new Map<string, { outcome: ItemOutcome; records: number; letter: DeadLetter }>();
  for (const [at, letter] of letters.entries()) {
    const { keyText = '' } = letter.parsed.record;
    const outcome = itemOutcome(ends[at], merged.get(keyText));
    const before = byItem.get(keyText);
    const isMore = before === undefined || RANK[outcome.kind] > RANK[before.outcome.kind];
    byItem.set(keyText, {
      letter,
      outcome: isMore ? outcome : before.outcome,
      records: (before?.records ?? 0) + 1,
    });
  }
  for (const { outcome, records, letter } of byItem.values())
    onItem?.({ key: letter.parsed.record.key ?? {}, outcome, records });
}

const RANK = { superseded: 0, resynchronized: 1, applied: 2, rejected: 3, unfinished: 4 } as const;

function itemOutcome(end: Redriven | undefined, result: MergeResult | undefined): ItemOutcome {
  if (end !== undefined && 'written' in end) return end;
  if (end !== undefined && 'why' in end) return end;
  const written = result === undefined ? 'nothing' : writtenBy(result);
  return { kind: written === 'nothing' ? 'superseded' : 'resynchronized', written };
}
