// A rehearsal on AWS against stand-ins that speak its protocols: the whole of it, what it touches, and what it leaves
// when something fails.

import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type AwsRehearsal, openAwsRehearsal } from '../../src/composition/rehearsal-on-aws.ts';
import type { CommandDone } from '../../src/composition/rehearsal-place.ts';
import { rehearsalsAt } from '../../src/composition/rehearsal-removal.ts';
import { scratchOf } from '../../src/composition/rehearsal-scratch.ts';
import { operatorSides } from '../../src/composition/operator-access.ts';
import type { SwitchOutcome } from '../../src/rehearsal/ports.ts';
import type { PermissionSet } from '../../src/permissions/policies.ts';
import { ANY_REHEARSAL, rehearsalSets } from '../../src/permissions/rehearsal-needs.ts';
import { recordCalls } from '../fixtures/recorded-calls.ts';
import { openRehearsalCloud, type RehearsalCloud } from '../fixtures/rehearsal-cloud.ts';
import { runHere } from '../fixtures/two-regions.ts';

const NAME = 'rehearsal-ab2c';

let cloud: RehearsalCloud;
let removed: string[];
let stop: AbortController;
afterEach(() => cloud.close(), 60_000);

vi.setConfig({ testTimeout: 60_000 });

async function open(changes: Parameters<typeof openRehearsalCloud>[0] = () => ({})) {
  cloud = await openRehearsalCloud(changes);
  return again();
}

async function again(): Promise<AwsRehearsal> {
  removed = [];
  stop = new AbortController();
  const { environment, clock, chosen } = cloud;
  const scratch = scratchOf(chosen, NAME);
  const ferry = async (...args: readonly string[]): Promise<CommandDone> => {
    const { exitCode, out, err } = await runHere(args, stop.signal, clock, environment);
    const facts = JSON.parse(out.split('\n').at(-1) || '{}') as Record<string, unknown>;
    return { exitCode: exitCode ?? 1, facts, text: err };
  };
  return openAwsRehearsal({
    scratch,
    environment,
    clock,
    stop: stop.signal,
    ferry,
    onLine: () => undefined,
    onRemoved: (what) => removed.push(what),
    cdk: cloud.cdk(scratch),
  });
}

/** What is there, of everything that a deployment makes. */
async function remaining(): Promise<string[]> {
  const { source, destination } = cloud.engines;
  const tables = await Promise.all(
    [source, destination].map(async ({ client }) => {
      const { TableNames = [] } = await client.send(new ListTablesCommand({}));
      return TableNames;
    }),
  );
  return [...tables.flat(), ...cloud.queues, ...cloud.buckets.keys(), ...cloud.policies.keys()];
}

const TABLES = ['Orders', 'Orders'];

describe('a whole rehearsal on AWS', () => {
  it('switches by the commands themselves, and leaves nothing of either direction', async () => {
    const rehearsal = await open((streamArn) => ({
      heartbeat: { key: { pk: 'beat' } },
      switching: { fence: 'application', streamArn },
    }));
    const recorder = recordCalls({ signed: false });
    const place = await rehearsal.deploy();
    let n = 0;
    const write = () => place.write({ key: `k${(n += 1)}`, n, writtenAtMs: cloud.clock.now() });
    const during = async (outcome: Promise<SwitchOutcome>) => {
      const [isWritten] = await Promise.all([write(), outcome]);
      await write();
      return { isWritten, ...(await outcome) };
    };

    await write();
    await place.status();
    for (const fault of ['destination-throttled', 'function-disabled'] as const)
      await (await place.inject(fault))();
    const planned = [await during(place.switchOver()), await during(place.switchOver())];
    const takeBack = await place.inject('source-lost');
    const cutOff = [...cloud.policies.keys()].toSorted();
    const lost = await during(place.failOverWithoutSource());
    await takeBack();
    await place.rejoin();
    await place.redrive();
    // Time passes faster here than in the streams, whose records are then of an earlier epoch.
    await place.compare();
    await rehearsalsAt(await operatorSides(cloud.chosen, NEEDS()));
    const left = await rehearsal.remove();
    recorder.stop();

    const [{ policy }] = rehearsalSets(scratchOf(cloud.chosen, ANY_REHEARSAL)) as [PermissionSet];
    const allowed = new Set(
      (policy.Statement as ReadonlyArray<{ Action: string[] }>).flatMap(({ Action }) => Action),
    );
    // The stand-in of the CDK creates queues and tables.
    const actions = recorder.calls.map(({ action }) => action);
    const asked = new Set(actions.filter((action) => !/:Create(Queue|Table)$/.test(action)));
    expect([...asked].filter((action) => !allowed.has(action))).toEqual([]);
    expect([...allowed].filter((action) => !asked.has(action)).toSorted()).toEqual(NOT_PLAYED);
    const fenced = { isWritten: false, isProven: true, rpoSeconds: 0 };
    expect(planned).toMatchObject([
      { to: 'eu-west-1', ...fenced },
      { to: 'us-east-1', ...fenced },
    ]);
    expect(lost).toMatchObject({ to: 'eu-west-1', isProven: false });
    expect(cutOff).toEqual([
      'ferry-rehearsal-ab2c-back-replicate',
      'ferry-rehearsal-ab2c-replicate',
    ]);
    expect(left).toEqual([]);
    expect(await remaining()).toEqual(TABLES);
    expect(cloud.deployments.at(-1)).toContain('ferry-rehearsal-ab2c-back-source');
    expectOnlyScratch();
  }, 400_000);
});

it('does not take a comparison that was stopped for one that found nothing', async () => {
  const place = await (await open()).deploy();
  await place.write({ key: 'k1', n: 1, writtenAtMs: cloud.clock.now() });
  stop.abort();

  await expect(place.compare()).rejects.toMatchObject({ code: 'rehearsal.command' });
});

/** What this one does not bring about: a fence by policy, a redrive of letters, and the log group of the history. */
const NOT_PLAYED: readonly string[] = [
  'dynamodb:DeleteResourcePolicy',
  'dynamodb:GetResourcePolicy',
  'dynamodb:PutResourcePolicy',
  'logs:CreateLogStream',
  'logs:DeleteLogGroup',
  'logs:FilterLogEvents',
  'logs:PutLogEvents',
  'sqs:ChangeMessageVisibility',
  'sqs:DeleteMessage',
  'sts:AssumeRole',
];

/** Each request about a table, a queue, a bucket, a role or an alarm names the rehearsal. */
function expectOnlyScratch(): void {
  const { requests } = cloud;
  expect(requests.filter((one) => /orders/i.test(one))).toEqual([]);
  const others = requests.filter((one) => !one.includes(NAME));
  expect(others.filter((one) => !/ShardIterator|MetricDataQueries|ListTables/.test(one))).toEqual(
    [],
  );
}

describe('what a rehearsal leaves', () => {
  it('is nothing where its deployment failed midway', async () => {
    const rehearsal = await open();
    cloud.failures.set('deploy', new Error('no more capacity'));

    await expect(rehearsal.deploy()).rejects.toThrow('no more capacity');
    const left = await rehearsal.remove();

    expect(left).toEqual([]);
    expect(await remaining()).toEqual(TABLES);
    expect(removed).toContain('twin ferry-rehearsal-ab2c-twin (eu-west-1)');
  });

  it('is nothing after Ctrl-C in the midst of a failure', async () => {
    const rehearsal = await open();
    const place = await rehearsal.deploy();
    await place.inject('destination-denied');
    expect([...cloud.policies.keys()]).toEqual(['ferry-rehearsal-ab2c-replicate']);

    stop.abort();
    const left = await rehearsal.remove();

    expect(left).toEqual([]);
    expect(await remaining()).toEqual(TABLES);
  });

  it('is listed with the commands that remove it, and another run removes it', async () => {
    const rehearsal = await open();
    await rehearsal.deploy();
    cloud.failures.set('destroy', new Error('the CDK has failed'));

    const left = await rehearsal.remove();
    const found = await rehearsalsAt(await operatorSides(cloud.chosen, NEEDS()));
    cloud.failures.clear();
    const after = await (await again()).remove();

    expect(left.map(({ what }) => what)).toEqual([
      'stack ferry-rehearsal-ab2c-source (us-east-1)',
      'stack ferry-rehearsal-ab2c-destination (eu-west-1)',
      'dead-letter queue ferry-rehearsal-ab2c-dead-letters (us-east-1)',
      'look-again queue ferry-rehearsal-ab2c-look-again (us-east-1)',
      expect.stringMatching(/^on-failure bucket ferry-rehearsal-ab2c-source-/),
      'state table ferry-rehearsal-ab2c-state (eu-west-1)',
      'twin ferry-rehearsal-ab2c-twin (eu-west-1)',
      'source table ferry-rehearsal-ab2c (us-east-1)',
    ]);
    const [stack] = left;
    expect(stack?.why).toContain('the CDK has failed');
    expect(stack?.command).toBe(
      'aws cloudformation delete-stack --stack-name ferry-rehearsal-ab2c-source --region us-east-1',
    );
    expect(left.at(-1)?.command).toContain(
      'aws dynamodb delete-table --table-name ferry-rehearsal-ab2c',
    );
    expect(found).toEqual([NAME]);
    expect(after).toEqual([]);
    expect(await remaining()).toEqual(TABLES);
    expectOnlyScratch();
  });

  it('keeps the tables by which it is found, while something else is left', async () => {
    const rehearsal = await open();
    await rehearsal.deploy();
    const [bucket = ''] = cloud.buckets.keys();
    cloud.refused.add('s3');

    const left = await rehearsal.remove();

    expect(left.map(({ what, why }) => [what, why])).toEqual([
      [`on-failure bucket ${bucket} (us-east-1)`, expect.any(String)],
      ['twin ferry-rehearsal-ab2c-twin (eu-west-1)', 'the others are found by it'],
      ['source table ferry-rehearsal-ab2c (us-east-1)', 'the others are found by it'],
    ]);
    expect(await rehearsalsAt(await operatorSides(cloud.chosen, NEEDS()))).toEqual([NAME]);
    cloud.refused.clear();
    expect(await (await again()).remove()).toEqual([]);
    expect(await remaining()).toEqual(TABLES);
  });

  it('is named whole, with commands, where credentials have expired', async () => {
    const rehearsal = await open();
    await rehearsal.deploy();
    cloud.failures.set('destroy', new Error('the CDK has failed'));
    cloud.refused.add('lambda');

    const left = await rehearsal.remove();

    expect(left.map(({ what }) => what)).toEqual([
      'stack ferry-rehearsal-ab2c-source (us-east-1)',
      'stack ferry-rehearsal-ab2c-destination (eu-west-1)',
      'dead-letter queue ferry-rehearsal-ab2c-dead-letters (us-east-1)',
      'look-again queue ferry-rehearsal-ab2c-look-again (us-east-1)',
      'state table ferry-rehearsal-ab2c-state (eu-west-1)',
      'twin ferry-rehearsal-ab2c-twin (eu-west-1)',
      'source table ferry-rehearsal-ab2c (us-east-1)',
      'log group /ferry/rehearsal-ab2c/history (us-east-1)',
      expect.stringMatching(/^on-failure bucket/),
    ]);
    expect(left[2]?.command).toContain('--queue-name ferry-rehearsal-ab2c-dead-letters');
    cloud.refused.clear();
    cloud.failures.clear();
    expect(await (await again()).remove()).toEqual([]);
  });

  it('is found by its tables alone: what others have named alike is no rehearsal', async () => {
    await open();
    const { source, destination } = cloud.engines;
    const key = [{ name: 'id', type: 'S' }] as const;
    // The state table of a replication with the name rehearsal-prod, and a rehearsal in the other direction.
    await destination.createTable('ferry-rehearsal-prod-state', key);
    await source.createTable('ferry-rehearsal-cd3e-twin', key);
    await destination.createTable('ferry-rehearsal-cd3e', key);
    await destination.createTable('ferry-rehearsal-fg4h-twin', key);

    const found = await rehearsalsAt(await operatorSides(cloud.chosen, NEEDS()));

    expect(found).toEqual(['rehearsal-fg4h']);
  });

  it('is a denial that ends by itself, where even that could not be taken back', async () => {
    const rehearsal = await open();
    const place = await rehearsal.deploy();

    await place.inject('destination-denied');

    const [document = ''] = cloud.policies.values();
    const { Statement } = JSON.parse(document) as { Statement: [Denial] };
    const [{ Effect, Resource, Condition }] = Statement;
    expect({ Effect, Resource }).toEqual({
      Effect: 'Deny',
      Resource: 'arn:aws:dynamodb:eu-west-1:*:table/ferry-rehearsal-ab2c-twin',
    });
    const endMs = Date.parse(Condition.DateLessThan['aws:CurrentTime']);
    expect(endMs).toBeGreaterThan(cloud.clock.now());
    expect(endMs).toBeLessThan(cloud.clock.now() + 60 * 60_000);
    expect(await rehearsal.remove()).toEqual([]);
  });
});

interface Denial {
  readonly Effect: string;
  readonly Resource: string;
  readonly Condition: { readonly DateLessThan: { readonly 'aws:CurrentTime': string } };
}

const NEEDS = () => ({ apply: false, environment: cloud.environment });
