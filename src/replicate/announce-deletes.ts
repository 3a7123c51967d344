// Deletes that this batch has done -> the queue from which they are looked at again. A delete that is not
// announced is not done: it stays in the stream.

import { TAIL_TIME_MS } from '../config/names.ts';
import { type AnnouncedDelete, announcementBodies } from '../model/announcement.ts';
import type { DestinationHealth } from './destination-health.ts';
import type { UnfinishedWhy } from '../model/outcome.ts';
import { classifyFailure } from '../model/write-failure.ts';
import type { WriteRules } from '../model/rules.ts';
import type { StreamRecord } from '../model/stream-record.ts';
import type { LookAgainQueue } from '../ports.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import type { WriteOutcome } from './apply-lane.ts';
import type { BatchRecord } from './control-keeper.ts';

export interface AnnounceContext {
  readonly rules: Pick<WriteRules, 'replication' | 'tombstones'>;
  readonly lookAgain: LookAgainQueue;
  readonly remainingMs: () => number;
  readonly health: DestinationHealth;
}

const MESSAGES_AT_ONCE = 16;

/**
 * Announces the deletes of a batch that will not come again; those that come again are announced then. Never rejects.
 * @returns what became of its records.
 */
export async function announceBatch(
  records: readonly BatchRecord[],
  outcomes: readonly WriteOutcome[],
  epoch: number,
  context: AnnounceContext,
): Promise<WriteOutcome[]> {
  const lowest = outcomes.findIndex(({ kind }) => kind === 'unfinished');
  const deletes = records.flatMap(({ kind, record }, position): AnnouncedDelete[] => {
    const isDone = lowest < 0 || position < lowest;
    return isDone && kind === 'record' && isDelete(record, outcomes[position]) ? [record] : [];
  });
  const obstacle = await announceDeletes(deletes, epoch, context);
  if (obstacle === undefined) return [...outcomes];
  const undone = new Set<object>(deletes);
  return outcomes.map((outcome, position) =>
    undone.has(records[position]?.record ?? {}) ? { kind: 'unfinished', why: obstacle } : outcome,
  );
}

/** Done by this invocation, whether or not its item was there. */
function isDelete(record: StreamRecord, outcome: WriteOutcome | undefined): boolean {
  return (
    record.eventName === 'REMOVE' && (outcome?.kind === 'applied' || outcome?.kind === 'superseded')
  );
}

/** @returns why they are not announced, all of them; undefined once they are. Never rejects. */
export async function announceDeletes(
  deletes: readonly AnnouncedDelete[],
  epoch: number,
  { rules, lookAgain, remainingMs, health }: AnnounceContext,
): Promise<UnfinishedWhy | undefined> {
  const { replication, tombstones } = rules;
  if (tombstones !== 'checked' || deletes.length === 0) return undefined;
  let isLate = false;
  const tasks = announcementBodies({ replication, epoch, deletes }).map((body) => async () => {
    isLate ||= remainingMs() < TAIL_TIME_MS;
    if (!isLate) await lookAgain.announce(body);
  });
  try {
    await inParallel(tasks, MESSAGES_AT_ONCE);
    return isLate ? 'deadline' : undefined;
  } catch (error) {
    const { kind, name } = classifyFailure(error);
    health.noteError(`look-again queue: ${name}`);
    return kind;
  }
}
