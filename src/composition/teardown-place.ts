// What a teardown looks at: whether the function is still deployed, which buckets are the replication's, and the
// clients by which all that stays is found and deleted. Where there is another direction, of both: each uses the state
// table of the other one.

import type { Access, Sides } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { deployedSettings, ifDeployed } from '../aws/deployed-function.ts';
import { awsLeftovers, bucketsLike, messagesClient, tablesClient } from '../aws/leftovers.ts';
import { objectClient, s3Objects } from '../aws/s3-objects.ts';
import { systemClock } from '../aws/system-clock.ts';
import { hasOtherDirection, otherDirection } from '../config/directions.ts';
import { historyGroup } from '../config/names.ts';
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
import { type FenceLeft, fencesLeft, withUndecided } from './fences-left.ts';
import { clientAt, historyHomes } from './history.ts';
import type { Environment } from './keyring.ts';
import { type OperatorNeeds, operatorSides } from './operator-access.ts';

export interface TeardownPlace {
  /** Whether the stacks, or at least the function, are still there. */
  readonly isDeployed: boolean;
  readonly leftovers: readonly Leftover[];
  /** Why buckets could not be looked for; undefined where they were. */
  readonly bucketProblem: string | undefined;
  readonly store: LeftoverStore;
  /** What switches have left in the resource policies of the tables. */
  fences(): Promise<readonly FenceLeft[]>;
  close(): void;
}

/**
 * @param buckets named by the operator: that of the replication, and that of the way back.
 * @throws what the services throw.
 */
export async function openTeardown(
  replication: ReplicationConfig,
  sides: Sides,
  { buckets: [bucket, ofBack], ...needs }: OperatorNeeds & { readonly buckets: readonly string[] },
): Promise<TeardownPlace> {
  const fences = () => fencesLeft(replication, sides);
  const { environment } = needs;
  const out = await openDirection(replication, sides, { bucket, environment });
  if (!hasOtherDirection(replication)) return { ...out, fences };
  const other = otherDirection(replication);
  const backSides = await operatorSides(other, needs);
  const back = await openDirection(other, backSides, { bucket: ofBack, environment });
  const storeOf = (leftover: Leftover) => (out.leftovers.includes(leftover) ? out : back).store;
  return {
    isDeployed: out.isDeployed || back.isDeployed,
    leftovers: [...out.leftovers, ...back.leftovers],
    bucketProblem: out.bucketProblem ?? back.bucketProblem,
    store: {
      find: (leftover) => storeOf(leftover).find(leftover),
      remove: (leftover, remains) => storeOf(leftover).remove(leftover, remains),
    },
    fences,
    close() {
      out.close();
      back.close();
    },
  };
}

async function openDirection(
  replication: ReplicationConfig,
  sides: Sides,
  {
    bucket,
    environment,
  }: { readonly bucket: string | undefined; readonly environment: Environment },
): Promise<Omit<TeardownPlace, 'fences'>> {
  const { name, source, destination, stateTable, switching } = replication;
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
  const homes = historyHomes(replication, sides, environment);
  const home = homes.find(({ group }) => group === historyGroup(name));
  const logs = home && clientAt(home);
  const store = awsLeftovers({ messages, queues, objects, tables, logs, clock: systemClock });
  return {
    isDeployed: deployedBucket !== undefined,
    leftovers: leftoversOf({ name, source, destination, stateTable, buckets }),
    bucketProblem: problem,
    store:
      switching === undefined
        ? store
        : withUndecided(store, name, (found) => s3Objects(objects, found)),
    close() {
      for (const client of [objects, messages, ...Object.values(tables), logs]) client?.destroy();
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
