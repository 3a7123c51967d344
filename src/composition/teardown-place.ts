// What a teardown looks at: whether the function is still deployed, which buckets are the replication's, and the
// clients by which all that stays is found and deleted.

import type { Access, Sides } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { deployedSettings, ifDeployed } from '../aws/deployed-function.ts';
import { awsLeftovers, bucketsLike, messagesClient, tablesClient } from '../aws/leftovers.ts';
import { objectClient } from '../aws/s3-objects.ts';
import { systemClock } from '../aws/system-clock.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import {
  type BucketGuess,
  bucketPrefix,
  guessBucket,
  type Leftover,
  leftoversOf,
} from '../teardown/leftovers.ts';
import { whatHappened } from '../failures/what-happened.ts';
import type { LeftoverStore } from '../ports.ts';

export interface TeardownPlace {
  /** Whether the stacks, or at least the function, are still there. */
  readonly isDeployed: boolean;
  readonly leftovers: readonly Leftover[];
  /** Why buckets could not be looked for; undefined where they were. */
  readonly bucketProblem: string | undefined;
  readonly store: LeftoverStore;
  close(): void;
}

/**
 * @param bucket named by the operator.
 * @throws what the services throw.
 */
export async function openTeardown(
  replication: ReplicationConfig,
  sides: Sides,
  bucket: string | undefined,
): Promise<TeardownPlace> {
  const { name, source, destination, stateTable } = replication;
  const objects = objectClient(serviceSettings(sides.source, 's3'));
  const queues = serviceSettings(sides.source, 'sqs');
  const messages = messagesClient(queues);
  const tables = {
    source: tablesClient(sides.source),
    destination: tablesClient(sides.destination),
  };
  const deployedBucket = await bucketInUse(name, sides.source);
  const known = bucket ?? deployedBucket;
  const { buckets, problem } =
    known === undefined
      ? await findBuckets(replication, (prefix) => bucketsLike(objects, source.region, prefix))
      : { buckets: [{ name: known, isCertain: true }], problem: undefined };
  return {
    isDeployed: deployedBucket !== undefined,
    leftovers: leftoversOf({ name, source, destination, stateTable, buckets }),
    bucketProblem: problem,
    store: awsLeftovers({ messages, queues, objects, tables, clock: systemClock }),
    close() {
      for (const client of [objects, messages, ...Object.values(tables)]) client.destroy();
    },
  };
}

/** The bucket of the deployed function; undefined where there is no function. */
async function bucketInUse(name: string, source: Access): Promise<string | undefined> {
  return (await ifDeployed(deployedSettings(source, name)))?.onFailureBucket;
}

/** Who may not list buckets can still name one. */
async function findBuckets(
  { name }: ReplicationConfig,
  list: (prefix: string) => Promise<readonly string[]>,
): Promise<{ buckets: readonly BucketGuess[]; problem: string | undefined }> {
  try {
    const names = await list(bucketPrefix(name));
    return { buckets: names.flatMap((one) => guessBucket(name, one) ?? []), problem: undefined };
  } catch (error) {
    return { buckets: [], problem: whatHappened(error) };
  }
}
