// Announcements that have waited long enough -> the twin without the deleted items that have come back. What
// cannot be finished stays in the queue.

import {
  type Announcement,
  type AnnouncedDelete,
  parseAnnouncement,
} from '../model/announcement.ts';
import { TAIL_TIME_MS } from '../config/names.ts';
import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import { destinationHealth } from '../replicate/destination-health.ts';
import {
  lookRequest,
  newestDeletes,
  type Revenant,
  revenantDelete,
  revenantsAmong,
} from './decide.ts';
import { BATCH_KEYS_MAX } from '../model/read-request.ts';
import { classifyFailure } from '../model/write-failure.ts';
import type { WriteRules } from '../model/rules.ts';
import { namedError } from '../errors.ts';
import type { Clock, TwinReader, TwinWriter, Item, Log, Random } from '../ports.ts';
import { readControl } from '../replicate/first-adoption.ts';
import { type Lease, leasedWriter } from '../replicate/lease.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { repliesTo, retryInTime, TRIES_IN_TIME_MAX } from '../pacing/retry.ts';
import { send, type SendContext } from '../replicate/send.ts';

export interface LookAgainContext {
  readonly rules: WriteRules;
  readonly twinReader: TwinReader;
  readonly twinWriter: TwinWriter;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds until Lambda ends the invocation. */
  readonly remainingMs: () => number;
  readonly log: Log;
  /** Of a replication that can be switched. */
  readonly lease?: Lease | undefined;
}

export interface Announced {
  readonly messageId: string;
  readonly body: string;
}

export interface LookAgainReport {
  /** Ids of the messages that must come back. */
  readonly failed: readonly string[];
  /** Deletes that were looked at. */
  readonly looked: number;
  /** Deleted items that had come back, and are gone again. */
  readonly revenants: number;
  /** Messages of an epoch that has ended, or of another replication. */
  readonly dropped: number;
}

/** One message after the other would be a hundred keys for each round trip to the twin. */
const MESSAGES_AT_ONCE = 4;
const DELETES_AT_ONCE = 16;
/** With less time left, nothing is begun. */
const leastMs = TAIL_TIME_MS;

/** Never rejects: a message that could not be dealt with is among `failed`. */
export async function lookAgain(
  messages: readonly Announced[],
  context: LookAgainContext,
): Promise<LookAgainReport> {
  const report = { failed: [] as string[], looked: 0, revenants: 0, dropped: 0 };
  const epoch = await currentEpoch(context);
  const leased = underLease(epoch, context);
  const tasks = messages.map(({ messageId, body }) => async () => {
    const end = await lookAtOne(parseAnnouncement(body), epoch, leased);
    report.revenants += end.revenants;
    if (end.kind === 'looked') report.looked += end.looked;
    else context.log({ event: `look-again.${end.kind}`, why: end.why });
    if (end.kind === 'failed') report.failed.push(messageId);
    if (end.kind === 'dropped') report.dropped += 1;
  });
  await inParallel(tasks, MESSAGES_AT_ONCE);
  return report;
}

type CurrentEpoch =
  | { readonly kind: 'known'; readonly n: number }
  | { readonly kind: 'unknown'; readonly why: string };

async function currentEpoch(context: LookAgainContext): Promise<CurrentEpoch> {
  if (context.lease !== undefined) {
    const { consent } = await context.lease.look();
    return consent.kind === 'open'
      ? epochOf(consent.own, context)
      : { kind: 'unknown', why: consent.why };
  }
  try {
    const found = await retryInTime(() => readControl(context.rules, context.twinReader), {
      ...context,
      leastMs,
    });
    if (found.kind === 'row') return epochOf(found.row, context);
    return { kind: 'unknown', why: `the control row is ${found.kind}` };
  } catch (error) {
    return { kind: 'unknown', why: `the control row: ${classifyFailure(error).name}` };
  }
}

/** No version would be found under another attribute, and the deletes would be lost. */
function epochOf(row: ControlRow, { rules }: LookAgainContext): CurrentEpoch {
  if (row.reserved !== rules.reservedAttribute)
    return { kind: 'unknown', why: 'the control row names another reserved attribute' };
  return { kind: 'known', n: newestEpoch(row).n };
}

function underLease(epoch: CurrentEpoch, context: LookAgainContext): LookAgainContext {
  const { lease, twinWriter } = context;
  if (lease === undefined || epoch.kind === 'unknown') return context;
  return { ...context, twinWriter: leasedWriter(twinWriter, lease.permit(epoch.n)) };
}

type End = { readonly revenants: number } & (
  | { readonly kind: 'looked'; readonly looked: number }
  | { readonly kind: 'dropped' | 'failed'; readonly why: string }
);

async function lookAtOne(
  announcement: Announcement | undefined,
  epoch: CurrentEpoch,
  context: LookAgainContext,
): Promise<End> {
  const unlooked = (kind: 'dropped' | 'failed', why: string) => ({ kind, why, revenants: 0 });
  if (announcement === undefined)
    return unlooked('failed', 'the message is not an announcement that this release reads');
  if (announcement.replication !== context.rules.replication)
    return unlooked('dropped', 'it belongs to another replication');
  if (epoch.kind === 'unknown') return unlooked('failed', epoch.why);
  if (announcement.epoch < epoch.n) return unlooked('dropped', 'its epoch has ended');
  // The row is older than the message: it was restored, or written by hand.
  if (announcement.epoch > epoch.n)
    return unlooked('failed', 'the control row does not know its epoch');
  const removed = { count: 0 };
  try {
    await removeRevenants(announcement.deletes, context, removed);
    return { kind: 'looked', looked: announcement.deletes.length, revenants: removed.count };
  } catch (error) {
    return { kind: 'failed', why: classifyFailure(error).name, revenants: removed.count };
  }
}

async function removeRevenants(
  announced: readonly AnnouncedDelete[],
  context: LookAgainContext,
  removed: { count: number },
): Promise<void> {
  const deletes = newestDeletes(announced);
  const keys = [...deletes.values()].map(({ key }) => key);
  for (let from = 0; from < keys.length; from += BATCH_KEYS_MAX) {
    const items = await readAll(keys.slice(from, from + BATCH_KEYS_MAX), context);
    const revenants = revenantsAmong(items, deletes, context.rules);
    // A delete that lands late does no harm.
    const sending = { ...context, health: destinationHealth(), leastMs };
    const tasks = revenants.map((one) => () => remove(one, sending, removed));
    await inParallel(tasks, DELETES_AT_ONCE);
  }
}

async function readAll(keys: readonly Item[], context: LookAgainContext): Promise<Item[]> {
  const read = (open: readonly Item[]) => {
    const request = lookRequest(open, context.rules);
    return retryInTime(() => context.twinReader.read(request), { ...context, leastMs });
  };
  const found: Item[] = [];
  for await (const { items } of repliesTo(keys, read, { ...context, triesMax: TRIES_IN_TIME_MAX }))
    found.push(...items);
  return found;
}

async function remove(
  revenant: Revenant,
  context: LookAgainContext & SendContext,
  removed: { count: number },
): Promise<void> {
  const result = await send(revenantDelete(revenant, context.rules), context);
  // Refused: another process was faster, or the item has been written anew.
  if (result.kind === 'refused') return;
  if (result.kind === 'failed') throw namedError(result.failure.name);
  if (result.kind !== 'written') throw namedError(result.kind);
  removed.count += 1;
}
