// `ferry redrive` as an operator runs it, in processes of its own: looked at, applied, interrupted and
// killed, against a real engine and real protocols.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { below, seededRandom } from '../../src/local/seeded-random.ts';
import type { Item } from '../../src/ports.ts';
import { type DeployedReplication, deployLocally, TWIN } from '../fixtures/deployed-replication.ts';
import { noteBatch } from '../fixtures/noted-batch.ts';
import { lambdaRecord } from '../fixtures/records.ts';

const SEED = Number(process.env['SEED'] ?? '20260131');

let deployed: DeployedReplication;
beforeAll(async () => {
  deployed = await deployLocally('orders');
});
afterAll(() => deployed.close());
beforeEach(async () => {
  await deployed.empty();
});

interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[]): { child: ChildProcess; finished: Promise<Finished> } {
  const child = spawn(process.execPath, ['bin/ferry.cjs', ...args, ...deployed.places], {
    env: { ...process.env, ...deployed.environment },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
  return { child, finished };
}

const run = (...args: string[]) => start(args).finished;

/** In this process. */
async function redriveHere(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await main(args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    status: () => undefined,
    isTerminal: false,
    environment: deployed.environment,
    interrupted: new AbortController().signal,
  });
  return { exitCode, out: out.join('\n'), err: err.join('\n') };
}

describe('ferry redrive', () => {
  it('looks, and changes nothing', async () => {
    await deployed.park(25);
    const before = await deployed.attributes();

    const { exitCode, stdout } = await run('redrive');

    expect(exitCode).toBe(3);
    expect(stdout).toContain('orders: 25 failed records. Nothing was changed.');
    expect(stdout).toMatch(/ValidationException +25/);
    expect(stdout).toMatch(/oldest 20.*\nnewest 20/);
    expect(stdout).toMatch(/applied +25/);
    expect(stdout.match(/^write \{"pk":\{"S":"parked-.*: applied$/gm)).toHaveLength(20);
    expect(stdout).toContain('and 5 more items: --limit lists more of them.');
    expect(stdout).not.toContain('poison');
    expect(await deployed.attributes()).toEqual(before);
  });

  it('applies, tells machines in one line, and has nothing left', async () => {
    await deployed.park(25);

    const { exitCode, stdout } = await run('redrive', '--apply', '--json');

    expect(exitCode).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({
      replication: 'orders',
      apply: true,
      found: 25,
      applied: 25,
      left: 0,
    });
    expect(await run('redrive')).toMatchObject({ exitCode: 0 });
  });

  it('reads a batch from the stream that Lambda only noted in the queue', async () => {
    await noteBatch(deployed, ['noted-1', 'noted-2']);

    const looked = await run('redrive');
    const { exitCode, stdout } = await run('redrive', '--apply', '--json');

    expect(looked.stdout).toMatch(/RecordAgeExceeded +2/);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ found: 2, applied: 2, left: 0 });
    expect(await deployed.queue.size()).toBe(0);
    for (const id of ['noted-1', 'noted-2'])
      expect(await deployed.engine.get(TWIN, { pk: { S: id } })).toMatchObject({
        text: { S: 'noted' },
      });
  });

  it('exits with 3 when something is left', async () => {
    await deployed.park(25);

    const { exitCode, stdout } = await run('redrive', '--apply', '--limit', '10', '--json');

    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ applied: 10, remaining: 15, remainingObjects: 0 });
    expect(await deployed.queue.size()).toBe(15);
  });

  it('says how many letters, and how many objects with batches, a limited run leaves', async () => {
    await deployed.park(8);
    await giveUp('first', 6);
    await giveUp('second', 6);
    const args = ['--apply', '--limit'];

    const first = await redriveHere('redrive', ...deployed.places, ...args, '5');
    const second = await redriveHere('redrive', ...deployed.places, ...args, '6');

    expect(first.exitCode).toBe(3);
    expect(first.out).toContain('orders: 5 selected failed records\n');
    expect(first.out).toMatch(/applied +5\n/);
    expect(first.out).not.toContain('left');
    expect(first.out).toContain(
      'About 3 dead letters remain in the queue. A dead letter is one record.',
    );
    expect(first.out).toContain('2 objects remain in the bucket. An object is a batch of records');
    // Three letters, and three records of the first object, which stays for the sake of the others.
    expect(second.out).toContain('orders: 6 selected failed records\n');
    expect(second.out).not.toContain('in the queue');
    expect(second.out).toContain('2 objects remain in the bucket.');
    expect((await redriveHere('redrive', ...deployed.places, '--apply')).exitCode).toBe(0);
    expect((await deployed.attributes()).objects).toEqual([]);
  });

  it('applies the one item that it is told to, and leaves the letters of all others', async () => {
    await deployed.park(25);
    // Hidden from nobody.
    const [message] = await deployed.queue.receive(0);
    const { key } = JSON.parse(message?.body ?? '') as { key: Item };

    const args = ['--apply', '--key', JSON.stringify(key), '--json'];
    const { exitCode, stdout } = await run('redrive', ...args);

    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      found: 25,
      matched: 1,
      applied: 1,
      left: 24,
      items: [{ key, action: 'write', outcome: 'applied', records: 1 }],
      itemsShown: 1,
      itemsLeftOut: 0,
    });
    expect(await deployed.queue.size()).toBe(24);
    expect(await deployed.engine.get(TWIN, key)).toBeDefined();
  });

  it('is about what is selected, and says how many others stay', async () => {
    await deployed.park(3);
    const [message] = await deployed.queue.receive(0);
    const { key } = JSON.parse(message?.body ?? '') as { key: Item };
    const args = ['redrive', ...deployed.places, '--key', JSON.stringify(key)];

    const looked = await redriveHere(...args);
    const applied = await redriveHere(...args, '--apply');
    const again = await redriveHere(...args, '--apply');

    expect(looked.exitCode).toBe(3);
    expect(looked.out).toContain('orders: 1 selected failed record. Nothing was changed.');
    expect(applied.exitCode).toBe(0);
    expect(applied.out).toContain('2 other records are not selected, and stay in place.');
    expect(again.exitCode).toBe(0);
    expect(again.out).toContain('No failed record has this key (2 records found).');
    expect(again.out).not.toContain('applied');
  });

  it('exits with 3 while a selected record fails again', async () => {
    await deployed.park(2);
    const [message] = await deployed.queue.receive(0);
    const letter = JSON.parse(message?.body ?? '') as object;
    const record = lambdaRecord({ id: 'odd', eventName: 'UPSERT' });
    await deployed.send(JSON.stringify({ ...letter, reason: { name: 'Odd' }, record }));

    const { exitCode, out } = await redriveHere(
      'redrive',
      ...deployed.places,
      '--reason',
      'Odd',
      '--apply',
      '--json',
    );

    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toMatchObject({ matched: 1, failures: { UnknownEventName: 1 } });
  });

  it('says which reasons there are where none is the given one', async () => {
    await deployed.park(3);
    const args = ['redrive', ...deployed.places, '--reason', 'ValidationExeption'];

    const { exitCode, out } = await redriveHere(...args);
    const { out: json } = await redriveHere(...args, '--json');

    expect(exitCode).toBe(0);
    expect(out).toContain(
      'No failed record has the reason "ValidationExeption" (3 records found).\nThe reasons found: ValidationException (3).',
    );
    expect(JSON.parse(json)).toMatchObject({
      matched: 0,
      foundReasons: { ValidationException: 3 },
    });
  });

  it('tells machines how many items the list leaves out, and what became of the others', async () => {
    await deployed.park(25);
    const args = ['redrive', ...deployed.places, '--json'];

    const looked = JSON.parse((await redriveHere(...args)).out) as { items: object[] };
    const applied = JSON.parse((await redriveHere(...args, '--apply')).out) as { items: object[] };

    for (const report of [looked, applied]) {
      expect(report).toMatchObject({ itemsShown: 20, itemsLeftOut: 5 });
      expect(report.items).toHaveLength(20);
      expect(report.items[0]).toMatchObject({ action: 'write', outcome: 'applied', records: 1 });
    }
  });

  it('ends on Ctrl-C, gives back what it held, and says that something is left', async () => {
    await deployed.park(60);
    const { child, finished } = start(['redrive', '--apply', '--rate', '10']);
    await untilFewer(60);

    child.kill('SIGINT');
    const { exitCode } = await finished;

    expect(exitCode).toBe(3);
    const { visible, hidden } = await deployed.attributes();
    expect(visible).toBeGreaterThan(0);
    expect(hidden).toBe(0);
  });

  it('does without the source where its Region is lost', async () => {
    await deployed.park(5);
    const { replications } = JSON.parse(readFileSync(deployed.places[1] ?? '', 'utf8')) as {
      replications: [{ source: object }];
    };
    const [{ source, ...rest }] = replications;
    const lost = { ...rest, source: { ...source, endpoint: 'http://127.0.0.1:1' } };
    const config = join(mkdtempSync(join(tmpdir(), 'ferry-lost-')), 'ferry.json');
    writeFileSync(config, JSON.stringify({ replications: [lost] }));
    const args = ['redrive', '--apply', '--json', ...deployed.places.slice(2), '--config', config];

    const asked = await redriveHere(...args);
    const { exitCode, out } = await redriveHere(...args, '--without-source');
    rmSync(dirname(config), { recursive: true });

    expect(asked.exitCode).toBe(1);
    expect(asked.err).toContain('ECONNREFUSED');
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ applied: 5, left: 0 });
  });

  it('leaves what is another replication’s where it is, and says so', async () => {
    await deployed.park(1);
    const [message] = await deployed.queue.receive(60);
    if (message === undefined) throw new Error('no letter');
    const letter = JSON.parse(message.body) as { replication: string };
    await deployed.send(JSON.stringify({ ...letter, replication: 'carts' }));
    await deployed.queue.delete(message);

    const { exitCode, stdout } = await run('redrive', '--apply');

    expect(exitCode).toBe(3);
    expect(stdout).toContain('1 message or record of another replication or table');
    expect(await deployed.queue.size()).toBe(1);
  });

  it('may run twice at once', async () => {
    await deployed.park(60);

    const both = await Promise.all([
      run('redrive', '--apply', '--json'),
      run('redrive', '--apply', '--json'),
    ]);

    const applied = both.map(({ stdout }) => (JSON.parse(stdout) as { applied: number }).applied);
    expect(applied.reduce((sum, count) => sum + count)).toBe(60);
    expect(await deployed.queue.size()).toBe(0);
  });
});

describe('ferry redrive, killed at random', () => {
  it(`loses nothing and applies nothing wrongly (SEED=${SEED})`, async () => {
    const random = seededRandom(SEED);
    const expected = await history(random);
    const letters = await deployed.queue.size();
    let kills = 0;
    while (kills < 8) {
      const { child, finished } = start(['redrive', '--apply', '--hide-for', '1', '--rate', '40']);
      const timer = setTimeout(() => child.kill('SIGKILL'), 900 + below(random, 1_500));
      const { exitCode } = await finished;
      clearTimeout(timer);
      if (exitCode === 0) break;
      kills += 1;
    }
    await untilVisible();
    const last = await run('redrive', '--apply', '--hide-for', '1', '--rate', '100000');

    expect(letters).toBeGreaterThan(200);
    expect(kills).toBeGreaterThan(3);
    expect(last.exitCode).toBe(0);
    expect(await deployed.queue.size()).toBe(0);
    const actual: Record<string, unknown> = {};
    for (const id of Object.keys(expected)) {
      actual[id] = (await deployed.engine.get(TWIN, { pk: { S: id } }))?.['value']?.N;
    }
    expect(actual).toEqual(expected);
  });

  /** Writes and deletes of 40 items, most of which the destination refuses at first. @returns the end. */
  async function history(random: ReturnType<typeof seededRandom>) {
    const expected: Record<string, string | undefined> = {};
    for (let index = 1; index <= 400; index += 1) {
      const id = `killed-${below(random, 40)}`;
      const remove = expected[id] !== undefined && random.next() < 0.2;
      const poison = random.next() < 0.8 ? { poison: { BOOL: true } } : {};
      expected[id] = remove ? undefined : String(index);
      const sequenceNumber = String(1_000_000 + index);
      const attributes = { value: { N: String(index) }, ...poison };
      await deployed.stream([
        lambdaRecord({ id, sequenceNumber, eventName: remove ? 'REMOVE' : 'MODIFY', attributes }),
      ]);
    }
    return expected;
  }
});

describe('ferry redrive, wrongly used', () => {
  it.each([
    [['--key', '{pk}'], 2, '--key must be the JSON of a key'],
    [['--key', '{"pk":7}'], 2, '--key must have pk (S), got pk (N)'],
    [['--key', '{"pk":"a","sk":"b"}'], 2, 'sk is not a key attribute of the table'],
    [
      ['--older-than', 'yesterday'],
      2,
      '--older-than must be a duration or a date, got "yesterday"',
    ],
    [['--limit', '0'], 2, '--limit must be a whole number from 1'],
    [['--replication', 'users'], 2, 'has no replication "users"'],
    [['--bucket', 'nowhere'], 1, 'There is no bucket nowhere in us-east-1.'],
    [
      ['--queue-url', 'http://127.0.0.1:1/queue'],
      1,
      'Nothing listens at http://127.0.0.1:1 (ECONNREFUSED), for sqs:GetQueueAttributes of http://127.0.0.1:1/queue',
    ],
    [['--queue-url', 'no url'], 2, '--queue-url must be a URL'],
  ])('says what is wrong with %s', async (args, expected, message) => {
    await deployed.park(1);

    const { exitCode, err } = await redriveHere('redrive', ...placesBut(args), ...args);

    expect(exitCode).toBe(expected);
    expect(err).toContain(message);
    expect(err).toContain('Hint: ');
    expect(err).not.toContain('    at ');
    expect(await deployed.queue.size()).toBe(1);
  });
});

/** An option is given once. */
function placesBut([given]: readonly string[]): string[] {
  const { places } = deployed;
  return places.filter((_, index) => places[index] !== given && places[index - 1] !== given);
}

/** As Lambda puts a batch into the bucket. */
async function giveUp(name: string, records: number): Promise<void> {
  const Records = Array.from({ length: records }, (_, index) =>
    lambdaRecord({ id: `${name}-${index}`, sequenceNumber: String(2_000_000 + index) }),
  );
  const document = {
    requestContext: { condition: 'RetryAttemptsExhausted' },
    timestamp: new Date().toISOString(),
    DDBStreamBatchInfo: {},
    payload: JSON.stringify({ Records }),
  };
  await deployed.bucket.put(`aws/lambda/${name}`, JSON.stringify(document));
}

async function untilFewer(count: number): Promise<void> {
  await expect.poll(() => deployed.queue.size(), { interval: 50 }).toBeLessThan(count);
}

/** What a killed run held comes back by itself. */
async function untilVisible(): Promise<void> {
  await expect.poll(async () => (await deployed.attributes()).hidden, { interval: 100 }).toBe(0);
}
