// The payload of the DR Orchestrator: what it asks for, and everything that is wrong with it at once.

import { describe, expect, it } from 'vitest';
import { parseLayers, requireAllDone } from '../../src/switching/layers.ts';

const KNOWN = new Map(
  ['orders', 'carts', 'users'].map((name) => [
    name,
    { source: 'us-east-1', destination: 'eu-west-1' },
  ]),
);
const resource = (Replication: string, resourceType = 'PlannedFailoverDynamoDB', more = {}) => ({
  resourceType,
  resourceName: Replication,
  parameters: { Replication, ...more },
});
const payload = (...layers: object[]) => ({ StatePayload: layers });
const layer = (number: unknown, ...resources: unknown[]) => ({ layer: number, resources });

/** The lines of a refusal, without its head. */
function problems(value: unknown, here?: string): string[] {
  try {
    parseLayers(value, KNOWN, here);
  } catch (error) {
    return (error as Error).message.split('\n  ').slice(1);
  }
  return [];
}

describe('layers', () => {
  it('are put into ascending order, with what each resource asks for', () => {
    const more = { AcceptLetters: ['100'], FencedByApplication: true };

    const layers = parseLayers(
      payload(
        layer(20, resource('orders', 'DrainDynamoDB', more)),
        layer(3, resource('carts'), resource('users', 'FailbackDynamoDB')),
      ),
      KNOWN,
    );

    const usual = { sourceLost: false, acceptedLetters: [], fencedByApplication: false };
    expect(layers).toEqual([
      {
        layer: 3,
        resources: [
          { replication: 'carts', operation: 'failover', ...usual },
          { replication: 'users', operation: 'failback', ...usual },
        ],
      },
      {
        layer: 20,
        resources: [
          {
            ...usual,
            replication: 'orders',
            operation: 'drain',
            acceptedLetters: ['100'],
            fencedByApplication: true,
          },
        ],
      },
    ]);
  });

  it.each(['UnplannedFailoverDynamoDB', 'UnPlannedFailoverDynamoDB'])(
    'activate the Region that switches with %s, on either side',
    (type) => {
      const lost = (here?: string) =>
        parseLayers(payload(layer(1, resource('orders', type))), KNOWN, here)[0]?.resources[0];

      expect(lost()).toMatchObject({ operation: 'failover', sourceLost: true });
      expect(lost('eu-west-1')).toMatchObject({ operation: 'failover', sourceLost: true });
      expect(lost('us-east-1')).toMatchObject({ operation: 'failback', sourceLost: true });
    },
  );

  it('activate no other Region than the one that switches', () => {
    const planned = payload(
      layer(1, resource('orders'), resource('carts', 'FailbackDynamoDB'), resource('users')),
    );

    expect(problems(planned, 'eu-west-1')).toEqual([
      'StatePayload.0.resources.1: FailbackDynamoDB activates us-east-1; start it there, and not in eu-west-1',
    ]);
    expect(problems(planned, 'us-east-1')).toHaveLength(2);
  });

  it('are refused with everything that is wrong', () => {
    const wrong = payload(
      layer('1', resource('orders', 'PlannedFailoverAurora')),
      layer(2, resource('unknown'), resource('carts')),
      layer(2, { ...resource('carts'), resourceName: '' }),
      layer(4),
      layer(5, resource('users', 'FailbackDynamoDB', { Replica: 'x', AcceptLetters: [1] })),
      layer(6, 'users'),
    );

    expect(problems(wrong)).toEqual([
      'StatePayload.0.layer must be a whole number from 1, got "1"',
      expect.stringMatching(
        /^StatePayload.0.resources.0.resourceType must be one of Planned.*Aurora"$/,
      ),
      'StatePayload.1.resources.0.parameters.Replication must be one that can be switched, orders, carts, users, got "unknown"',
      'StatePayload.2.resources.0.resourceName must be a name, got ""',
      'StatePayload.3.resources must be a list of resources, got []',
      'StatePayload.4.resources.0.parameters.Replica is unknown; there are Replication, AcceptLetters and FencedByApplication',
      'StatePayload.4.resources.0.parameters.AcceptLetters must be a list of sequence numbers, got [1]',
      expect.stringMatching(/^StatePayload.5.resources.0.resourceType must be/),
      'StatePayload.5.resources.0.resourceName must be a name, got nothing',
      expect.stringMatching(/^StatePayload.5.resources.0.parameters.Replication must be/),
      'layer 2 is there more than once',
      'the replication carts is there more than once',
    ]);
  });

  it.each([undefined, null, 'text', [], { StatePayload: {} }, { StatePayload: [] }])(
    'are refused where there are none: %j',
    (value) => {
      expect(problems(value)).toEqual([
        expect.stringContaining('StatePayload must be a list of layers'),
      ]);
    },
  );
});

it('fails a layer with what has failed in it, and only then', () => {
  expect(() => requireAllDone(2, 3, [])).not.toThrow();
  expect(() => requireAllDone(2, 3, ['carts: unproven'])).toThrow(
    '1 of 3 in layer 2 have failed:\n  carts: unproven',
  );
});
