// The two directions of a replication that can be switched. The way back, NAME-back, is a replication like any other,
// with its own function, queues and state table: both sides are exchanged, and so are the settings that belong to one.

import { destinationKey } from './encryption-keys.ts';
import { backName, isBackName, outwardName } from './names.ts';
import type { EncryptionConfig, ReplicationConfig } from './schema.ts';

/**
 * The other direction; the other direction of that one is the replication itself.
 * @throws Error where the replication cannot be switched.
 */
export function otherDirection(replication: ReplicationConfig): ReplicationConfig {
  const { source, destination, stateTable, switching, encryption, ...settings } = replication;
  const { name } = settings;
  if (switching === undefined) throw new Error(`the replication ${name} has no other direction`);
  const { streamArn, endpoints, ...table } = source;
  const { credentials: _, ...twin } = destination;
  const { streamArn: ofTwin, endpoints: besideTwin, ...rest } = switching;
  return {
    ...settings,
    name: isBackName(name) ? outwardName(name) : backName(name),
    source: {
      ...twin,
      ...(ofTwin !== undefined && { streamArn: ofTwin }),
      ...(besideTwin && { endpoints: besideTwin }),
    },
    destination: table,
    stateTable: switching.stateTable,
    switching: {
      ...rest,
      stateTable,
      ...(streamArn !== undefined && { streamArn }),
      ...(endpoints && { endpoints }),
    },
    ...(encryption && { encryption: exchangedKeys(encryption, replication) }),
  };
}

/** All that is deployed of a replication: itself, and the way back where it can be switched. */
export function directionsOf(replication: ReplicationConfig): ReplicationConfig[] {
  const { switching } = replication;
  return switching === undefined ? [replication] : [replication, otherDirection(replication)];
}

/** The direction that the configuration file has. */
export function outward(replication: ReplicationConfig): ReplicationConfig {
  return isBackName(replication.name) ? otherDirection(replication) : replication;
}

function exchangedKeys(
  { kmsKeyArn }: EncryptionConfig,
  replication: ReplicationConfig,
): EncryptionConfig {
  const ofDestination = destinationKey(replication);
  return {
    ...(ofDestination !== undefined && { kmsKeyArn: ofDestination }),
    ...(kmsKeyArn !== undefined && { destinationKmsKeyArn: kmsKeyArn }),
  };
}

/** As the configuration file, and every command, names the replication of a direction. */
export function givenName({ name }: Pick<ReplicationConfig, 'name'>): string {
  return isBackName(name) ? outwardName(name) : name;
}
