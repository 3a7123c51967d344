// Where a process keeps what does not reach the twin: a folder of its own, a queue and a bucket that are named, or those
// of a deployment.

import type { Access } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { deployedSettings, ifDeployed } from '../aws/deployed-function.ts';
import { objectClient, s3Objects } from '../aws/s3-objects.ts';
import { sqsDeadLetters } from '../aws/sqs-dead-letters.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import type { Clock, DeadLetterQueue, ObjectStore } from '../ports.ts';
import { createLettersFolder } from '../run/letters-folder.ts';
import { type OnFailureDocument, onFailureObjectKey } from '../stream/on-failure-document.ts';

export interface LetterOptions {
  /** A folder. */
  readonly letters?: string | undefined;
  readonly queueUrl?: string | undefined;
  readonly bucket?: string | undefined;
}

export interface RunPlaces {
  readonly deadLetters: DeadLetterQueue;
  /** Keeps a batch that is given up, where a redrive finds it. */
  keep(document: OnFailureDocument): Promise<void>;
  close(): void;
}

/** Letters that are sent at the same time. */
const LETTERS_AT_ONCE = 50;

/** @throws UsageError `run.letters` where there is no place, or FerryError `letters.unusable`. */
export async function openRunPlaces(
  replication: ReplicationConfig,
  source: Access,
  { letters, clock, ...options }: LetterOptions & { readonly clock: Clock },
): Promise<RunPlaces> {
  const { name } = replication;
  if (letters !== undefined) {
    const folder = await createLettersFolder(letters, name, clock);
    const places = { ...folder, bucket: folder.objects };
    return { ...places, keep: keeping(replication, places), close: () => undefined };
  }
  const { queueUrl, bucket: bucketName } = await queueAndBucket(replication, source, options);
  const client = objectClient(serviceSettings(source, 's3'));
  const bucket = s3Objects(client, bucketName);
  const deadLetters = sqsDeadLetters({
    ...serviceSettings(source, 'sqs'),
    queueUrl,
    concurrency: LETTERS_AT_ONCE,
    openBucket: async () => bucket,
  });
  const { note } = deadLetters;
  const keep = keeping(replication, { note, bucket });
  const close = () => {
    deadLetters.close();
    client.destroy();
  };
  return { deadLetters, keep, close };
}

interface BatchPlaces {
  readonly bucket: ObjectStore;
  readonly note: (body: string) => Promise<void>;
}

/** As Lambda does: whole, or where whole records must not be stored, by their place in the stream. */
function keeping(
  { deadLetters }: ReplicationConfig,
  { bucket, note }: BatchPlaces,
): RunPlaces['keep'] {
  return ({ payload, ...metadata }) =>
    deadLetters === 'whole'
      ? bucket.put(onFailureObjectKey(metadata, 'run'), JSON.stringify({ ...metadata, payload }))
      : note(JSON.stringify(metadata));
}

async function queueAndBucket(
  { name }: ReplicationConfig,
  source: Access,
  { queueUrl, bucket }: Omit<LetterOptions, 'letters'>,
) {
  if (queueUrl !== undefined && bucket !== undefined) return { queueUrl, bucket };
  const deployed = await ifDeployed(deployedSettings(source, name));
  if (deployed === undefined)
    throw new UsageError(`There is no place for records of ${name} that cannot be applied.`, {
      code: 'run.letters',
      hint: 'Name a folder with --letters, or a queue and a bucket with --queue-url and --bucket.',
    });
  return {
    queueUrl: queueUrl ?? deployed.deadLetterQueueUrl,
    bucket: bucket ?? deployed.onFailureBucket,
  };
}
