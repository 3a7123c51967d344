// `ferry backfill --before-stream`: what it says and does around the copy, and how the stream is started.

import { systemClock } from '../aws/system-clock.ts';
import { openEventSources } from '../composition/event-sources.ts';
import { retriesUntil } from '../composition/pair-work.ts';
import { givenName } from '../config/directions.ts';
import { type Retention, retentionMs, retentionText } from '../config/record-age.ts';
import type { BackfillRun } from '../backfill/checkpoint.ts';
import { duration } from '../text/duration.ts';
import {
  type BeforeStreamContext,
  COPIES_LAND_MS,
  startStream,
} from '../backfill/before-stream.ts';
import { streamLeftMs } from '../backfill/run.ts';
import { type Call, type PairCall, withOpen } from './call.ts';
import type { Io } from './output.ts';

export function withBeforeStream<T>(
  { io, replication, sides, pair, streamArn }: PairCall & { readonly streamArn: string },
  action: (context: BeforeStreamContext) => Promise<T>,
): Promise<T> {
  return withOpen(openEventSources(replication, sides), (sources) =>
    action({
      ...retriesUntil(io.interrupted, io.clock),
      rules: pair.rules,
      twin: pair.twin,
      ledger: pair.ledger,
      mappings: sources?.mappings,
      streamArn,
      retention: replication.source,
    }),
  );
}

/** With less time left, the operator is warned. */
const WARNING_LEFT_MS = 4 * 60 * 60 * 1000;

/** Warns once, before the stream expires the changes since the start of the copy. */
export function timeWarning(io: Io, retention: Retention): (run: BackfillRun) => void {
  const { clock = systemClock } = io;
  let isWarned = false;
  return ({ startedAt }) => {
    const leftMs = streamLeftMs(startedAt, { clock, retention });
    if (isWarned || leftMs > WARNING_LEFT_MS) return;
    isWarned = true;
    io.err(
      `The copy started at ${startedAt}. It must finish within ${duration(Math.max(0, leftMs))}, because the stream keeps changes for ${retentionText(retention)}.`,
    );
  };
}

/** The last step: Lambda reads the stream from its oldest record. */
export async function beginStream(
  run: BackfillRun,
  { io, replication }: Call,
  context: BeforeStreamContext,
): Promise<void> {
  io.err(`Waiting up to ${COPIES_LAND_MS / 1000} s, until no copy can be written anymore.`);
  const enabled = await startStream(run, context);
  if (enabled.length === 0) {
    const untilMs = Date.parse(run.startedAt) + retentionMs(replication.source);
    io.err(
      `${givenName(replication)} has no event source mapping yet. Set "eventSource": {"enabled": true} and deploy before ${new Date(untilMs).toISOString()}. The stream keeps changes for ${retentionText(replication.source)}.`,
    );
    return;
  }
  for (const { id } of enabled) io.err(`The event source mapping ${id} is enabled.`);
  io.err(
    'Set "eventSource": {"enabled": true} in the configuration. Otherwise the next deployment disables the mapping again.',
  );
}
