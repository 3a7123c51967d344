// What commands do with a replication that can be switched, against two real engines: which direction they are about,
// and what they write while a switch goes on.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  openSwitchedRegions,
  type Side,
  type SwitchedRegions,
  switchRecord,
} from '../fixtures/switched-regions.ts';

let regions: SwitchedRegions;
beforeEach(async () => {
  regions = await openSwitchedRegions();
});
afterEach(() => regions.close());

const put = (side: Side, pk: string, text: string) =>
  side.engine.client.send(
    new PutItemCommand({ TableName: 'Orders', Item: { pk: { S: pk }, text: { S: text } } }),
  );
const textAt = async (side: Side, pk: string) =>
  (await side.engine.get('Orders', { pk: { S: pk } }))?.['text']?.S;
/** B is active in epoch 2. */
const switched = () => [
  regions.epoch(1, regions.a, { toMs: 1_000, end: 'drained' as const }),
  regions.epoch(2, regions.b, { fromMs: 1_000 }),
];
const json = (out: string) => JSON.parse(out) as object;

describe('the direction of a command', () => {
  it('is the one of the configuration before a switch', async () => {
    const { a, b } = regions;
    await regions.write();
    await put(a, 'one', 'of A');

    const { exitCode, out, err } = await regions.ferry('backfill', '--apply', '--json');

    expect(err).toContain('Direction out: us-east-1/Orders to eu-west-1/Orders.');
    expect(exitCode).toBe(0);
    expect(json(out)).toMatchObject({ replication: 'orders', direction: 'out', copied: 1 });
    expect(await textAt(b, 'one')).toBe('of A');
  });

  it('is the way back once the other Region is active', async () => {
    const { a, b } = regions;
    await regions.write({ epochs: switched() });
    await put(b, 'one', 'of B');

    const verified = await regions.ferry(
      'verify',
      '--settle',
      '0',
      '--json',
      '--report',
      '/tmp/ferry-switched.jsonl',
    );
    const copied = await regions.ferry('backfill', '--apply', '--json');

    expect(verified.err).toContain('Direction back: eu-west-1/Orders to us-east-1/Orders.');
    expect(json(verified.out)).toMatchObject({
      replication: 'orders',
      direction: 'back',
      missing: 1,
    });
    expect(copied.exitCode).toBe(0);
    expect(await textAt(a, 'one')).toBe('of B');
    expect((await a.engine.get('Orders', { pk: { S: 'one' } }))?.['_ferry']?.M?.['v']?.S).toMatch(
      /^0002\./,
    );
  });

  it('is not known where the copies say different things', async () => {
    const { a, b } = regions;
    await regions.write({ epochs: [regions.epoch(1, a)] }, [a]);
    await regions.write({ epochs: switched() }, [b]);

    const { exitCode, err } = await regions.ferry('verify');

    expect(exitCode).toBe(1);
    expect(err).toContain(
      'It is not known which Region is active: the control row in eu-west-1 says that eu-west-1 is active (epoch 2), and the control row in us-east-1 says that us-east-1 is active (epoch 1).',
    );
  });
});

describe('a switch that goes on', () => {
  it.each(['backfill', 'pause', 'resume'])('refuses %s before anything', async (command) => {
    await regions.write({ record: switchRecord({ step: 'audited' }) });
    await put(regions.a, 'one', 'of A');

    const { exitCode, err } = await regions.ferry(command, '--apply');

    expect(exitCode).toBe(3);
    expect(err).toContain(
      'orders cannot be written to now: alice has been switching it to eu-west-1 since 2026-01-31T14:02:00Z (audited).',
    );
    expect(await textAt(regions.b, 'one')).toBeUndefined();
  });
});
