// The applications of a run in both directions, with their clients.

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Side } from '../../config/identity.ts';
import type { Cleanup } from '../run/cleanup.ts';
import type { LocalWorldOptions } from '../run/local-place.ts';
import type { BothDirections } from '../run/local-world.ts';
import { ferryStamp } from '../../stamp/index.ts';
import { seededRandom } from '../seeded-random.ts';
import { homeTraffic } from './home-traffic.ts';
import { StampedTraffic, type StampedTrafficOptions } from './stamped-traffic.ts';
import type { Traffic } from './traffic.ts';

export interface ApplicationsOptions
  extends Pick<LocalWorldOptions, 'credentials' | 'clock'>,
    Pick<StampedTrafficOptions, 'strayShare' | 'deletesHot'> {
  readonly items: number;
  readonly seed: number;
  readonly stop: AbortSignal;
}

export function openTraffic(
  { outward }: BothDirections,
  { credentials, seed, ...options }: ApplicationsOptions,
  cleanups: Cleanup[],
): Traffic {
  const { schema, replication, source, destination } = outward;
  const { twoWay, timestampAttribute = '', reservedAttribute } = replication;
  if (twoWay === undefined) throw new Error(`${replication.name} has one direction`);
  const common = { ...options, schema, timestampAttribute, random: seededRandom(seed) };
  const plain = {
    source: { client: source.client, table: replication.source.table },
    destination: { client: destination.client, table: replication.destination.table },
  };
  if (twoWay.home !== undefined) {
    const regions = { source: source.region, destination: destination.region };
    return homeTraffic({ ...common, places: plain, regions, home: twoWay.home });
  }
  const stamped = (side: Side) => {
    const { region, endpoint } = outward[side];
    const client = new DynamoDBClient({ region, endpoint, credentials });
    const { epoch } = twoWay;
    const tables = [plain[side].table];
    // Hosts in two Regions do not share a clock.
    client.middlewareStack.use(
      ferryStamp({ epoch, origin: side, tables, reservedAttribute, now: Date.now }),
    );
    cleanups.push(() => client.destroy());
    return { ...plain[side], client };
  };
  const places = { source: stamped('source'), destination: stamped('destination') };
  return new StampedTraffic({ ...common, places, plain });
}
