// `backfill`, `verify` and `redrive` of several replications at once: one has nothing to do, the tables of one differ,
// and every call about one is denied.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { documents, ferry, type Fleet, openFleet } from '../fixtures/fleet.ts';
import { contents } from '../fixtures/two-regions.ts';

let fleet: Fleet;
const folder = process.cwd();
beforeAll(async () => {
  fleet = await openFleet();
  // Reports have their default names.
  process.chdir(fleet.directory);
}, 60_000);
afterEach(() => fleet.users.clean());
afterAll(async () => {
  process.chdir(folder);
  await fleet.close();
});

const verifyAll = ['verify', '--all', '--settle', '0'];

describe('several replications at once', () => {
  it('have their results under their names, in the order of the file, and a total', async () => {
    const { exitCode, out, err } = await ferry([...verifyAll, '--at-once', '3']);
    const text = out.join('\n');

    expect({ exitCode, err }).toEqual({ exitCode: 1, err: [] });
    expect(out.filter((line) => /^\S/.test(line))).toEqual([
      'orders',
      'users',
      'carts',
      '3 replications: 1 done; 1 with differences or work left: users; 1 failed: carts.',
    ]);
    expect(text).toMatch(
      /^orders\n {2}.*[^]* {2}The tables are equal: both are empty\.\n\nusers\n/,
    );
    expect(text).toContain('  missing {"pk":{"S":"only at the source"}}\n');
    expect(text).toMatch(
      /\ncarts\n {2}failed: These credentials may not call dynamodb:DescribeTable on carts .*\n {2}Hint: Allow/,
    );
    // A command for one of them names it.
    expect(text).toContain(
      '`ferry repair --report ferry-users-differences.jsonl --replication users`',
    );
    for (const name of ['orders', 'users'])
      expect(existsSync(join(fleet.directory, `ferry-${name}-differences.jsonl`))).toBe(true);
  });

  it('are a line each for scripts, and a total', async () => {
    const { exitCode, out, err } = await ferry([...verifyAll, '--json']);
    const [orders, users, carts, total, ...more] = documents(out);

    expect({ exitCode, err, more }).toEqual({ exitCode: 1, err: [], more: [] });
    expect(orders).toMatchObject({ replication: 'orders', equal: true });
    expect(users).toMatchObject({ replication: 'users', equal: false, missing: 1 });
    expect(carts).toEqual({
      replication: 'carts',
      error: {
        code: 'failure.denied',
        message: expect.stringContaining('dynamodb:DescribeTable') as string,
        hint: expect.stringContaining('Nothing was changed.') as string,
      },
    });
    expect(total).toEqual({ fleet: { replications: 3, done: 1, differences: 1, failed: 1 } });
  });

  it('go on after one that fails, also one after the other', async () => {
    const { replications } = JSON.parse(readFileSync(fleet.config, 'utf8')) as {
      replications: Array<{ name: string }>;
    };
    const config = join(fleet.directory, 'denied-first.json');
    writeFileSync(config, JSON.stringify({ replications: replications.toReversed() }));
    const args = ['backfill', '--all', '--at-once', '1', '--json', '--config', config];

    const { exitCode, out } = await ferry(args);

    expect(exitCode).toBe(1);
    expect(documents(out)).toEqual([
      expect.objectContaining({ replication: 'carts', error: expect.any(Object) as object }),
      expect.objectContaining({ replication: 'users', apply: false }),
      expect.objectContaining({ replication: 'orders', apply: false }),
      { fleet: { replications: 3, done: 2, differences: 0, failed: 1 } },
    ]);
  });

  it('show on a terminal one line of progress for all', async () => {
    const names = ['--replication', 'users,orders'];
    const { progress } = await ferry(['verify', ...names, '--settle', '0'], { isTerminal: true });

    expect(progress.filter((line) => !/^\[[ =]{20}\] \d of 2/.test(line))).toEqual([]);
    expect(progress.at(-1)).toBe('[====================] 2 of 2');
  });

  it('end all with Ctrl-C', async () => {
    const stop = new AbortController();
    const names = ['--replication', 'orders,users', '--at-once', '2'];
    // The second one waits for the second look at its difference.
    const { exitCode, out, err } = await ferry(['verify', ...names, '--settle', '3600'], {
      interrupted: stop.signal,
      out: (line) => {
        if (line === '  The tables are equal: both are empty.') stop.abort();
      },
    });
    const later = await ferry(['redrive', '--all'], { interrupted: stop.signal });

    expect({ exitCode, out }).toEqual({ exitCode: 3, out: [] });
    expect(err).toEqual([expect.stringMatching(/^users: Stopped\. Nothing is proved\./)]);
    expect(later.exitCode).toBe(3);
    expect(
      later.out.filter((line) => line.includes('Stopped before any work started.')),
    ).toHaveLength(3);
  });

  it.each([
    [['verify', '--all', '--key', '{"pk":"a"}'], '--key'],
    [['verify', '--replication', 'orders,users', '--report', 'all.jsonl'], '--report'],
    [
      ['redrive', '--all', '--bucket', 'b', '--queue-url', 'http://127.0.0.1:1/a/b'],
      '--queue-url and --bucket',
    ],
    [['redrive', '--all', '--look-again-queue-url', 'http://127.0.0.1:1/a/b'], '--look-again'],
    [['backfill', '--all', '--look-again-queue-url', 'http://127.0.0.1:1/a/b'], '--look-again'],
  ])('have no options of one: %j', async (args, named) => {
    const { exitCode, out, err } = await ferry(args);

    expect({ exitCode, out }).toEqual({ exitCode: 2, out: [] });
    expect(err[0]).toContain(named);
    expect(err[0]).toContain('cannot be used for several replications.');
    expect(err[1]).toBe(
      `Hint: Name one of them with --replication: orders, users${args.includes('--all') ? ', carts' : ''}.`,
    );
  });

  it.each(['backfill', 'verify', 'redrive'])('are asked for, before %s begins', async (name) => {
    const { exitCode, out, err } = await ferry([name]);

    expect({ exitCode, out }).toEqual({ exitCode: 2, out: [] });
    expect(err).toEqual([
      'ferry: ferry.json has several replications.',
      'Hint: Use --all, or name some of them with --replication: orders, users, carts.',
    ]);
  });

  it.each(['repair', 'adopt', 'pause', 'resume', 'teardown'])(
    'are not for %s, which names one',
    async (name) => {
      const report = name === 'repair' ? ['--report', 'x.jsonl'] : [];
      const all = await ferry([name, ...report, '--all']);
      const two = await ferry([name, ...report, '--replication', 'orders,users']);

      expect({ all: all.exitCode, two: two.exitCode }).toEqual({ all: 2, two: 2 });
      expect(all.err[0]).toContain(
        `ferry ${name} works on one replication, which --replication names, and has no option --all.`,
      );
      expect(two.err[0]).toContain('This command works on one replication, got');
      expect(two.err[1]).toContain('--replication: orders, users.');
    },
  );
});

describe('the work itself', () => {
  it('is a redrive of each queue', async () => {
    await fleet.users.spoil();

    const { exitCode, out } = await ferry(['redrive', '--all', '--json']);

    expect(exitCode).toBe(1);
    expect(documents(out)).toEqual([
      expect.objectContaining({ replication: 'orders', found: 0, unreadable: 0 }),
      expect.objectContaining({ replication: 'users', unreadable: 1 }),
      expect.objectContaining({ replication: 'carts', error: expect.any(Object) as object }),
      { fleet: { replications: 3, done: 1, differences: 1, failed: 1 } },
    ]);
  });

  it('is a copy of each table, after which they are equal', async () => {
    const names = ['--replication', 'orders,users'];
    const copied = await ferry(['backfill', ...names, '--apply']);
    const compared = await ferry(['verify', ...names, '--settle', '0']);

    expect({ exitCode: copied.exitCode, err: copied.err }).toEqual({ exitCode: 0, err: [] });
    expect(copied.out.at(-1)).toBe('2 replications: 2 done.');
    expect([...(await contents(fleet.engine, 'users-twin')).keys()]).toEqual([
      'only at the source',
    ]);
    expect([...(await contents(fleet.engine, 'orders-twin')).keys()]).toEqual([]);
    expect(compared.exitCode).toBe(0);
    expect(compared.out.at(-1)).toBe('2 replications: 2 done.');
  });
});
