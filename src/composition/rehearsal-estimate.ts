// About how long a rehearsal on AWS takes, and about what it costs: before anything is created.

import { billOf, linesOf } from '../cost/bill.ts';
import { LISTED } from '../cost/prices.ts';
import { MONTH_DAYS } from '../cost/workload.ts';
import { directionsOf } from '../config/directions.ts';
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
/** With a heartbeat and switching; CloudWatch bills each for the hours in which it is there. */
const ALARMS = 22;
const METRICS = 25;
/** An item, its stamp, and what the ledger has of it: below 1 KB, and twice as much where each write is a transaction. */
const TWIN_UNITS = { checked: 1, strict: 4 };

export function rehearsalEstimate(scratch: ReplicationConfig): RehearsalEstimate {
  const { failures } = planOf({
    hasHeartbeat: scratch.heartbeat !== undefined,
    isSwitched: scratch.switching !== undefined,
  });
  const least = STACK_MINUTES + failures.length * FAILURE_MINUTES;
  const most = failures.reduce((sum, { firesWithin }) => sum + firesWithin, least);
  return { minutes: [least, most], dollars: dollarsOf(scratch, most) };
}

function dollarsOf(scratch: ReplicationConfig, minutes: number): number | undefined {
  const { source, destination, tombstones } = scratch;
  if (LISTED[source.region] === undefined || LISTED[destination.region] === undefined)
    return undefined;
  const writes = WRITES_PER_SECOND * minutes * 60;
  const months = Math.ceil(minutes / 60) / (MONTH_DAYS * 24);
  const directions = directionsOf(scratch).length;
  const lines = linesOf('rehearsal', [
    ['writes of the load', writes, 'millionWriteUnits', source.region],
    ['write units', writes * TWIN_UNITS[tombstones], 'millionWriteUnits', destination.region],
    ['invocations', writes, 'millionFunctionRequests', source.region],
    ['alarms', ALARMS * directions * months, 'alarmMonth', source.region],
    ['metrics', METRICS * directions * months, 'metricMonth', source.region],
  ]);
  const { dollars, unpriced } = billOf(lines, LISTED);
  return unpriced.length === 0 ? dollars : undefined;
}
