// About how long a rehearsal on AWS takes, and about what it costs: before anything is created.

import { billOf, linesOf } from '../cost/bill.ts';
import { replicationLines } from '../cost/estimate.ts';
import { LISTED } from '../cost/prices.ts';
import { SECONDS_A_MONTH } from '../cost/workload.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { planOf } from '../rehearsal/failures.ts';
import { WRITES_PER_SECOND } from './rehearsal-place.ts';

export interface RehearsalEstimate {
  /** Where alarms fire as soon as they can, and where they need all of their time. */
  readonly minutes: readonly [least: number, most: number];
  /** Of the longest one; undefined where Ferry does not know the prices of a Region. */
  readonly dollars: number | undefined;
}

/** Of stacks: created, and deleted. */
const STACK_MINUTES = 12;
/** Until an alarm fires, the status shows it, and the replication has healed. */
const FAILURE_MINUTES = 6;
/** A few small items, again and again. */
const WORKLOAD = {
  writesPerSecond: WRITES_PER_SECOND,
  itemBytes: 100,
  updateShare: 1,
  deleteShare: 0,
  items: 50,
};
const ROUND_TRIP_MS = 100;

export function rehearsalEstimate(scratch: ReplicationConfig): RehearsalEstimate {
  const { failures } = planOf({
    hasHeartbeat: scratch.heartbeat !== undefined,
    isSwitched: scratch.switching !== undefined,
  });
  const least = STACK_MINUTES + failures.length * FAILURE_MINUTES;
  const most = failures.reduce((sum, { firesWithin }) => sum + firesWithin, least);
  return { minutes: [least, most], dollars: dollarsOf(scratch, most) };
}

/** What `ferry cost` says of its tables, and the load itself. CloudWatch bills whole hours. */
function dollarsOf(replication: ReplicationConfig, minutes: number): number | undefined {
  const { source, destination } = replication;
  if (LISTED[source.region] === undefined || LISTED[destination.region] === undefined)
    return undefined;
  const setting = { replication, workload: WORKLOAD, roundTripMs: ROUND_TRIP_MS, byProcess: false };
  const writes = WRITES_PER_SECOND * SECONDS_A_MONTH;
  const load = linesOf('load', [['write units', writes, 'millionWriteUnits', source.region]]);
  const { dollars, unpriced } = billOf([...replicationLines(setting), ...load], LISTED);
  const seconds = Math.ceil(minutes / 60) * 3_600;
  return unpriced.length === 0 ? (dollars * seconds) / SECONDS_A_MONTH : undefined;
}
