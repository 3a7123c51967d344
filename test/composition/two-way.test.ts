import { describe, expect, it } from 'vitest';
import { openReplicator } from '../../src/composition/replicator.ts';
import { twoWayRules } from '../../src/composition/two-way.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';

const streamOf = (region: string, table: string) =>
  `arn:aws:dynamodb:${region}:111122223333:table/${table}/stream/2026-01-31T12:00:00.000`;

function directions(twoWay: object): [ReplicationConfig, ReplicationConfig] {
  const entry = {
    name: 'orders',
    direction: 'both',
    source: { region: 'us-east-1', table: 'Orders', streamArn: streamOf('us-east-1', 'Orders') },
    destination: { region: 'eu-west-1', table: 'OrdersTwin' },
    heartbeat: { key: { pk: 'beat' } },
    twoWay: { streamArn: streamOf('eu-west-1', 'OrdersTwin'), ...twoWay },
  };
  const { replications } = parseConfig({ replications: [entry] });
  return replications as [ReplicationConfig, ReplicationConfig];
}

describe('what a direction knows of the other one', () => {
  it('is its ledger, its table and its heartbeat, with stamps the side that it reads', () => {
    const [out, back] = directions({ mode: 'stamped', epoch: 3 }).map(twoWayRules);

    expect(out).toMatchObject({
      mode: 'stamped',
      epoch: 3,
      origin: 1,
      region: 'us-east-1',
      otherHeartbeatKeyText: canonicalKey({ pk: { S: 'beat-back' } }),
      near: {
        replication: 'orders-back',
        destinationTable: 'Orders',
        stateTable: 'ferry-orders-back-state',
        sourceRegion: 'eu-west-1',
      },
    });
    expect(back).toMatchObject({
      origin: 2,
      region: 'eu-west-1',
      otherHeartbeatKeyText: canonicalKey({ pk: { S: 'beat' } }),
      near: { replication: 'orders', destinationTable: 'OrdersTwin' },
    });
  });

  it('is also which items are at home where, and since when', () => {
    const rules = [{ attribute: 'pk', prefix: 'eu#', region: 'eu-west-1' }];
    const home = { rules, otherwise: 'us-east-1', since: '2026-01-31T12:00:00Z' };
    const [out, back] = directions({ mode: 'home', home }).map(twoWayRules);

    const sinceMs = Date.UTC(2026, 0, 31, 12);
    expect(out).toMatchObject({ mode: 'home', home, sinceMs, region: 'us-east-1' });
    expect(back).toMatchObject({ mode: 'home', home, sinceMs, region: 'eu-west-1' });
  });
});

it.each([0, 1] as const)('a function of both directions has the other one: %i', async (index) => {
  const replication = directions({ mode: 'stamped' })[index];
  const places = { streamArn: '', deadLetterQueueUrl: '', onFailureBucket: '' };

  const replicator = await openReplicator({ replication, ...places }, {});

  expect(replicator.bothWays).toBeDefined();
  replicator.close();
});
