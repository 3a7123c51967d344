// The status of a replication that a process carries, without a deployed function.

import { protectionOf } from '../composition/protection.ts';
import { readProcess } from '../composition/read-process.ts';
import type { Sides } from '../aws/access.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { Clock } from '../ports.ts';
import { type ProcessVitals, processVerdict } from '../status/process.ts';
import { utcTime } from '../status/pause.ts';
import { duration } from '../text/duration.ts';
import type { RemarkRow } from './rows.ts';
import type { Status } from './status-figures.ts';

/** @returns undefined where no process has ever carried it. */
export async function processStatus(
  replication: ReplicationConfig,
  sides: Sides,
  clock: Clock,
): Promise<Status | undefined> {
  const process = await readProcess(replication, sides, clock);
  if (process === undefined) return undefined;
  const { nowMs, paused } = process;
  const protection = await protectionOf(sides.destination, replication.destination.table);
  const nothing = { own: {}, services: {}, latency: { p50: [], p90: [], p99: [] } };
  const vitals = {
    ...nothing,
    nowMs,
    paused,
    protection,
    mapping: undefined,
    deadLetters: 0,
    streamArn: undefined,
  };
  return { replication, vitals, verdict: processVerdict(process), process };
}

export function processRows({ lease, renewedAfterMs, oldest, nowMs }: ProcessVitals): RemarkRow[] {
  const { holder, fence, released } = lease;
  const held = renewedAfterMs === undefined ? 'not renewed' : 'renewed';
  return [
    ['process', holder],
    ['lease', released ? 'released' : held, `fence ${fence}`],
    [
      'oldest position',
      oldest === undefined ? '-' : `${utcTime(oldest.atMs)}, ${duration(nowMs - oldest.atMs)} ago`,
      oldest?.shardId ?? '',
    ],
  ];
}

/** For scripts. Fields are added, never renamed. */
export function processFacts(process: ProcessVitals | undefined) {
  if (process === undefined) return null;
  const { lease, renewedAfterMs, oldest } = process;
  const { holder, fence, released } = lease;
  const isRenewed = renewedAfterMs !== undefined;
  const settledUntil = oldest === undefined ? null : utcTime(oldest.atMs);
  return { holder, fence, released, isRenewed, settledUntil, shardId: oldest?.shardId ?? null };
}
