// The function's copy of the control row: says whether the streams of a batch may write now, reads the row
// again when its copy is old or does not know a stream, and writes the first one.

import { ANSWER_MARGIN_MS, HELD_ANSWER_MS, REQUEST_TIMEOUT_MS } from '../config/names.ts';
import {
  type ControlRow,
  type FoundControl,
  newestEpoch,
  seriesIn,
  standingOf,
} from '../model/control-row.ts';
import type { SeriesOf } from '../model/guard.ts';
import type { Outcome } from '../model/outcome.ts';
import type { MalformedRecord, ParsedRecord, StreamRecord } from '../model/stream-record.ts';
import { classifyFailure, retryDelayMs, type WriteFailure } from '../model/write-failure.ts';
import { namedError } from '../errors.ts';
import type { StreamRules } from '../model/rules.ts';
import type { Clock, TwinReader, TwinWriter, Log, Random } from '../ports.ts';
import type { DestinationHealth } from './destination-health.ts';
import { adoptFirst, readControl } from './first-adoption.ts';

export interface ControlContext {
  readonly rules: StreamRules;
  readonly twinReader: TwinReader;
  readonly twinWriter: TwinWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Whether a batch may be applied. */
export type Admission =
  | {
      readonly kind: 'admitted';
      readonly row: ControlRow;
      readonly seriesOf: SeriesOf;
      /** Of a replication that can be switched: not every record is to be written. */
      readonly switched?: SwitchedBatch;
    }
  | {
      readonly kind: 'held';
      readonly why: string;
      /** Where the row could not be read: the destination is to blame, and not what the row says. */
      readonly failure?: WriteFailure | undefined;
      /** Of a replication that can be switched: there is an alarm on it. */
      readonly isUnreadable?: boolean;
    };

/** A batch of a replication that can be switched. */
interface SwitchedBatch {
  /** Its writes need the lease. */
  readonly twinWriter: TwinWriter;
  /** Settles what is not to be written. Never rejects. */
  settle(parsed: readonly ParsedRecord[], batch: DeliveredBatch): Promise<SettledRecords>;
}

export interface DeliveredBatch {
  /** As Lambda delivered them. */
  readonly raw: readonly unknown[];
  readonly health: DestinationHealth;
  readonly remainingMs: () => number;
}

/** A record whose end is known before anything is written. */
export interface SettledRecord {
  readonly kind: 'settled';
  readonly record: StreamRecord | (Omit<MalformedRecord, 'reason'> & Partial<MalformedRecord>);
  readonly outcome: Outcome;
}

export type BatchRecord = ParsedRecord | SettledRecord;

export interface SettledRecords {
  readonly records: readonly BatchRecord[];
  readonly isHeld: boolean;
  /** Held, because a copy of the control row could not be read. */
  readonly isUnreadable: boolean;
}

export interface ControlKeeper {
  /**
   * Never rejects.
   * @param remainingMs tells how much of the invocation's time is left.
   */
  admit(streamArns: ReadonlySet<string>, remainingMs: () => number): Promise<Admission>;
}

/** Deletes are looked at again later than this, so no process writes under a row that was replaced. */
const COPY_LIFE_MS = 60_000;
/** An unknown stream does not cost a read for each of its batches. */
const REREAD_MS_MIN = 2_000;
/** Looking for what Ferry has written reads a page of the twin. */
const ADOPTION_MS_MIN = 60_000;
const TRIES_MAX = 3;

/** A request, the pause before the answer of a batch that is held back, and that answer. */
const REQUEST_TIME_MS = REQUEST_TIMEOUT_MS + HELD_ANSWER_MS + ANSWER_MARGIN_MS;

interface Copy {
  readonly found: FoundControl;
  readonly seriesOf: SeriesOf;
  readonly readAtMs: number;
}

export function controlKeeper(context: ControlContext): ControlKeeper {
  const { clock, rules } = context;
  const adoption: Adoption = { triedAtMs: -Infinity };
  let copy: Copy | undefined;
  const admits = (one: Copy, streamArns: ReadonlySet<string>) =>
    judge(one.found, streamArns, rules).kind === 'admitted';
  return {
    async admit(streamArns, remainingMs) {
      const nowMs = clock.now();
      if (copy !== undefined) {
        const lifeMs = admits(copy, streamArns) ? COPY_LIFE_MS : REREAD_MS_MIN;
        if (!isWithin(copy.readAtMs, lifeMs, nowMs)) copy = undefined;
      }
      const read = copy ?? (await freshCopy(inTime(context, remainingMs), adoption));
      if ('kind' in read)
        return { kind: 'held', why: 'the control row cannot be read', failure: read };
      copy = read;
      const verdict = judge(copy.found, streamArns, rules);
      return verdict.kind === 'held' ? verdict : { ...verdict, seriesOf: copy.seriesOf };
    },
  };
}

/** A clock that was set back says nothing of an age. */
function isWithin(sinceMs: number, ms: number, nowMs: number): boolean {
  return nowMs >= sinceMs && nowMs - sinceMs <= ms;
}

/** When a first adoption was tried last. */
interface Adoption {
  triedAtMs: number;
}

/** A first adoption is many requests: if each is slow, the invocation must still end in time. */
function inTime(context: ControlContext, remainingMs: () => number): ControlContext {
  const { twinReader, twinWriter } = context;
  const begin = async <T>(request: () => Promise<T>): Promise<T> => {
    if (remainingMs() < REQUEST_TIME_MS) throw namedError('OutOfTime');
    return request();
  };
  return {
    ...context,
    twinReader: {
      read: (request) => begin(() => twinReader.read(request)),
      tableId: (table) => begin(() => twinReader.tableId(table)),
    },
    twinWriter: { write: (request) => begin(() => twinWriter.write(request)) },
  };
}

async function freshCopy(
  context: ControlContext,
  adoption: Adoption,
): Promise<Copy | WriteFailure> {
  const { rules, clock, random, log } = context;
  for (let attempt = 1; ; attempt += 1) {
    const readAtMs = clock.now();
    try {
      let found = await readControl(rules, context.twinReader);
      const mayAdopt = !isWithin(adoption.triedAtMs, ADOPTION_MS_MIN, clock.now());
      if (found.kind === 'missing' && mayAdopt) {
        found = await adoptOwn(context);
        // Only now: where a request failed, the next batch may look again at once.
        adoption.triedAtMs = clock.now();
      }
      const seriesOf = found.kind === 'row' ? seriesIn(found.row) : () => undefined;
      return { found, seriesOf, readAtMs };
    } catch (error) {
      const failure = classifyFailure(error);
      log({ event: 'control.unreadable', error: failure.name });
      if (failure.kind !== 'throttled' || attempt === TRIES_MAX) return failure;
      await clock.sleep(retryDelayMs(attempt, random.next()));
    }
  }
}

async function adoptOwn(context: ControlContext): Promise<FoundControl> {
  const { rules, clock, random, log } = context;
  const { streamArn } = rules;
  if (streamArn === undefined) return { kind: 'missing' };
  const tag = `function-${Math.floor(random.next() * 2 ** 48).toString(16)}`;
  const found = await adoptFirst({ rules, streamArn, tag, nowMs: clock.now() }, context);
  log({ event: found.kind === 'row' ? 'control.adopted' : 'control.not-adopted' });
  return found;
}

type Verdict =
  | { readonly kind: 'admitted'; readonly row: ControlRow }
  | { readonly kind: 'held'; readonly why: string };

function judge(
  found: FoundControl,
  streamArns: ReadonlySet<string>,
  { reservedAttribute, twoWay }: StreamRules,
): Verdict {
  if (found.kind === 'missing')
    return {
      kind: 'held',
      why: 'there is no control row, and the twin has been written to before: it takes ferry adopt',
    };
  if (found.kind === 'unreadable')
    return { kind: 'held', why: `the control row: ${found.problem}` };
  const { row } = found;
  if (row.reserved !== reservedAttribute)
    return { kind: 'held', why: 'the control row names another reserved attribute' };
  // A deployment may enable the mapping of a paused replication; only `ferry resume` ends the pause.
  if (row.paused !== undefined) return { kind: 'held', why: 'the replication is paused' };
  const { n } = newestEpoch(row);
  if (twoWay !== undefined && n !== twoWay.epoch)
    return {
      kind: 'held',
      why: `the control row has epoch ${n}, and the configuration epoch ${twoWay.epoch}`,
    };
  for (const streamArn of streamArns) {
    const { kind } = standingOf(streamArn, row);
    if (kind === 'ended') return { kind: 'held', why: 'the epoch of the stream has ended' };
    if (kind === 'unknown')
      return { kind: 'held', why: 'the control row does not know the stream' };
  }
  return { kind: 'admitted', row };
}
