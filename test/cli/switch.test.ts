// `ferry drain`, `failover` and `failback` as an operator runs them, on two real engines: looked at, applied, stopped and
// gone on with, cancelled, and refused. Nothing replicates here, so that the switch has to apply everything by itself.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { dynamoDbStreamReader } from '../../src/aws/dynamodb-streams.ts';
import { sqsDeadLetters } from '../../src/aws/sqs-dead-letters.ts';
import { streamsClient } from '../../src/aws/stream-ranges.ts';
import { runRow } from '../../src/backfill/checkpoint.ts';
import { writeRules } from '../../src/composition/write-rules.ts';
import { controlKey } from '../../src/model/control-item.ts';
import { newestEpoch } from '../../src/model/control-row.ts';
import { type FencedTable, openFencedTable } from '../fixtures/fenced-table.ts';
import {
  A,
  B,
  openSwitchedRegions,
  type Side,
  type SwitchedRegions,
  switchRecord,
} from '../fixtures/switched-regions.ts';
import { contents, runHere } from '../fixtures/two-regions.ts';
import type { Clock } from '../../src/ports.ts';

let skewMs = 0;
/** Called before each wait. */
let onWait: () => void = () => undefined;
/** Waits take no time. */
const hurried: Clock = {
  now: () => Date.now() + skewMs,
  async sleep(ms) {
    onWait();
    await new Promise((resolve) => setTimeout(resolve, 1));
    skewMs += ms;
  },
};

let regions: SwitchedRegions;
let letters: string;
beforeAll(async () => {
  regions = await openSwitchedRegions(hurried);
  const { failures, lambda, config } = regions;
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', new URL(failures.queueUrl).origin);
  const { queueUrl: deadLetterQueueUrl, bucketName: onFailureBucket } = failures;
  lambda.settings = { ...lambda.settings, deadLetterQueueUrl, onFailureBucket };
  letters = `${config}.letters`;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  rmSync(letters, { force: true });
  await regions.close();
});
beforeEach(async () => {
  onWait = () => undefined;
  for (const { engine } of [regions.a, regions.b])
    for (const pk of (await contents(engine, 'Orders')).keys()) await remove(engine, pk);
  for (const { engine, inbound } of [regions.a, regions.b])
    for (const id of (
      await contents(engine, inbound.stateTable, (row) => row['id']?.S ?? '')
    ).keys())
      await engine.client.send(
        new DeleteItemCommand({ TableName: inbound.stateTable, Key: { id: { S: id } } }),
      );
  await regions.write();
});

async function put({ engine }: Side, ...pks: readonly string[]): Promise<void> {
  for (const pk of pks)
    await engine.client.send(
      new PutItemCommand({ TableName: 'Orders', Item: { pk: { S: pk }, n: { N: '1' } } }),
    );
}

async function remove(engine: Side['engine'], pk: string): Promise<void> {
  await engine.client.send(new DeleteItemCommand({ TableName: 'Orders', Key: { pk: { S: pk } } }));
}

async function removeCopy({ engine, inbound }: Side): Promise<void> {
  const Key = { ...controlKey(writeRules(inbound)) };
  await engine.client.send(new DeleteItemCommand({ TableName: inbound.stateTable, Key }));
}

const keysAt = async ({ engine }: Side) =>
  [...(await contents(engine, 'Orders')).keys()].toSorted();
const json = (out: string) => JSON.parse(out) as Record<string, unknown>;

/** What a command without effect must not change. */
async function everything() {
  const copies = await Promise.all([regions.copy(regions.a), regions.copy(regions.b)]);
  return { copies, a: await keysAt(regions.a), b: await keysAt(regions.b) };
}

describe('without --apply', () => {
  it.each(['drain', 'failover'])('ferry %s audits, and changes nothing', async (name) => {
    await put(regions.a, 'a', 'b');
    const before = await everything();

    const { exitCode, out } = await regions.ferry(name);

    expect(exitCode).toBe(0);
    expect(out).toContain(
      name === 'drain'
        ? `The drain would prove that ${B} has everything, and leave ${A} fenced.`
        : `${A} is active, ${B} would become active.`,
    );
    expect(out).toMatch(/expected outage +about \d+ s of refused writes/);
    expect(out).toContain(`Nothing was changed. Run \`ferry ${name} --apply --config`);
    expect(await everything()).toEqual(before);
  });

  it('says in JSON what is behind and open', async () => {
    await put(regions.a, 'a', 'b');

    const { exitCode, out } = await regions.ferry('failover', '--json');

    expect(exitCode).toBe(0);
    expect(json(out)).toMatchObject({
      replication: 'orders',
      operation: 'failover',
      apply: false,
      result: 'preview',
      from: A,
      to: B,
      letters: [],
      batches: 0,
      lost: 0,
      backfill: false,
      expectedOutageSeconds: expect.any(Number) as number,
    });
  });

  it('finds nothing to do where the target is active', async () => {
    const { exitCode, out } = await regions.ferry('failback');

    expect(exitCode).toBe(0);
    expect(out).toContain(`${A} is active already (epoch 1). There is nothing to do.`);
  });
});

describe('with --apply', () => {
  it('drains, stays fenced, and goes on with the failover; then both are done already', async () => {
    await put(regions.a, 'a', 'b', 'c');

    const drained = await regions.ferry('drain', '--apply');
    expect(drained.exitCode).toBe(0);
    expect(drained.out).toMatch(/RPO 0, proven\. Writes refused \d\d:\d\d:\d\d to now\./);
    expect(drained.out).toContain(`${A} stays fenced. Run \`ferry failover --apply`);
    expect(await keysAt(regions.b)).toEqual(['a', 'b', 'c']);
    expect((await regions.copy(regions.a))?.switch?.step).toBe('drained');

    const switched = await regions.ferry('failover', '--apply');
    expect(switched).toMatchObject({ exitCode: 0 });
    expect(switched.out).toMatch(/RPO 0, proven\. RTO \d+ s: writes refused [\d:]+ to [\d:]+\./);
    expect(switched.err.split('\n').filter((line) => /^[4-7] /.test(line))).toEqual([
      '4 closed',
      expect.stringMatching(/^5 looked again: \d+ equal$/) as string,
      `6 opened ${B}`,
      `7 told ${A}`,
    ]);
    for (const side of [regions.a, regions.b]) {
      const row = await regions.copy(side);
      expect(row && newestEpoch(row)).toMatchObject({ n: 2, region: B });
      expect(row?.switch).toBeUndefined();
    }

    const again = await regions.ferry('failover', '--apply', '--json');
    expect(again.exitCode).toBe(0);
    expect(json(again.out)).toMatchObject({ result: 'already', active: B, epoch: 2 });
  });

  it('prints the proof as JSON', async () => {
    await put(regions.a, 'a');

    const { exitCode, out } = await regions.ferry('failover', '--apply', '--json', '--quiet', '1');

    expect(exitCode).toBe(0);
    expect(json(out)).toMatchObject({
      result: 'switched',
      left: [],
      proof: {
        format: 1,
        replication: 'orders',
        from: A,
        to: B,
        epochs: { ended: 1, opened: 2 },
        shards: 1,
        lettersAccepted: [],
        writesRefused: { from: expect.any(String) as string, to: expect.any(String) as string },
        rpo: { seconds: 0, proven: true },
        rtoSeconds: expect.any(Number) as number,
        fence: 'application',
      },
    });
  });

  it.each(['auditing', 'waiting'])(
    'stopped by Ctrl-C while it is %s, says how to go on, and goes on',
    async (phase) => {
      await put(regions.a, 'a');
      const interrupt = new AbortController();
      const stopWhenDue = async () => {
        const row = await regions.copy(regions.b);
        const isDue = phase === 'waiting' ? row?.closing : row?.switch?.step === 'fenced';
        if (isDue === true) interrupt.abort();
      };
      onWait = () => void stopWhenDue();

      const args = ['failover', '--apply', '--config', regions.config];
      const stopped = await runHere(args, interrupt.signal, hurried);
      onWait = () => undefined;
      expect(stopped).toMatchObject({ exitCode: 3, out: '' });
      expect(stopped.err).toMatch(/Stopped at "[a-z-]+"\. What was refused stays refused\./);
      expect(stopped.err).toContain('with --cancel to undo it');

      const { exitCode, out } = await regions.ferry('failover', '--apply');
      expect({ exitCode, out }).toMatchObject({ exitCode: 0 });
      expect(out).toContain('RPO 0, proven.');
    },
  );

  it('writes the copy that is missing beside a source that nothing has switched yet', async () => {
    await put(regions.a, 'a');
    await removeCopy(regions.a);

    const { exitCode } = await regions.ferry('failover', '--apply');

    expect(exitCode).toBe(0);
    const copies = await Promise.all([regions.copy(regions.a), regions.copy(regions.b)]);
    expect(copies.map((row) => row && newestEpoch(row))).toMatchObject([
      { n: 2, region: B },
      { n: 2, region: B },
    ]);
  });

  it('stopped by Ctrl-C where a Region is lost, says how to go on, and cannot be undone', async () => {
    const interrupt = new AbortController();
    onWait = () => interrupt.abort();

    const args = ['failover', '--source-lost', '--even-if-reachable', '--apply'];
    const stopped = await runHere([...args, '--config', regions.config], interrupt.signal, hurried);
    onWait = () => undefined;

    expect(stopped).toMatchObject({ exitCode: 3, out: '' });
    expect(stopped.err).toContain('Run `ferry failover --source-lost --even-if-reachable --apply');
    expect(stopped.err).not.toContain('--cancel');
  });

  it('is cancelled, after it has said what that would do', async () => {
    await put(regions.a, 'a');
    await regions.ferry('drain', '--apply');

    const looked = await regions.ferry('failover', '--cancel');
    expect(looked.exitCode).toBe(0);
    expect(looked.out).toContain(`A switch to ${B} is under way, at the step "drained".`);
    expect((await regions.copy(regions.a))?.switch).toBeDefined();
    const { exitCode, out } = await regions.ferry('failover', '--cancel', '--apply');

    expect(exitCode).toBe(0);
    expect(out).toContain(`Cancelled: an operator has cancelled it. ${A} is active.`);
    expect((await regions.copy(regions.a))?.switch).toBeUndefined();
    expect(newestEpoch((await regions.copy(regions.b)) as never).n).toBe(1);
  });
});

describe('with an open dead letter', () => {
  /** The record of a key, as the function puts it aside. */
  async function putAside(pk: string): Promise<string> {
    const { engine, streamArn, region } = regions.a;
    const client = streamsClient({ region, endpoint: engine.endpoint });
    const reader = dynamoDbStreamReader(client, streamArn);
    const [shard] = await reader.shards();
    const page = await reader.read(await reader.open(shard?.shardId ?? ''), 1_000);
    client.destroy();
    const record = page.records.findLast(({ dynamodb }) => dynamodb?.Keys?.['pk']?.S === pk);
    const queue = sqsDeadLetters({
      queueUrl: regions.failures.queueUrl,
      region,
      concurrency: 1,
      openBucket: async () => regions.failures.bucket,
    });
    const sequenceNumber = record?.dynamodb?.SequenceNumber ?? '';
    await queue.send({
      replication: 'orders',
      reason: { class: 'rejected', name: 'ItemTooLarge', message: '' },
      attempts: [],
      failedAt: new Date().toISOString(),
      sequenceNumber,
      record,
    });
    return sequenceNumber;
  }

  it('stops before the fence, and goes on without the letters that are accepted', async () => {
    await put(regions.a, 'a', 'large');
    const sequenceNumber = await putAside('large');
    const before = await everything();

    const refused = await regions.ferry('failover', '--apply');
    expect(refused.exitCode).toBe(3);
    expect(refused.out).toContain('Not proven: 1 open dead letter');
    expect(refused.out).toContain('Nothing was changed. Decide on what is open');
    expect(refused.out).not.toContain('--cancel');
    expect(refused.out).toContain(`letter ${sequenceNumber}  ItemTooLarge  {"pk":{"S":"large"}}`);
    expect(await everything()).toEqual(before);
    const listed = json((await regions.ferry('failover', '--json')).out);
    expect(listed).toMatchObject({
      result: 'preview',
      letters: [{ sequenceNumber, key: { pk: { S: 'large' } }, reason: 'ItemTooLarge' }],
    });

    writeFileSync(letters, `${sequenceNumber}\n`);
    const accepting = ['--accept-letters', letters, '--apply', '--json'];
    const { exitCode, out } = await regions.ferry('failover', ...accepting);

    expect({ exitCode, out }).toMatchObject({ exitCode: 0 });
    expect(json(out)).toMatchObject({
      result: 'switched',
      proof: { lettersAccepted: [sequenceNumber] },
    });
    expect(await keysAt(regions.b)).toEqual(['a']);
    // Its item is kept, and the old table is as the new one.
    expect(await keysAt(regions.a)).toEqual(['a']);
    for (const message of await regions.failures.queue.receive(0))
      await regions.failures.queue.delete(message);
  });
});

describe('refused, and nothing is changed', () => {
  it.each<[string, string[], RegExp]>([
    ['a time that is too short', ['--timeout', '1'], /--timeout must be a whole number from 60/],
    ['both cancel and letters', ['--cancel', '--accept-letters', 'x'], /contradict each other/],
    ['both cancel and a lost source', ['--cancel', '--source-lost'], /contradict each other/],
    ['reachable without lost', ['--even-if-reachable'], /is for --source-lost/],
    ['half-open without lost', ['--even-if-half-open'], /is for --source-lost/],
    ['another proof', ['--proof', 'half'], /--proof must be "full", got "half"/],
    ['letters that are no file', ['--accept-letters', '/nowhere/x'], /must name a file: ENOENT/],
    ['layers without all', ['--layers', '/nowhere/x'], /--layers is for --all/],
    ['layers that are no file', ['--all', '--layers', '/nowhere/x'], /must name a file with JSON/],
  ])('%s', async (_, args, message) => {
    const { exitCode, out, err } = await regions.ferry('failover', ...args);

    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toMatch(message);
  });

  it('letters that are not numbers', async () => {
    writeFileSync(letters, '12\nsome letter\n');

    const { exitCode, err } = await regions.ferry('failover', '--accept-letters', letters);

    expect(exitCode).toBe(2);
    expect(err).toContain('"some letter" is not one');
  });

  it('a switch that another operator runs', async () => {
    await regions.write({ record: switchRecord({ target: A, by: 'bob@desk' }) });
    const before = await everything();

    const { exitCode, err } = await regions.ferry('failover', '--apply');

    expect(exitCode).toBe(2);
    expect(err).toContain(`A switch to ${A} by bob@desk holds the replication`);
    expect(await everything()).toEqual(before);
  });

  it('a backfill under way', async () => {
    const rules = writeRules(regions.b.inbound);
    const run = {
      run: 'r1',
      totalSegments: 1,
      streamArn: regions.a.streamArn,
      destination: await regions.b.engine.twinReader.tableId('Orders'),
      startedAt: new Date().toISOString(),
    };
    const row = runRow(run, rules, { nowMs: Date.now(), overwrite: 'always' });
    await regions.b.engine.twinWriter.write(row);
    const before = await everything();

    const { exitCode, out } = await regions.ferry('failover', '--apply');

    expect(exitCode).toBe(3);
    expect(out).toContain('a backfill that has not ended');
    expect(await everything()).toEqual(before);
  });

  it('a control row that was edited', async () => {
    const { engine, inbound } = regions.b;
    const key = controlKey(writeRules(inbound));
    const item = await engine.get(inbound.stateTable, key);
    const edited = { ...item, epochs: { S: 'edited' } };
    await engine.client.send(new PutItemCommand({ TableName: inbound.stateTable, Item: edited }));

    const { exitCode, err } = await regions.ferry('failover', '--apply');

    expect(exitCode).toBe(2);
    expect(err).toContain(`The control row in ${B} cannot be read`);
    expect(await engine.get(inbound.stateTable, key)).toEqual(edited);
  });

  it('copies that show different epochs, without a switch that explains them', async () => {
    const { a, b, epoch } = regions;
    await regions.write({ epochs: [epoch(1, a, { end: 'drained', toMs: 5 }), epoch(3, b)] }, [b]);

    const { exitCode, err } = await regions.ferry('failback', '--apply');

    expect(exitCode).toBe(2);
    expect(err).toContain('show epochs');
  });

  it('no copy at all', async () => {
    for (const side of [regions.a, regions.b]) await removeCopy(side);

    const { exitCode, err } = await regions.ferry('failover', '--apply');

    expect(exitCode).toBe(2);
    expect(err).toContain('ferry adopt');
  });

  it('a lost Region that answers', async () => {
    const { exitCode, err } = await regions.ferry('failover', '--source-lost', '--apply');

    expect(exitCode).toBe(2);
    expect(err).toContain(`DynamoDB answers in ${A}: the Region is not lost.`);
    expect((await regions.copy(regions.b))?.closing).toBeUndefined();
  });

  it('a replication that cannot be switched', async () => {
    const { switching: _, ...plain } = regions.replication;
    const path = `${regions.config}.plain.json`;
    writeFileSync(path, JSON.stringify({ replications: [plain] }));

    const { exitCode, err } = await runHere(['failover', '--config', path]);

    rmSync(path);
    expect(exitCode).toBe(2);
    expect(err).toContain('orders cannot be switched: it has no "switching"');
  });
});

describe('a lost Region', () => {
  it('is left, taken back, and its writes are listed, replayed and dropped', async () => {
    await put(regions.a, 'old', 'late', 'later');

    const looked = await regions.ferry('failover', '--source-lost', '--even-if-reachable');
    expect(looked).toMatchObject({ exitCode: 0, err: '' });
    expect(looked.out).toContain(`${A} is taken for lost; ${B} would become active`);
    const lost = ['failover', '--source-lost', '--even-if-reachable', '--apply'];
    const left = await regions.ferry(...lost);
    expect(left.exitCode).toBe(0);
    expect(left.out).toMatch(/RPO (unknown|about \d+ s), not proven\. RTO \d+ s/);
    expect(left.out).toContain(`When ${A} is back, run \`ferry rejoin`);
    expect(await regions.ferry('failback', '--apply')).toMatchObject({ exitCode: 2 });

    const planned = await regions.ferry('rejoin');
    expect(planned.exitCode).toBe(0);
    expect(planned.out).toContain(`${A} was lost at`);
    const rejoined = await regions.ferry('rejoin', '--apply', '--json');
    expect(rejoined).toMatchObject({ exitCode: 0 });
    expect(json(rejoined.out)).toMatchObject({ result: 'rejoined', undecided: 3 });

    const undecided = await regions.ferry('failback', '--apply');
    expect(undecided.exitCode).toBe(3);
    expect(undecided.out).toContain('3 stranded writes to decide: see `ferry stranded list');
    const listed = await regions.ferry('stranded', 'list', '--images', '--json');
    expect(listed.exitCode).toBe(3);
    expect(json(listed.out)).toMatchObject({
      operation: 'stranded list',
      stranded: 3,
      undecided: 3,
    });

    const page = await regions.ferry('stranded', 'list', '--limit', '1', '--skip', '1');
    expect(page.out.match(/^ *stranded .*"pk"/gm)).toHaveLength(1);
    expect(page.out).toContain('and 1 more write: --skip 2 shows the next.');
    const last = await regions.ferry('stranded', 'list', '--skip', '2', '--json');
    expect(json(last.out)).toMatchObject({ stranded: 3, writes: [{ class: 'stranded' }], more: 0 });

    const key = ['--key', '{"pk":"late"}'];
    const would = await regions.ferry('stranded', 'replay', ...key);
    expect(would.out).toContain('would be put');
    expect(await keysAt(regions.b)).toEqual([]);
    const replayed = await regions.ferry('stranded', 'replay', ...key, '--apply');
    expect(replayed.out).toContain('1 replayed');
    expect(await keysAt(regions.b)).toEqual(['late']);
    const dropped = await regions.ferry('stranded', 'drop', '--apply', '--json');
    expect(dropped.exitCode).toBe(0);
    expect(json(dropped.out)).toMatchObject({ dropped: 2, undecided: 0 });
    const rest = await regions.ferry('stranded', 'list');
    expect(rest).toMatchObject({ exitCode: 0 });
    expect(rest.out).toContain('No stranded write waits for a decision.');
  });
});

describe('a switch that may have opened a Region, which is lost since', () => {
  it('is assumed to have opened it, once the operator says so', async () => {
    const record = switchRecord({ target: A, step: 'closed', fencedAtMs: Date.now() - 60_000 });
    const epochs = [
      { n: 1, region: A, fromMs: 1, toMs: 2, end: 'drained', streams: [regions.a.streamArn] },
      { n: 2, region: B, fromMs: 2, streams: [regions.b.streamArn] },
    ] as const;
    await regions.write({ record, closing: true, epochs });
    const lost = ['failover', '--source-lost', '--even-if-reachable'];

    const refused = await regions.ferry(...lost, '--apply');
    expect(refused.exitCode).toBe(2);
    expect(refused.err).toContain('add --even-if-half-open');

    const looked = await regions.ferry(...lost, '--even-if-half-open');
    expect(looked.exitCode).toBe(0);
    expect(looked.out).toContain(`It is assumed that it has opened ${A}`);
    expect(looked.out).toContain('--even-if-reachable --even-if-half-open --apply');

    const opened = await regions.ferry(...lost, '--even-if-half-open', '--apply');
    expect(opened.exitCode).toBe(0);
    const numbers = (await regions.copy(regions.b))?.epochs.map(({ n, region }) => [n, region]);
    expect(numbers?.slice(1)).toEqual([
      [2, B],
      [3, A],
      [4, B],
    ]);
  });
});

describe('in layers', () => {
  const layers = () => join(regions.config, '..', 'layers.json');
  const payload = (type: string, replication = 'orders') => ({
    StatePayload: [
      {
        layer: 1,
        resources: [
          { resourceType: type, resourceName: 'x', parameters: { Replication: replication } },
        ],
      },
    ],
  });

  it('switches what the file names, one layer after the other', async () => {
    await put(regions.a, 'a');
    writeFileSync(layers(), JSON.stringify(payload('PlannedFailoverDynamoDB')));

    const looked = await regions.ferry('failover', '--all', '--layers', layers());
    expect(looked).toMatchObject({ exitCode: 0 });
    expect(looked.out).toMatch(/^Layer 1\norders\n/);
    expect(newestEpoch((await regions.copy(regions.b)) as never).n).toBe(1);
    const { exitCode, out } = await regions.ferry('failover', '--all', '--apply');

    expect({ exitCode, out }).toMatchObject({ exitCode: 0 });
    expect(out).toContain('RPO 0, proven.');
    expect(out).toContain('1 replication: 1 done.');
  });

  it('does not take a table for lost where it is asked to cancel', async () => {
    writeFileSync(layers(), JSON.stringify(payload('UnplannedFailoverDynamoDB')));
    const before = await everything();

    const args = ['--all', '--layers', layers(), '--cancel', '--apply'];
    const { exitCode, err } = await regions.ferry('failover', ...args);

    expect({ exitCode, err }).toMatchObject({ exitCode: 2 });
    expect(err).toContain('--cancel and UnplannedFailoverDynamoDB contradict each other');
    expect(await everything()).toEqual(before);
  });

  it('does not begin a layer behind one that has failed', async () => {
    const { replication, config } = regions;
    const name = 'books';
    const streamArn =
      'arn:aws:dynamodb:us-east-1:111122223333:table/Books/stream/2026-01-31T12:00:00.000';
    const books = {
      name,
      source: { ...replication.source, table: 'Books', streamArn },
      destination: { ...replication.destination, table: 'Books' },
      switching: { fence: 'application', streamArn },
    };
    const orders = { ...replication, switching: { ...replication.switching, layer: 2 } };
    const path = `${config}.two.json`;
    writeFileSync(path, JSON.stringify({ replications: [books, orders] }));
    const before = await everything();

    const args = ['failover', '--all', '--apply', '--config', path];
    const { exitCode, out } = await runHere(args, undefined, hurried);

    rmSync(path);
    expect(exitCode).toBe(1);
    expect(out).toContain('books\n  failed: There is no source table Books in us-east-1.');
    expect(out).not.toContain('Layer 2');
    expect(await everything()).toEqual(before);
  });

  it.each([
    ['an unknown type', payload('FailoverAurora'), /resourceType must be one of/],
    ['an unknown replication', payload('PlannedFailoverDynamoDB', 'other'), /must be one that can/],
    ['the other way', payload('FailbackDynamoDB'), /operation "failback" for orders/],
  ])('refuses %s before anything is touched', async (_, document, message) => {
    writeFileSync(layers(), JSON.stringify(document));
    const before = await everything();

    const args = ['--all', '--layers', layers(), '--apply'];
    const { exitCode, out, err } = await regions.ferry('failover', ...args);

    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toMatch(message);
    expect(await everything()).toEqual(before);
  });
});

describe('with the fence of a resource policy', () => {
  let table: FencedTable;
  let twin: FencedTable;
  let config: string;
  beforeEach(async () => {
    const { replication } = regions;
    const [a, b] = await Promise.all(
      [regions.a, regions.b].map(({ engine, streamArn }) =>
        openFencedTable(engine.endpoint, streamArn.split('/stream/')[0] ?? ''),
      ),
    );
    [table, twin] = [a, b] as [FencedTable, FencedTable];
    vi.stubEnv('AWS_ENDPOINT_URL_STS', table.sts);
    const source = { ...replication.source, endpoint: table.endpoint };
    const destination = { ...replication.destination, endpoint: twin.endpoint };
    const switching = { ...replication.switching, fence: 'policy' };
    config = `${regions.config}.policy.json`;
    writeFileSync(
      config,
      JSON.stringify({ replications: [{ ...replication, source, destination, switching }] }),
    );
    onWait = () => {
      for (const { policies } of [table, twin]) void policies.clock.sleep(1_000);
    };
    return async () => {
      rmSync(config);
      vi.stubEnv('AWS_ENDPOINT_URL_STS', '');
      await Promise.all([table.close(), twin.close()]);
    };
  });
  const ferry = (...args: string[]) =>
    runHere([...args, '--config', config], undefined, hurried, {
      AWS_ENDPOINT_URL_STS: table.sts,
    });

  it('refuses a policy that would be too large, before anything is changed', async () => {
    const Sid = 'x'.repeat(20_300);
    const statement = { Sid, Effect: 'Allow', Principal: '*', Action: 'a:b', Resource: '*' };
    table.policies.overwrite(JSON.stringify({ Version: '2012-10-17', Statement: [statement] }));
    const before = await everything();

    const { exitCode, err } = await ferry('drain', '--apply');

    expect(exitCode).toBe(2);
    expect(err).toContain('DynamoDB allows 20480');
    expect(table.policies.changes).toBe(0);
    expect(await everything()).toEqual(before);
  });

  it('raises it, proves the drain, and removes it with the switch when that is cancelled', async () => {
    await put(regions.a, 'a');

    const drained = await ferry('drain', '--apply', '--json');
    expect(drained).toMatchObject({ exitCode: 0, err: expect.any(String) as string });
    expect(json(drained.out)).toMatchObject({ result: 'drained', proof: { fence: 'policy' } });
    expect(drained.err).toContain(`2 fenced ${A}, its probe denied for 30 s`);
    expect(table.policies.policy()).toMatch(/FerryFence.*role\/on-call/);
    const cancelled = await ferry('drain', '--cancel', '--apply');

    expect(cancelled).toMatchObject({ exitCode: 0 });
    expect(table.policies.policy()).toBeUndefined();
  });

  it('is cancelled where the fence does not hold, and says so', async () => {
    table.policies.leaks = () => true;

    const { exitCode, out } = await ferry('drain', '--apply', '--json');

    expect(exitCode).toBe(3);
    expect(json(out)).toMatchObject({ result: 'cancelled', active: A });
    expect(json(out)['why']).toContain('the fence does not hold');
    expect(table.policies.policy()).toBeUndefined();
    expect((await regions.copy(regions.a))?.switch).toBeUndefined();
  });
});
