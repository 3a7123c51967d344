// One direction of a replication, as a switch works on it: writes under a lease, letters, bucket and look-again queue.

import { objectClient, s3Objects } from '../aws/s3-objects.ts';
import { queueClient, sqsMessages } from '../aws/sqs-messages.ts';
import { readStreamRange, streamsClient } from '../aws/stream-ranges.ts';
import { deployedSettings } from '../aws/deployed-function.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import type { Sides } from '../aws/access.ts';
import { dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { namingFailures } from '../aws/named-failures.ts';
import { systemMonotonicMs } from '../aws/system-clock.ts';
import { unfinishedBackfill } from '../backfill/run.ts';
import { handlerSettings } from '../config/handler-settings.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { FerryError } from '../errors.ts';
import { newestEpoch } from '../model/control-row.ts';
import type { RetryContext } from '../pacing/retry.ts';
import type { LookAgainQueue, TwinWriter } from '../ports.ts';
import type { RedriveContext } from '../redrive/context.ts';
import { waitingLetters } from '../redrive/open-letters.ts';
import { ConcurrencyLimit } from '../replicate/concurrency-limit.ts';
import { destinationHealth } from '../replicate/destination-health.ts';
import { readControl } from '../replicate/first-adoption.ts';
import { type Lease, leasedWriter, LeaseLost, switchLease } from '../replicate/lease.ts';
import type { SwitchDirection, SwitchSide } from '../switching/ports.ts';
import { openLookAgain } from './look-again.ts';
import { NO_QUEUE } from './redrive-context.ts';
import { heartbeatKeyText } from './write-rules.ts';

export interface DirectionSetup extends RetryContext {
  readonly direction: ReplicationConfig;
  /** Of the direction. */
  readonly sides: Sides;
  readonly source: SwitchSide;
  readonly destination: SwitchSide;
  /** The Region of its source is lost: it is not asked for what is deployed there. */
  readonly isLost: boolean;
}

export interface OpenDirection extends SwitchDirection {
  close(): void;
}

export async function openSwitchDirection(setup: DirectionSetup): Promise<OpenDirection> {
  const { direction, sides, source, destination, isLost, ...retries } = setup;
  const places = isLost ? NOT_ASKED : await deployedSettings(sides.source, direction.name);
  const { streamArn } = source;
  const rules = {
    ...handlerSettings(direction, { ...places, streamArn }),
    projection: undefined,
    // Both sides have a heartbeat of their own: it is no write of an application.
    heartbeatKeyText: heartbeatKeyText(direction),
  };
  const { deadLetterQueueUrl: queueUrl, onFailureBucket, concurrency } = rules;
  const writer = namingFailures(writeClient({ ...sides.destination, concurrency }));
  const streams = streamsClient(sides.source);
  const objects = objectClient(serviceSettings(sides.source, 's3'));
  const messages = isLost
    ? undefined
    : queueClient({ ...serviceSettings(sides.source, 'sqs'), queueUrl });
  const twinWriter = leasedInEpoch(dynamoDbTwinWriter(writer), leaseOf(setup), source.region);
  const lookAgain = isLost ? unannounced(direction) : await lookAgainOf(setup, places);
  const bucket = s3Objects(objects, onFailureBucket);
  // Beside a source that nothing has switched yet, the copy may be missing.
  const control = async () => {
    for (const { rules: beside, reader, region } of [source, destination]) {
      const found = await readControl(beside, reader);
      if (found.kind === 'row') return found.row;
      if (found.kind === 'unreadable') throw unreadable(region);
    }
    throw unreadable(source.region);
  };
  const context = async (): Promise<RedriveContext> => ({
    ...retries,
    rules,
    control: await control(),
    readControl: control,
    withoutSource: false,
    source: source.table,
    twin: destination.table,
    ledger: destination.ledger,
    twinWriter,
    lookAgain,
    queue: messages === undefined ? NO_QUEUE : sqsMessages(messages, queueUrl),
    bucket,
    readRange: (range) => readStreamRange(streams, range),
    health: destinationHealth(),
    limit: new ConcurrencyLimit(concurrency),
    remainingMs: () => Infinity,
  });
  return {
    rules,
    twinWriter,
    lookAgain,
    bucket,
    letters: { read: async () => waitingLetters(await context(), retries.stop) },
    unfinishedBackfill: async () =>
      (await unfinishedBackfill({ rules, ledger: destination.ledger, ...retries })) !== undefined,
    close() {
      for (const client of [writer, streams, objects, messages]) client?.destroy();
    },
  };
}

const NOT_ASKED = { deadLetterQueueUrl: '', onFailureBucket: 'lost', lookAgainQueueUrl: undefined };

/** A missing queue is found out here, and not in the middle of a switch. */
function lookAgainOf(
  { direction, sides }: DirectionSetup,
  { lookAgainQueueUrl: queueUrl }: { readonly lookAgainQueueUrl?: string | undefined },
): Promise<LookAgainQueue> {
  return openLookAgain({ replication: direction, sides, queueUrl, apply: true });
}

function unannounced({ name, source }: ReplicationConfig): LookAgainQueue {
  return {
    announce: async () => {
      throw new FerryError(
        `The look-again queue of ${name} is in ${source.region}, which is lost.`,
        {
          code: 'switching.lost',
          hint: 'Run `ferry rejoin` when the Region is back.',
        },
      );
    },
  };
}

function leaseOf({ source, destination, clock }: DirectionSetup): Lease {
  const copies = { source, destination };
  return switchLease({ copies, region: source.region, clock, monotonicMs: systemMonotonicMs });
}

/** All writes of a switch in one direction belong to one epoch: that of the first. */
function leasedInEpoch(writer: TwinWriter, lease: Lease, region: string): TwinWriter {
  let leased: TwinWriter | undefined;
  return {
    async write(request) {
      if (leased === undefined) {
        const { consent } = await lease.look();
        if (consent.kind === 'held') throw new LeaseLost(consent.why);
        if (consent.epoch.region !== region)
          throw new LeaseLost(`${consent.epoch.region} is active`);
        leased = leasedWriter(writer, lease.permit(newestEpoch(consent.own).n));
      }
      return leased.write(request);
    },
  };
}

function unreadable(region: string): FerryError {
  return new FerryError(`The control row in ${region} cannot be read.`, {
    code: 'control.unreadable',
    hint: 'Run `ferry adopt`, which writes both copies, or use the release that wrote it.',
  });
}
