// Alarms for records that are held, given up or lost, and for deletes that come back.

import { lookAgainSeconds } from '../config/names.ts';
import { servicesAt } from '../config/partition-services.ts';
import { retentionText } from '../config/record-age.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { storesBatches } from '../config/stored-batches.ts';
import { type AlarmDraft, MAXIMUM, metric, own } from './rule.ts';

const HOUR_SECONDS = 3_600;

export function lossAlarms(replication: ReplicationConfig): AlarmDraft[] {
  const { switching, source } = replication;
  const kept = retentionText(source);
  const isStored = storesBatches(replication);
  const place = isStored ? 'bucket' : 'dead-letter queue';
  const ofMapping: AlarmDraft[] = [
    {
      anchor: 'batches-given-up',
      firstStep:
        'Check that the function works again. Then run ferry redrive without --apply. It changes nothing.',
      meaning: isStored
        ? 'Lambda gave up batches, and put them into the on-failure bucket with all their records.'
        : `Lambda gave up batches, and sent pointers to them to the dead-letter queue. Redrive at once: the stream keeps their records for ${kept}.`,
      metric: metric('mapping', 'OnFailureDestinationDeliveredEventCount'),
    },
    {
      anchor: 'batches-lost',
      firstStep: `Restore the permission of the function to write to the ${place}. Then find what the twin lacks with ferry verify.`,
      meaning: 'Lambda dropped records without storing them. Only the source has these changes.',
      metric: metric('mapping', 'DroppedEventCount'),
    },
  ];
  return [
    {
      anchor: 'records-held',
      firstStep:
        'Read the log of the replicate function: batch.held names the reason. Replication does not continue until you act.',
      meaning:
        'Records are held: the control row does not list their stream, or the destination rejects nearly all of them.',
      metric: own('HeldRecords'),
      // A switch holds them for a minute.
      ...(switching && { minutes: 3 }),
    },
    {
      anchor: 'dead-letters',
      firstStep:
        'Run ferry redrive without --apply. It lists the reasons and changes nothing. Do not move the messages by hand.',
      meaning: isStored
        ? 'Records that the destination rejects in every attempt wait in the dead-letter queue.'
        : `Records that the destination rejects, or pointers to batches that Lambda gave up, wait in the dead-letter queue. Redrive at once: the stream keeps the records of such a batch for ${kept}.`,
      metric: metric('dead-letter queue', 'ApproximateNumberOfMessagesVisible', MAXIMUM),
    },
    ...(servicesAt(source.region).mappingMetrics ? ofMapping : []),
    {
      anchor: 'deliveries-failed',
      firstStep: `Restore the permission of the function to write to the ${place}. Then find what the twin lacks with ferry verify.`,
      meaning: isStored
        ? 'Lambda could not put a batch that it gave up into the on-failure bucket.'
        : 'Lambda could not send the pointer to a batch that it gave up to the dead-letter queue.',
      metric: metric('function', 'DestinationDeliveryFailures'),
      runbook: 'batches-lost',
    },
  ];
}

/** With "checked" tombstones. */
export function lookAgainAlarms({
  tombstones,
  function: { timeoutSeconds },
}: ReplicationConfig): AlarmDraft[] {
  if (tombstones !== 'checked') return [];
  return [
    {
      anchor: 'revenants',
      firstStep:
        'Do nothing if it happens once. If it happens again, look for crashes, timeouts and throttling of the function.',
      meaning: 'Deleted items came back to the twin, and Ferry deleted them again.',
      metric: own('Revenants'),
    },
    {
      anchor: 'look-again-age',
      firstStep:
        'Check that the event source mapping of the look-again function is enabled. Do not purge its queue.',
      meaning: 'Deletes have not been looked at again for an hour. Readers may see deleted items.',
      metric: metric('look-again queue', 'ApproximateAgeOfOldestMessage', MAXIMUM),
      threshold: lookAgainSeconds(timeoutSeconds) + HOUR_SECONDS,
    },
    {
      // SQS leaves a message out of the age above once it has been received three times.
      anchor: 'look-again-failing',
      firstStep:
        'Read the log of the look-again function: look-again.failed names the reason. Do not purge its queue.',
      meaning:
        'Deletes could not be looked at again for most of an hour. Readers may see deleted items.',
      metric: metric('look-again mapping', 'FailedInvokeEventCount'),
      // A message that fails comes back every six minutes.
      minutes: 8,
      periods: 60,
      runbook: 'look-again-age',
    },
  ];
}
