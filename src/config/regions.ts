// Mistyped Regions: a Region that is not known is no mistake by itself, but it is one where the ARNs beside it
// are in a Region that is known.

import type { ReplicationConfig, TableConfig } from './schema.ts';
import { isKnownRegion, regionDoubt } from './known-regions.ts';

type Place = Pick<TableConfig, 'region' | 'endpoint'>;

/** An emulator has Regions of its own making. */
function mayBeMistyped({ region, endpoint }: Place): boolean {
  return endpoint === undefined && !isKnownRegion(region);
}

/** Whether `place` and an ARN differ because the Region of `place` is mistyped, which is said once of that Region. */
export function isMistyped(place: Place, arnRegion: string): boolean {
  return mayBeMistyped(place) && isKnownRegion(arnRegion);
}

/** One line for each mistyped Region, however many ARNs contradict it. */
export function* mistypedRegions(
  path: string,
  { source, destination, encryption }: ReplicationConfig,
): Generator<string> {
  const { destinationKmsKeyArn, stateTable, ...ofSource } = encryption ?? {};
  const arns = {
    source: [source.streamArn, source.kmsKeyArn, ...Object.values(ofSource)],
    destination: [destination.kmsKeyArn, destinationKmsKeyArn, stateTable],
  };
  for (const [side, place] of Object.entries({ source, destination })) {
    const regions = arns[side as keyof typeof arns].map((arn) => arn?.split(':')[3] ?? '');
    const meant = regions.find((region) => isMistyped(place, region));
    if (meant === undefined) continue;
    yield `${path}.${side}.region must be the Region of the ARNs beside it, ${meant}, got "${place.region}", which is not a Region that Ferry knows`;
  }
}

/** What to look at again before a deployment: Regions that may be mistyped, each once. */
export function regionDoubts({
  source,
  destination,
}: Pick<ReplicationConfig, 'source' | 'destination'>): string[] {
  const doubts = [source, destination]
    .filter(mayBeMistyped)
    .map(({ region }) => regionDoubt(region) ?? '');
  return [...new Set(doubts)];
}
