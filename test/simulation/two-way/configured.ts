// The configuration of a world, as a file would have it.

import { parseConfig } from '../../../src/config/config.ts';
import type { ReplicationConfig } from '../../../src/config/schema.ts';
import type { Side } from '../switching/plan.ts';
import { REGIONS } from '../switching/region.ts';
import type { TwoWayPlan } from './plan.ts';

/** What a deployment may change. */
export interface Deployed {
  readonly epoch: number;
  /** Epoch milliseconds; absent before homes move. */
  readonly movedMs?: number | undefined;
}

const configs = new Map<string, readonly ReplicationConfig[]>();

/** Both directions, as they are configured. */
export function configOf({ mode, losers, settings }: TwoWayPlan, { epoch, movedMs }: Deployed) {
  const { ttlDeletes, hasHeartbeat } = settings;
  const [east, west] =
    movedMs === undefined ? (['east', 'west'] as const) : (['west', 'east'] as const);
  const home = {
    rules: [{ attribute: 'pk', prefix: 'east#', region: REGIONS[east] }],
    otherwise: REGIONS[west],
    ...(movedMs !== undefined && {
      since: `${new Date(movedMs).toISOString().slice(0, 19)}Z`,
    }),
  };
  const table = (side: Side) => ({ region: REGIONS[side], table: `orders-${side}` });
  const arn = (side: Side) =>
    `arn:aws:dynamodb:${REGIONS[side]}:111122223333:table/orders-${side}/stream/2026-01-31T11:59:58.000`;
  const file = {
    replications: [
      {
        name: 'orders',
        direction: 'both',
        source: { ...table('east'), streamArn: arn('east') },
        destination: table('west'),
        stateTable: 'ledger-west',
        ttlDeletes,
        ...(hasHeartbeat && { heartbeat: { key: { pk: 'beat' } } }),
        twoWay: {
          mode,
          epoch,
          losers,
          stateTable: 'ledger-east',
          streamArn: arn('west'),
          ...(mode === 'home' && { home }),
        },
      },
    ],
  };
  const text = JSON.stringify(file);
  const known = configs.get(text) ?? parseConfig(file).replications;
  configs.set(text, known);
  return known;
}
