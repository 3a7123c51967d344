// The ARN of each place of a replication, by the names that the app gives: with the accounts of a deployment, or with
// CloudFormation's references.

import {
  operatorRoleName,
  operatorWriterRoleName,
  probeRoleName,
  readerRoleName,
  writerRoleName,
} from '../config/accounts.ts';
import { otherDirection } from '../config/directions.ts';
import {
  bucketPrefix,
  bulkName,
  deadLetterQueueName,
  functionName,
  heartbeatName,
  historyGroup,
  lookAgainName,
  ON_FAILURE_OBJECT_PREFIX,
  reconcileName,
  REPORT_OBJECT_PREFIX,
  SEGMENTS_LABEL,
} from '../config/names.ts';
import { type Partition, partitionOf } from '../config/partition.ts';
import type { ReplicationConfig, TableConfig } from '../config/schema.ts';
import type { Conditions, Place, Statement } from './statement.ts';

export interface Arns {
  readonly of: (place: Place) => string;
  /** For the names of services in conditions. */
  readonly partitionAt: (region: string) => Partition;
  /** Of the other direction. @throws Error where there is none */
  readonly other: () => Arns;
}

export interface Owner {
  readonly partition: string;
  readonly account: string;
}

export interface Deployed {
  readonly source: Owner;
  readonly destination: Owner;
  readonly partitionAt: (region: string) => Partition;
  /** ARNs that do not follow from names. */
  readonly known: Partial<Record<Place, string>>;
}

export function arnsOf(replication: ReplicationConfig, deployed: Deployed): Arns {
  const { partitionAt, known } = deployed;
  const byName = { ...sourceArns(replication, deployed), ...tableArns(replication, deployed) };
  const named: Partial<Record<Place, string>> = { ...byName, ...known };
  const bucket = named.bucket ?? '';
  const all = {
    ...named,
    objects: `${bucket}/*`,
    reports: `${bucket}/${REPORT_OBJECT_PREFIX}*`,
    batches: `${bucket}/${ON_FAILURE_OBJECT_PREFIX}*`,
  };
  const { source, destination } = deployed;
  const exchanged = { ...deployed, source: destination, destination: source, known: {} };
  return {
    partitionAt,
    other: () => arnsOf(otherDirection(replication), exchanged),
    of(place) {
      const arn = all[place as keyof typeof all];
      if (arn === undefined) throw new Error(`What is the ARN of ${place}?`);
      return arn;
    },
  };
}

/** As the state machine of comparisons on a schedule sees them: it has the map of bulk runs. */
export function reconcilePlaces(arns: Pick<Arns, 'of'>): Pick<Arns, 'of'> {
  const places: Partial<Record<Place, Place>> = {
    stateMachine: 'reconcileMachine',
    executions: 'reconcileRuns',
    segments: 'reconcileSegments',
  };
  return { of: (place) => arns.of(places[place] ?? place) };
}

function tableArns(replication: ReplicationConfig, deployed: Deployed) {
  const { source, destination, stateTable, switching, twoWay } = replication;
  const back = switching ?? twoWay;
  const table = ({ partition, account }: Owner, region: string, name: string) =>
    `arn:${partition}:dynamodb:${region}:${account}:table/${name}`;
  return {
    source: table(deployed.source, source.region, source.table),
    streaming: table(deployed.source, source.region, source.table),
    twin: table(deployed.destination, destination.region, destination.table),
    state: table(deployed.destination, destination.region, stateTable),
    ...(back && { sourceState: table(deployed.source, source.region, back.stateTable) }),
    ...(switching?.tally && {
      tally: table(deployed.source, switching.tally.region, switching.tally.table),
    }),
  };
}

function sourceArns({ name, source, destination }: ReplicationConfig, deployed: Deployed) {
  const { partition, account } = deployed.source;
  const arn = (service: string, resource: string) =>
    `arn:${partition}:${service}:${source.region}:${account}:${resource}`;
  const role = (owner: Owner, roleName: string) =>
    `arn:${owner.partition}:iam::${owner.account}:role/${roleName}`;
  return {
    replicate: arn('lambda', `function:${functionName(name)}`),
    projecting: arn('lambda', `function:${functionName(name)}`),
    heartbeat: arn('lambda', `function:${heartbeatName(name)}`),
    bulkFunction: arn('lambda', `function:${bulkName(name)}`),
    stateMachine: arn('states', `stateMachine:${bulkName(name)}`),
    executions: arn('states', `execution:${bulkName(name)}:*`),
    segments: arn('states', `execution:${bulkName(name)}/${SEGMENTS_LABEL}:*`),
    reconcileMachine: arn('states', `stateMachine:${reconcileName(name)}`),
    reconcileRuns: arn('states', `execution:${reconcileName(name)}:*`),
    reconcileSegments: arn('states', `execution:${reconcileName(name)}/${SEGMENTS_LABEL}:*`),
    mappings: arn('lambda', 'event-source-mapping:*'),
    history: arn('logs', `log-group:${historyGroup(name)}:*`),
    deadLetters: arn('sqs', deadLetterQueueName(name)),
    lookAgain: arn('sqs', lookAgainName(name)),
    stream: source.streamArn ?? `${arn('dynamodb', `table/${source.table}`)}/stream/*`,
    ...(source.kinesisStreamArn && { kinesis: source.kinesisStreamArn }),
    // CloudFormation gives it a name with this beginning.
    bucket: `arn:${partition}:s3:::${bucketPrefix(name)}*`,
    writer: role(deployed.destination, writerRoleName(name)),
    operatorWriter: role(deployed.destination, operatorWriterRoleName(name)),
    reader: role(deployed.destination, readerRoleName(name)),
    probe: role(deployed.source, probeRoleName(name)),
    operator: role(deployed.source, operatorRoleName(name)),
    ...(destination.credentials && { secret: destination.credentials.secret }),
    anything: '*',
    anythingThere: '*',
  };
}

/** @returns what makes statements about places by their ARNs. */
export function allowing(arns: Pick<Arns, 'of'>) {
  return (place: Place, actions: readonly string[], conditions: Conditions = {}): Statement => ({
    place,
    resource: arns.of(place),
    actions,
    conditions,
  });
}

/** In place of an account that the configuration does not have. */
export const UNKNOWN_ACCOUNT = '${AWS::AccountId}';

/** By the configuration alone, and by what is known of the deployment. */
export function textArns(
  replication: ReplicationConfig,
  known: Partial<Record<Place, string>> = {},
): Arns {
  return arnsOf(replication, { ...ownersOf(replication), partitionAt: partitionOf, known });
}

/** An existing source has its account in the ARN of its stream. */
export function ownersOf({ source, destination }: ReplicationConfig): {
  readonly source: Owner;
  readonly destination: Owner;
} {
  const [from, to] = [partitionOf(source.region).name, partitionOf(destination.region).name];
  const streamArn = source.kinesisStreamArn ?? source.streamArn;
  const sourceAccount = source.account ?? streamArn?.split(':')[4] ?? UNKNOWN_ACCOUNT;
  const elsewhere = from === to ? sourceAccount : UNKNOWN_ACCOUNT;
  return {
    source: { partition: from, account: sourceAccount },
    destination: { partition: to, account: destination.account ?? elsewhere },
  };
}

/** Without accounts, a file is deployed to one account of each partition: that of its streams. */
export function withKnownAccounts(replications: readonly ReplicationConfig[]): ReplicationConfig[] {
  const owners = replications.flatMap((one) => Object.values(ownersOf(one)));
  const known = new Map(
    owners
      .filter(({ account }) => account !== UNKNOWN_ACCOUNT)
      .map(({ partition, account }) => [partition, account]),
  );
  const whole = <T extends TableConfig>(side: T): T => {
    const account = side.account ?? known.get(partitionOf(side.region).name);
    return account === undefined ? side : { ...side, account };
  };
  return replications.map(({ source, destination, ...rest }) => {
    return { ...rest, source: whole(source), destination: whole(destination) };
  });
}
