// `ferry backfill --before-stream`: what it says and does around the copy, and how the stream is started.

import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { openEventSources } from '../composition/event-sources.ts';
import type { TablePair } from '../composition/table-pair.ts';
import type { ReplicationConfig } from '../config/config.ts';
import type { BackfillRun } from '../backfill/checkpoint.ts';
import { duration } from '../text/duration.ts';
import {
  type BeforeStreamContext,
  COPIES_LAND_MS,
  startStream,
  streamLeftMs,
} from '../backfill/before-stream.ts';
import type { Io } from './output.ts';

interface Call {
  readonly io: Io;
  readonly replication: ReplicationConfig;
  readonly pair: TablePair;
  readonly streamArn: string;
}

export async function withBeforeStream<T>(
  { io, replication, pair, streamArn }: Call,
  action: (context: BeforeStreamContext) => Promise<T>,
): Promise<T> {
  const sources = await openEventSources(replication);
  try {
    return await action({
      clock: io.clock ?? systemClock,
      random: systemRandom,
      stop: io.interrupted,
      rules: pair.rules,
      twin: pair.twin,
      ledger: pair.ledger,
      mappings: sources?.mappings,
      streamArn,
    });
  } finally {
    sources?.close();
  }
}

/** With less time left, the copy had better come to its end. */
const WARNING_LEFT_MS = 4 * 60 * 60 * 1000;

/** Warns once, when the stream is about to forget what has changed since the copy began. */
export function timeWarning(io: Io): (run: BackfillRun) => void {
  let isSaid = false;
  return ({ startedAt }) => {
    const leftMs = streamLeftMs(startedAt, (io.clock ?? systemClock).now());
    if (isSaid || leftMs > WARNING_LEFT_MS) return;
    isSaid = true;
    io.err(
      `The copy began at ${startedAt}. It must end within ${duration(Math.max(0, leftMs))}: the stream keeps changes for 24 hours.`,
    );
  };
}

/** The last step: the stream is applied from its oldest record on. */
export async function beginStream(
  run: BackfillRun,
  { io, replication }: Call,
  context: BeforeStreamContext,
): Promise<void> {
  io.err(`Waiting up to ${COPIES_LAND_MS / 1000} s, until no copy can land any more.`);
  const enabled = await startStream(run, context);
  if (enabled.length === 0) {
    const until = new Date(Date.parse(run.startedAt) + 24 * 60 * 60 * 1000).toISOString();
    io.err(
      `${replication.name} has no event source mapping yet. Set "eventSource": {"enabled": true} and deploy before ${until}: the stream keeps changes for 24 hours.`,
    );
    return;
  }
  for (const { id } of enabled) io.err(`The event source mapping ${id} is enabled.`);
  io.err(
    'Set "eventSource": {"enabled": true} in the configuration, or the next deployment disables the mapping again.',
  );
}
