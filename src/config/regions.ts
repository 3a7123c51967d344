// Regions of tables, and of the ARNs beside them. A Region that is not known is no mistake by itself, because AWS
// adds Regions. It is one where the ARNs beside it are in a Region that is known.

import { nearestName } from '../text/nearest-name.ts';
import { partitionOf } from './partition.ts';
import { hashRules } from './projection-settings.ts';
import type { ReplicationConfig, TableConfig } from './schema.ts';

export const KNOWN_REGIONS = [
  'af-south-1',
  'ap-east-1',
  'ap-east-2',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
  'ap-south-1',
  'ap-south-2',
  'ap-southeast-1',
  'ap-southeast-2',
  'ap-southeast-3',
  'ap-southeast-4',
  'ap-southeast-5',
  'ap-southeast-6',
  'ap-southeast-7',
  'ca-central-1',
  'ca-west-1',
  'cn-north-1',
  'cn-northwest-1',
  'eu-central-1',
  'eu-central-2',
  'eu-isoe-west-1',
  'eu-north-1',
  'eu-south-1',
  'eu-south-2',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'eusc-de-east-1',
  'il-central-1',
  'me-central-1',
  'me-south-1',
  'me-west-1',
  'mx-central-1',
  'sa-east-1',
  'us-east-1',
  'us-east-2',
  'us-gov-east-1',
  'us-gov-west-1',
  'us-iso-east-1',
  'us-iso-west-1',
  'us-isob-east-1',
  'us-isob-west-1',
  'us-isof-east-1',
  'us-isof-south-1',
  'us-west-1',
  'us-west-2',
] as const;

function isKnownRegion(region: string): boolean {
  return (KNOWN_REGIONS as readonly string[]).includes(region);
}

type Place = Pick<TableConfig, 'region' | 'endpoint'>;

/** An emulator has Regions of its own making. */
function mayBeMistyped({ region, endpoint }: Place): boolean {
  return endpoint === undefined && !isKnownRegion(region);
}

/** Whether `place` and an ARN differ because the Region of `place` is mistyped, which is said once of that Region. */
function isMistyped(place: Place, arnRegion: string): boolean {
  return mayBeMistyped(place) && isKnownRegion(arnRegion);
}

/** One line for each mistyped Region, however many ARNs contradict it. */
export function* mistypedRegions(
  path: string,
  { source, destination, encryption, alarms, projection, ...back }: ReplicationConfig,
): Generator<string> {
  const { destinationKmsKeyArn, stateTable, ...ofSource } = encryption ?? {};
  const arns = {
    source: [
      source.streamArn,
      source.kinesisStreamArn,
      source.kmsKeyArn,
      alarms.topicArn,
      ...Object.values(ofSource),
      ...hashRules({ projection }).map(({ secret }) => secret),
    ],
    destination: [
      (back.switching ?? back.twoWay)?.streamArn,
      destination.kmsKeyArn,
      destinationKmsKeyArn,
      stateTable,
    ],
  };
  for (const [side, place] of Object.entries({ source, destination })) {
    const regions = arns[side as keyof typeof arns].map((arn) => arn?.split(':')[3] ?? '');
    const meant = regions.find((region) => isMistyped(place, region));
    if (meant === undefined) continue;
    yield `${path}.${side}.region must be the Region of the ARNs beside it, ${meant}, got "${place.region}", which is not a Region that Ferry knows`;
  }
}

/** One line for an ARN that is in another partition or Region than the table that it is for. */
export function* arnProblems(
  path: string,
  arn: string,
  {
    table,
    what,
    advice = '',
  }: {
    table: TableConfig;
    what: 'a key' | 'a Kinesis stream' | 'a secret' | 'a stream' | 'a topic';
    advice?: string;
  },
): Generator<string> {
  const { region } = table;
  const [, partition, , arnRegion = ''] = arn.split(':');
  if (isMistyped(table, arnRegion)) return;
  const { name } = partitionOf(region);
  if (partition !== name)
    yield `${path} must be ${what} in the partition ${name}, as ${region} is, got one in ${partition}`;
  else if (arnRegion !== region)
    yield `${path} must be ${what} in ${region}, got one in ${arnRegion}${advice}`;
}

/** @param account of that side; undefined where the file has no accounts. */
export function* ownerProblem(
  path: string,
  arn: string,
  account: string | undefined,
  side: 'source' | 'destination' = 'source',
): Generator<string> {
  const owner = arn.split(':')[4];
  if (account !== undefined && owner !== account)
    yield `${path} must be in the account of the ${side}, ${account}, got one in ${owner}`;
}

/** What to look at again before a deployment: Regions that may be mistyped, each once. */
export function regionDoubts({
  source,
  destination,
}: Readonly<Record<'source' | 'destination', Place>>): string[] {
  const doubts = [source, destination]
    .filter(mayBeMistyped)
    .flatMap(({ region }) => regionDoubt(region) ?? []);
  return [...new Set(doubts)];
}

/** What to say of a Region that may be mistyped; undefined where it is known. */
export function regionDoubt(region: string): string | undefined {
  if (isKnownRegion(region)) return undefined;
  const nearest = nearestName(region, KNOWN_REGIONS);
  const meant = nearest === undefined ? '' : ` Did you mean ${nearest}?`;
  return `Ferry knows no Region ${region}.${meant}`;
}
