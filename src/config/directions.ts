// The two directions of a replication that can be switched, or that goes both ways. The way back, NAME-back, is a
// replication like any other, with its own function, queues and state table: both sides are exchanged, and so are the
// settings that belong to one.

import { destinationKey } from './encryption-keys.ts';
import { backName, isBackName, outwardName } from './names.ts';
import type {
  EncryptionConfig,
  HeartbeatConfig,
  ReplicationConfig,
  TwoWayConfig,
} from './schema.ts';

/**
 * The other direction; the other direction of that one is the replication itself.
 * @throws Error where the replication has only one.
 */
export function otherDirection(replication: ReplicationConfig): ReplicationConfig {
  const { source, destination, stateTable, switching, twoWay, encryption, heartbeat, ...settings } =
    replication;
  const { name } = settings;
  const back = switching ?? twoWay;
  if (back === undefined) throw new Error(`the replication ${name} has no other direction`);
  const { streamArn, endpoints, ...table } = source;
  const { credentials, ...twin } = destination;
  const { streamArn: ofTwin, endpoints: besideTwin } = back;
  /** What belongs to the side that is the source of the other direction. */
  const exchanged = <T extends typeof back>({ streamArn: _arn, endpoints: _e, ...rest }: T) => ({
    ...rest,
    stateTable,
    ...(streamArn !== undefined && { streamArn }),
    ...(endpoints && { endpoints }),
  });
  return {
    ...settings,
    name: otherName(settings),
    source: {
      ...twin,
      ...(ofTwin !== undefined && { streamArn: ofTwin }),
      ...(besideTwin && { endpoints: besideTwin }),
    },
    destination: {
      ...table,
      ...(twoWay?.credentials && { credentials: twoWay.credentials }),
    },
    stateTable: back.stateTable,
    ...(switching && { switching: exchanged(switching) }),
    ...(twoWay && { twoWay: exchangedTwoWay(exchanged(twoWay), credentials) }),
    ...(heartbeat && { heartbeat: twoWay ? otherHeartbeat(heartbeat, name) : heartbeat }),
    ...(encryption && { encryption: exchangedKeys(encryption, replication) }),
  };
}

function exchangedTwoWay(
  twoWay: TwoWayConfig,
  credentials: TwoWayConfig['credentials'],
): TwoWayConfig {
  const { credentials: _, ...rest } = twoWay;
  return { ...rest, ...(credentials && { credentials }) };
}

/** Of the other direction. */
export function otherName({ name }: Pick<ReplicationConfig, 'name'>): string {
  return isBackName(name) ? outwardName(name) : backName(name);
}

/** All that is deployed of a replication of a file: itself, and the way back where there is one. */
export function bothWays(replication: ReplicationConfig): ReplicationConfig[] {
  return hasOtherDirection(replication)
    ? [replication, otherDirection(replication)]
    : [replication];
}

export function hasOtherDirection({
  switching,
  twoWay,
}: Pick<ReplicationConfig, 'switching' | 'twoWay'>): boolean {
  return (switching ?? twoWay) !== undefined;
}

/** The same of a replication of a checked configuration, in which those that go both ways are two already. */
export function directionsOf(replication: ReplicationConfig): ReplicationConfig[] {
  return replication.twoWay === undefined ? bothWays(replication) : [replication];
}

/** Each direction writes an item of its own: the other's is its twin. */
function otherHeartbeat({ key }: HeartbeatConfig, name: string): HeartbeatConfig {
  const change = isBackName(name) ? outwardName : backName;
  const [attribute, value] = textIn(key) ?? [];
  return attribute === undefined ? { key } : { key: { ...key, [attribute]: change(value ?? '') } };
}

/** The attribute of a heartbeat's key in which the directions differ. */
export function textIn(key: HeartbeatConfig['key']): readonly [string, string] | undefined {
  for (const [name, value] of Object.entries(key))
    if (typeof value === 'string') return [name, value];
  return undefined;
}

/** As the configuration file has it: one entry for both directions. */
export function fileEntry(replication: ReplicationConfig): ReplicationConfig {
  return isBackName(replication.name) ? otherDirection(replication) : replication;
}

/** The direction that a checked configuration has: of one that goes both ways, either. */
export function outward(replication: ReplicationConfig): ReplicationConfig {
  const { name, twoWay } = replication;
  return twoWay === undefined && isBackName(name) ? otherDirection(replication) : replication;
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

/** As every command names the replication of a direction. Each direction of one that goes both ways has its own name. */
export function givenName({ name, twoWay }: Pick<ReplicationConfig, 'name' | 'twoWay'>): string {
  return twoWay === undefined && isBackName(name) ? outwardName(name) : name;
}
