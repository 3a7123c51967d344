// The scratch replication of a rehearsal: it keeps the settings that matter, and nothing by which it could reach the
// tables, topics or streams of the chosen one.

import { describe, expect, it } from 'vitest';
import {
  anyScratchOf,
  rehearsalOf,
  scratchName,
  scratchOf,
  scratchStacks,
} from '../../src/composition/rehearsal-scratch.ts';
import { parseConfig } from '../../src/config/config.ts';
import { directionsOf } from '../../src/config/directions.ts';
import { bucketPrefix } from '../../src/config/names.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';

const STREAM =
  'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000';
const TWIN_STREAM =
  'arn:aws:dynamodb:eu-west-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000';

function chosen(changes: object = {}): ReplicationConfig {
  const replication = {
    name: 'orders',
    source: { region: 'us-east-1', table: 'Orders', streamArn: STREAM },
    destination: { region: 'eu-west-1', table: 'Orders' },
    ...changes,
  };
  return parseConfig({ replications: [replication] }).replications[0] as ReplicationConfig;
}

const NAME = 'rehearsal-ab2c';

describe('the scratch replication', () => {
  it('has new tables in the same Regions, and the settings of the chosen one', () => {
    const settings = {
      tombstones: 'strict',
      function: { memoryMiB: 1024 },
      alarms: { latencySeconds: 30 },
    };

    const scratch = scratchOf(chosen(settings), NAME);

    expect(scratch).toMatchObject({
      name: NAME,
      source: { region: 'us-east-1', table: 'ferry-rehearsal-ab2c', create: true },
      destination: { region: 'eu-west-1', table: 'ferry-rehearsal-ab2c-twin', create: true },
      stateTable: 'ferry-rehearsal-ab2c-state',
      tombstones: 'strict',
      function: { memoryMiB: 1024 },
      alarms: { latencySeconds: 30, enabled: true },
    });
  });

  it.each<[string, object]>([
    ['a topic', { alarms: { topicArn: 'arn:aws:sns:us-east-1:111122223333:Orders' } }],
    ['an address', { alarms: { email: 'Orders@example.com' } }],
    ['a table of its own', { stateTable: 'Orders-state' }],
    ['a projection', { projection: { attributes: { drop: ['Orders'] } } }],
    ['the time of the application', { timestampAttribute: 'Orders' }],
    ['a key of the heartbeat', { heartbeat: { key: { Orders: 'Orders' } } }],
    [
      'a Kinesis stream',
      {
        source: {
          region: 'us-east-1',
          table: 'Orders',
          kinesisStreamArn: 'arn:aws:kinesis:us-east-1:111122223333:stream/Orders',
          kinesisRetentionHours: 8760,
        },
      },
    ],
    [
      'the tables of a switch',
      {
        switching: {
          streamArn: TWIN_STREAM,
          stateTable: 'Orders-back-state',
          tally: { region: 'eu-central-1', table: 'Orders-tally' },
        },
      },
    ],
  ])('knows nothing of the chosen one: %s', (_, changes) => {
    const text = JSON.stringify(directionsOf(scratchOf(chosen(changes), NAME)));

    expect(text).not.toMatch(/Orders|"orders/);
  });

  it('is read again from a file as it was written', () => {
    const scratch = scratchOf(
      chosen({ switching: { streamArn: TWIN_STREAM }, heartbeat: { key: { id: 1 } } }),
      NAME,
    );

    const [read] = parseConfig(
      JSON.parse(JSON.stringify({ replications: [scratch] })),
    ).replications;

    expect(read).toEqual(scratch);
  });

  it('deploys no stack that other replications share', () => {
    const scratch = scratchOf(chosen({ switching: { streamArn: TWIN_STREAM } }), NAME);

    expect(scratchStacks(scratch).map(({ name, region }) => `${region} ${name}`)).toEqual([
      'eu-west-1 ferry-rehearsal-ab2c-destination',
      'us-east-1 ferry-rehearsal-ab2c-back-destination',
      'us-east-1 ferry-rehearsal-ab2c-source',
      'eu-west-1 ferry-rehearsal-ab2c-back-source',
    ]);
  });

  it('is refused between two partitions', () => {
    const china = {
      region: 'cn-north-1',
      table: 'Orders',
      credentials: { secret: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry-AbCdEf' },
    };

    expect(() => scratchOf(chosen({ destination: china }), NAME)).toThrow(/two partitions/);
  });

  it('is refused where both tables are written, and what an earlier one has left is found all the same', () => {
    const both = chosen({
      direction: 'both',
      twoWay: {
        mode: 'stamped',
        streamArn: TWIN_STREAM,
      },
    });

    expect(() => scratchOf(both, NAME)).toThrow(
      'orders has "direction": "both", and a rehearsal writes on one side only.',
    );
    expect(scratchStacks(anyScratchOf(both, NAME))).toHaveLength(4);
  });
});

describe('the name of a rehearsal', () => {
  it('is found in the names of all its resources, whole even where a bucket cuts it off', () => {
    const name = scratchName({ next: () => 0.999 });

    expect(name).toBe('rehearsal-9999');
    expect(bucketPrefix(name)).toBe('ferry-rehearsal-9999');
    expect(rehearsalOf(`/ferry/${name}/history`)).toBe(name);
    for (const resource of ['', '-state', '-back-state', '-dead-letters', '-source-replicator1a'])
      expect(rehearsalOf(`ferry-${name}${resource}`)).toBe(name);
  });

  it('is not found in names of replications that only look alike', () => {
    for (const other of [
      'ferry-rehearsal-ab',
      'ferry-rehearsal-abcde-state',
      'ferry-orders-state',
      'my-ferry-rehearsal-ab2c',
    ])
      expect(rehearsalOf(other)).toBeUndefined();
  });
});
