// Deletes that this batch has done -> the queue from which they are looked at again. A delete that is not
// announced is not done: it stays in the stream.

import { TAIL_TIME_MS } from '../config/names.ts';
import { type AnnouncedDelete, announcementBodies } from '../model/announcement.ts';
import type { DestinationHealth } from './destination-health.ts';
import type { UnfinishedWhy } from '../model/outcome.ts';
import { classifyFailure } from '../model/write-failure.ts';
import type { WriteRules } from '../model/rules.ts';
import type { LookAgainQueue } from '../ports.ts';
import { inParallel } from '../pacing/in-parallel.ts';

export interface AnnounceContext {
  readonly rules: Pick<WriteRules, 'replication' | 'tombstones'>;
  readonly lookAgain: LookAgainQueue;
  readonly remainingMs: () => number;
  readonly health: DestinationHealth;
}

const MESSAGES_AT_ONCE = 16;

/** @returns why they are not announced, all of them; undefined once they are. Never rejects. */
export async function announceDeletes(
  deletes: readonly AnnouncedDelete[],
  epoch: number,
  { rules, lookAgain, remainingMs, health }: AnnounceContext,
): Promise<UnfinishedWhy | undefined> {
  const { replication, tombstones } = rules;
  if (tombstones === 'strict' || deletes.length === 0) return undefined;
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
