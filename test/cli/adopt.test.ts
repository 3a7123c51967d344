// `ferry adopt` as an operator runs it, against real engines and a stand-in for Lambda; and what the other
// commands say of a control row that does not fit.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteTableCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Item } from '../../src/model/attribute-value.ts';
import { versionOf } from '../../src/model/guard.ts';
import type { Clock } from '../../src/ports.ts';
import {
  contents,
  openTwoRegions,
  putAll,
  runHere,
  type TwoRegions,
} from '../fixtures/two-regions.ts';

let regions: TwoRegions;
beforeEach(async () => {
  regions = await openTwoRegions();
});
afterEach(() => regions.close());

/** Its waits take no time. */
function hurried(): Clock & { readonly sleptMs: () => number } {
  let skewMs = 0;
  return {
    now: () => Date.now() + skewMs,
    sleep: async (ms) => {
      skewMs += ms;
    },
    sleptMs: () => skewMs,
  };
}

const run = (...args: string[]) =>
  runHere([...args, '--config', regions.config], undefined, hurried());
const controlRow = () =>
  regions.destination.get('ferry-orders-state', { id: { S: 'orders#control' } });
const mapping = (state: string, streamArn = regions.streamArn, id = 'a1b2') => ({
  id,
  state,
  streamArn,
});
const version = (epoch: number, labelMs = 5): Item => ({
  _ferry: { M: { v: { S: versionOf({ epoch, labelMs }, '7') } } },
});

async function put(table: 'Orders' | 'ferry-orders-state', item: Item): Promise<void> {
  await regions.destination.client.send(
    new PutItemCommand({ TableName: table, Item: { ...item } }),
  );
}

/** As if the replication had read another table before. */
async function repoint(): Promise<void> {
  await regions.adopt();
  await regions.destination.client.send(
    new UpdateItemCommand({
      TableName: 'ferry-orders-state',
      Key: { id: { S: 'orders#control' } },
      UpdateExpression: 'SET epochs[0].streams = :other',
      ExpressionAttributeValues: {
        ':other': {
          L: [{ S: 'arn:aws:dynamodb:us-east-1:1:table/Old/stream/2026-01-01T00:00:00' }],
        },
      },
    }),
  );
}

describe('ferry adopt', () => {
  it('shows what it would do, and changes nothing', async () => {
    await repoint();
    regions.lambda.mappings = [mapping('Enabled')];
    const before = await controlRow();

    const { exitCode, out } = await run('adopt');

    expect(exitCode).toBe(3);
    expect(out).toContain('Adopt would disable the event source mapping a1b2, and wait 2 min');
    expect(out).toContain(
      `It would open epoch 2 for the stream ${regions.streamArn}, because the control row does not know the stream.`,
    );
    expect(out).toContain('Nothing was changed.');
    expect(await controlRow()).toEqual(before);
    expect(regions.lambda.changes).toEqual([]);
  });

  it('pauses the mapping, opens the next epoch, and starts the mapping again', async () => {
    await repoint();
    regions.lambda.mappings = [mapping('Enabled')];

    const { exitCode, out, err } = await run('adopt', '--apply');

    expect(exitCode).toBe(0);
    expect(out).toContain(`Epoch 2 is open for the stream ${regions.streamArn}.`);
    expect(out).toContain(`\`ferry verify --config ${regions.config}\``);
    expect(err.split('\n')).toEqual([
      'Disabling the event source mapping a1b2.',
      'Waiting until Lambda has disabled it.',
      expect.stringMatching(/^Waiting until no earlier write can arrive: 125 s left\.$/) as string,
      expect.stringMatching(/: 95 s left\.$/) as string,
      expect.stringMatching(/: 65 s left\.$/) as string,
      expect.stringMatching(/: 35 s left\.$/) as string,
      expect.stringMatching(/: 5 s left\.$/) as string,
      'Opening epoch 2, because the control row does not know the stream.',
      'Enabled the event source mapping a1b2.',
    ]);
    expect(regions.lambda.changes).toEqual(['disable a1b2', 'enable a1b2']);
    expect(await controlRow()).toMatchObject({ revision: { N: '2' } });
  });

  it('finds nothing to adopt the second time', async () => {
    await repoint();
    await run('adopt', '--apply');
    const before = await controlRow();

    const { exitCode, out } = await run('adopt', '--apply');

    expect(exitCode).toBe(0);
    expect(out).toContain('There is nothing to adopt.');
    expect(await controlRow()).toEqual(before);
  });

  it('says that the mapping is disabled, where an earlier run was killed before it enabled it', async () => {
    await repoint();
    await run('adopt', '--apply');
    regions.lambda.mappings = [mapping('Disabled')];

    const { exitCode, out, err } = await run('adopt', '--apply');

    expect(exitCode).toBe(0);
    expect(out).toContain('There is nothing to adopt.');
    expect(err).toContain(
      'The event source mapping a1b2 was already disabled, and stays disabled.',
    );
    expect(err).toContain('--region us-east-1 --uuid a1b2 --enabled');
  });

  it('says what is disabled, and how to go on, when it is stopped', async () => {
    await repoint();
    regions.lambda.mappings = [mapping('Enabled')];
    const stop = new AbortController();
    const clock = hurried();
    const sleep = async (ms: number) => {
      await clock.sleep(ms);
      if (clock.sleptMs() > 60_000) stop.abort();
    };

    const args = ['adopt', '--apply', '--config', regions.config];
    const { exitCode, err } = await runHere(args, stop.signal, { ...clock, sleep });

    expect(exitCode).toBe(3);
    expect(err).toContain(
      `The event source mapping a1b2 is disabled. Run \`ferry adopt --apply --config ${regions.config}\` again`,
    );
    expect(err).toContain('--region us-east-1 --uuid a1b2 --enabled');
    expect(await controlRow()).toMatchObject({ revision: { N: '1' } });

    const again = await run('adopt', '--apply');
    expect(again.exitCode).toBe(0);
    expect(again.err).toContain(
      'The event source mapping a1b2 was already disabled, and stays disabled.',
    );
    expect(regions.lambda.changes).toEqual(['disable a1b2']);
  });

  it('goes on without a function: nothing has to be paused', async () => {
    await repoint();
    regions.lambda.isDeployed = false;

    const { exitCode, out } = await run('adopt', '--json');

    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toMatchObject({ adopt: true, epoch: 2, mappings: [], waitSeconds: 0 });
    expect((await run('adopt', '--apply')).exitCode).toBe(0);
  });

  it('tells the price of reading every version first, and opens the epoch above all', async () => {
    await put('Orders', { pk: { S: 'a' }, ...version(1) });
    await put('Orders', { pk: { S: 'b' }, ...version(3) });

    const looked = await run('adopt');
    const { exitCode, err } = await run('adopt', '--apply');

    expect(looked.out).toMatch(
      /It would read the version of every item of the twin \(about .* RCU, under \$0\.01\), because there is no control row/,
    );
    expect(exitCode).toBe(0);
    expect(err.split('\n')[0]).toMatch(
      /^Reading the version of every item of the twin \(about .*\), because there is no control row/,
    );
    expect(await controlRow()).toMatchObject({ epochs: { L: [{ M: { n: { N: '4' } } }] } });
  });

  it('upgrades a running replication as it is, without pausing it', async () => {
    await put('Orders', { pk: { S: 'a' }, ...version(1) });
    regions.lambda.mappings = [mapping('Enabled')];

    const { exitCode, out } = await run('adopt', '--as-is', '--apply');

    expect(exitCode).toBe(0);
    expect(out).toContain('Deploy this release now.');
    expect(regions.lambda.changes).toEqual([]);
    expect(await controlRow()).toMatchObject({ epochs: { L: [{ M: { n: { N: '1' } } }] } });
  });

  it('does not take a twin as it is that another stream has written', async () => {
    await put('Orders', { pk: { S: 'a' }, ...version(2) });

    const { exitCode, err } = await run('adopt', '--as-is', '--apply');

    expect(exitCode).toBe(1);
    expect(err).toContain('cannot have written in epoch 1');
    expect(err).toContain('Hint: Something else has written to the twin.');
    expect(await controlRow()).toBeUndefined();
  });

  it('refuses two ways at once', async () => {
    expect(await run('adopt', '--as-is', '--again')).toMatchObject({ exitCode: 2 });
  });
});

describe('a control row that does not fit', () => {
  const commands = ['verify --settle 0', 'backfill', 'backfill --apply'];

  /** The same configuration with another value. */
  function changed(change: object): string {
    const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
      replications: [object];
    };
    const path = join(regions.directory, 'changed.json');
    writeFileSync(path, JSON.stringify({ replications: [{ ...replications[0], ...change }] }));
    return path;
  }

  it.each(commands)('stops %s where the reserved attribute was renamed', async (command) => {
    await put('Orders', { pk: { S: 'a' }, ...version(1) });
    await run('adopt', '--as-is', '--apply');
    const config = changed({ reservedAttribute: '_other' });

    const { exitCode, err } = await runHere([...command.split(' '), '--config', config]);

    expect(exitCode).toBe(1);
    expect(err).toContain(
      'have their versions in the attribute "_ferry"; the configuration says "_other".',
    );
    expect(err).toContain('Hint: Set "reservedAttribute" to "_ferry".');
  });

  it.each(commands)('stops %s where the twin was made anew', async (command) => {
    await regions.adopt();
    await regions.destination.client.send(new DeleteTableCommand({ TableName: 'Orders' }));
    await regions.destination.createTable('Orders', [{ name: 'pk', type: 'S' }]);

    const { exitCode, err } = await run(...command.split(' '));

    expect(exitCode).toBe(1);
    expect(err).toMatch(
      /The twin Orders is another table than the one that was adopted: its TableId is/,
    );
    expect(err).toContain('run `ferry adopt --config ');
  });

  it('lets a backfill go on once the new twin is adopted', async () => {
    await regions.adopt();
    await putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }]);
    await regions.destination.client.send(new DeleteTableCommand({ TableName: 'Orders' }));
    await regions.destination.createTable('Orders', [{ name: 'pk', type: 'S' }]);

    await run('adopt', '--apply');

    expect(await run('backfill', '--apply')).toMatchObject({ exitCode: 0 });
    const twin = await contents(regions.destination, 'Orders');
    expect(twin.get('a')?.['_ferry']?.M?.['v']?.S).toMatch(/^0002\./);
  });

  it('stops what writes, and not what compares, where the stream is unknown', async () => {
    await repoint();

    expect(await run('backfill', '--apply')).toMatchObject({
      exitCode: 1,
      err: expect.stringMatching(
        /does not know the stream .*\nHint: .*`ferry adopt --config \S+`/,
      ) as string,
    });
    expect(await run('verify', '--settle', '0')).toMatchObject({ exitCode: 0 });
  });

  it('stops everything where there is no row, but versions', async () => {
    await put('Orders', { pk: { S: 'a' }, ...version(1) });

    for (const command of commands) {
      expect(await run(...command.split(' '))).toMatchObject({
        exitCode: 1,
        err: expect.stringMatching(/no control row of orders.*\nHint: .*--as-is/) as string,
      });
    }
    expect(await controlRow()).toBeUndefined();
  });

  it('stops on a row of a format that it does not know', async () => {
    await regions.adopt();
    await put('ferry-orders-state', { ...(await controlRow()), format: { N: '3' } });

    expect(await run('verify')).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('its format is 3; this release reads 1 and 2') as string,
    });
  });
});

describe('a replication that has never written anything', () => {
  it('is adopted by its first backfill, and by nothing that only looks', async () => {
    await putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }]);

    await run('verify', '--settle', '0');
    await run('backfill');
    expect(await controlRow()).toBeUndefined();

    await run('backfill', '--apply');
    expect(await controlRow()).toMatchObject({
      revision: { N: '1' },
      reserved: { S: '_ferry' },
      epochs: { L: [{ M: { streams: { L: [{ S: regions.streamArn }] } } }] },
    });
  });
});

describe('ferry backfill --before-stream', () => {
  beforeEach(() => putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }, { pk: { S: 'b' } }]));
  const before = () => run('backfill', '--apply', '--before-stream');

  it('estimates a plain put for each item', async () => {
    expect((await run('backfill', '--before-stream')).out).toMatch(/write capacity +about 2 WCU$/m);
  });

  it('copies by plain puts, and enables the mapping in the end', async () => {
    regions.lambda.mappings = [mapping('Disabled')];

    const { exitCode, err } = await before();

    expect(exitCode).toBe(0);
    expect(err).toContain('The event source mapping a1b2 is enabled.');
    expect(err).toContain('Set "eventSource": {"enabled": true} in the configuration');
    expect(regions.lambda.changes).toEqual(['enable a1b2']);
    expect((await contents(regions.destination, 'Orders')).size).toBe(2);
  });

  it('needs a mapping that is disabled', async () => {
    regions.lambda.mappings = [mapping('Enabled')];

    expect(await before()).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining(
        'needs a disabled event source mapping; a1b2 is Enabled',
      ) as string,
    });
    expect((await contents(regions.destination, 'Orders')).size).toBe(0);
  });

  it.each<[string, () => Promise<void>, string]>([
    ['a twin', () => put('Orders', { pk: { S: 'z' } }), 'needs a new twin'],
    [
      'a state table',
      async () => {
        await regions.adopt();
        await put('ferry-orders-state', { id: { S: 'x' }, d: { S: 'v' } });
      },
      'needs a new state table',
    ],
  ])('needs %s that nobody has written to', async (_, write, message) => {
    await write();

    expect(await before()).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining(message) as string,
    });
  });

  it('may come before the mapping is there at all', async () => {
    const { exitCode, err } = await before();

    expect(exitCode).toBe(0);
    expect(err).toMatch(/has no event source mapping yet\. .* deploy before 20.*Z/);
  });

  it('only enables the mapping where it was stopped after the copy', async () => {
    regions.lambda.mappings = [mapping('Disabled')];
    const stop = new AbortController();
    const clock = { ...hurried(), sleep: async () => stop.abort() };
    const args = ['backfill', '--apply', '--before-stream', '--config', regions.config];

    const stopped = await runHere(args, stop.signal, clock);
    expect(stopped).toMatchObject({ exitCode: 3 });
    expect(stopped.err).toContain('Run the command again to enable the event source mapping.');
    expect((await run('backfill', '--before-stream')).out).toContain(
      '--apply copies nothing, and enables the event source mapping.',
    );

    const again = await before();
    expect(again.exitCode).toBe(0);
    expect(again.err).toContain('has already finished.');
    expect(regions.lambda.changes).toEqual(['enable a1b2']);
  });

  it('says that all is done when it is run once more', async () => {
    regions.lambda.mappings = [mapping('Disabled')];
    await before();

    const dry = await run('backfill', '--before-stream');
    const again = await before();

    expect(dry.out).toContain('--apply does nothing: the event source mapping is already enabled.');

    expect(again.exitCode).toBe(0);
    expect(again.err).toContain('has already finished.');
    expect(again.err).toContain('The event source mapping a1b2 is enabled.');
    expect(regions.lambda.changes).toEqual(['enable a1b2']);
  });

  it('refuses in its estimate what it would refuse to copy', async () => {
    regions.lambda.mappings = [mapping('Enabled')];

    expect(await run('backfill', '--before-stream')).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('needs a disabled event source mapping') as string,
    });
  });
});
