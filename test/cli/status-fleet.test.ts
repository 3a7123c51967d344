// `ferry status` about a file with several replications: one is well, one is stuck, and one cannot be read.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Io } from '../../src/cli/output.ts';
import { documents, ferry, type Fleet, openFleet } from '../fixtures/fleet.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await openFleet();
}, 60_000);
afterAll(() => fleet.close());

const status = (args: readonly string[], world: Partial<Io> = {}, config = fleet.config) =>
  ferry(['status', '--config', config, ...args], world);

describe('ferry status of several replications', () => {
  it('is a line each, the worst first, and a total', async () => {
    const { exitCode, out, err } = await status([]);

    expect({ exitCode, err }).toEqual({ exitCode: 3, err: [] });
    expect(out).toEqual([
      'verdict     replication  oldest  dead letters     p99',
      'stuck       users             -             0  850 ms  the event source mapping is disabled; records have waited for 300 ms',
      expect.stringMatching(
        /^unreadable {2}carts +- +- +- {2}These credentials may not call lambda:GetFunctionConfiguration on ferry-carts-replicate in us-east-1 \(AccessDeniedException\)$/,
      ),
      'healthy     orders            -             0  850 ms  p99 latency is 850 ms',
      '',
      '3 replications: 1 stuck, 1 unreadable, 1 healthy. 0 dead letters.',
      `\`ferry status --replication NAME --config ${fleet.config}\` shows all figures of one.`,
      '',
    ]);
  });

  it('is for scripts one line per replication, in the order of the file, and the total last', async () => {
    const { exitCode, out, err } = await status(['--json']);
    const [orders, users, carts, total, ...more] = documents(out);

    expect({ exitCode, err, more }).toEqual({ exitCode: 3, err: [], more: [] });
    expect(orders).toMatchObject({ replication: 'orders', level: 'healthy', deadLetters: 0 });
    expect(users).toMatchObject({ replication: 'users', level: 'stuck', trend: 'unknown' });
    expect(carts).toMatchObject({
      replication: 'carts',
      level: 'unreadable',
      verdict: expect.stringContaining('may not call lambda:GetFunctionConfiguration') as string,
      error: {
        code: 'failure.denied',
        message: expect.stringMatching(/may not call .*\.$/) as string,
        hint: expect.stringContaining('Allow lambda:GetFunctionConfiguration') as string,
      },
    });
    expect(total).toEqual({
      fleet: {
        replications: 3,
        levels: { stuck: 1, unreadable: 1, healthy: 1 },
        deadLetters: 0,
      },
    });
  });

  it('counts the dead letters, and names the command for the replication that needs it', async () => {
    const { state } = fleet.orders.cloud;
    const figures = { SupersededRecords: () => 50, SupersededByNewerItem: () => 50 };
    const before = { ...state };
    await fleet.orders.spoil();
    Object.assign(state, { figures });
    try {
      const { exitCode, out } = await status(['--replication', 'users,orders']);

      expect(exitCode).toBe(3);
      expect(out.join('\n')).toContain('2 replications: 2 stuck. 1 dead letter.');
      expect(out.join('\n')).toContain(
        `\`ferry adopt --config ${fleet.config} --replication orders\``,
      );
    } finally {
      Object.assign(state, before);
      await fleet.orders.clean();
    }
  });

  it('is done where all are well', async () => {
    const { state } = fleet.users.cloud;
    const before = state.mapping;
    state.mapping = before && { ...before, state: 'Enabled' };
    try {
      const { exitCode, out } = await status(['--replication', 'orders,users']);

      expect(exitCode).toBe(0);
      expect(out).toContain('2 replications: 2 healthy. 0 dead letters.');
    } finally {
      state.mapping = before;
    }
  });

  it('has a word for a twin of another projection', async () => {
    const { state } = fleet.orders.cloud;
    const { settings } = state;
    state.settings = { ...settings, projectionDigest: '1'.repeat(64) };
    try {
      const { exitCode, out } = await status(['--replication', 'orders,users']);

      expect(exitCode).toBe(3);
      expect(out[2]).toMatch(
        /^outdated +orders .* no backfill has been completed with the deployed /,
      );
      expect(out).toContain('2 replications: 1 stuck, 1 outdated. 0 dead letters.');
    } finally {
      Object.assign(state, { settings });
    }
  });

  it('asks again where it is throttled', async () => {
    const { state } = fleet.orders.cloud;
    const throttled = { status: 400, type: 'ThrottlingException' };
    let requests = 0;
    // More often than the SDK tries.
    const refusal = () => (++requests <= 4 ? throttled : undefined);
    Object.defineProperty(state, 'refusal', { get: refusal, configurable: true });
    try {
      const { out } = await status(['--replication', 'orders,users', '--json']);

      expect(documents(out)[0]).toMatchObject({ replication: 'orders', level: 'healthy' });
      expect(requests).toBeGreaterThan(4);
    } finally {
      Object.defineProperty(state, 'refusal', { value: undefined, writable: true });
    }
  });

  it('fails only where none can be read', async () => {
    const { replications } = JSON.parse(readFileSync(fleet.config, 'utf8')) as {
      replications: ReadonlyArray<{ name: string; destination: object }>;
    };
    const carts = replications.find(({ name }) => name === 'carts');
    const other = {
      ...carts,
      name: 'trolleys',
      destination: { ...carts?.destination, table: 'trolleys-twin' },
    };
    const config = join(fleet.directory, 'denied.json');
    writeFileSync(config, JSON.stringify({ replications: [carts, other] }));

    const { exitCode, out } = await status(['--json'], {}, config);

    expect(exitCode).toBe(1);
    expect(documents(out).at(-1)).toMatchObject({ fleet: { levels: { unreadable: 2 } } });
  });

  it('shows on a terminal how many have been read', async () => {
    const { progress } = await status([], { isTerminal: true });

    expect(progress[0]).toBe('[                    ] 0 of 3');
    expect(progress.at(-1)).toBe('[====================] 3 of 3');
  });

  it.each([40, 80])('fits a terminal of %i columns', async (columns) => {
    const { out } = await status([], { resultColumns: () => columns });

    const long = out.filter((line) => line.length > columns && !line.includes(fleet.config));
    expect(long).toEqual([]);
    expect(out[1]).toMatch(/^stuck +users/);
  });

  it('is refreshed with --watch, and ends with Ctrl-C', async () => {
    const shown: string[] = [];
    const stop = new AbortController();
    const screens = () => shown.filter((line) => line === 'CLEAR').length;
    const clock = {
      now: () => Date.now(),
      sleep: async () => {
        if (screens() === 2) stop.abort();
      },
    };
    const { exitCode } = await status(['--watch'], {
      out: (line) => shown.push(line),
      clear: () => shown.push('CLEAR'),
      screenRows: () => 8,
      interrupted: stop.signal,
      clock,
    });

    expect(exitCode).toBe(3);
    expect(screens()).toBe(2);
    expect(shown.filter((line) => line.startsWith('3 replications:'))).toHaveLength(2);
    expect(shown.filter((line) => line === 'and 2 more')).toHaveLength(2);
  });

  it('is stopped by Ctrl-C between two replications', async () => {
    const stop = new AbortController();
    stop.abort();

    const { exitCode, out, err } = await status([], { interrupted: stop.signal });

    expect({ exitCode, out }).toEqual({ exitCode: 3, out: [] });
    expect(err).toEqual(['ferry: stopped before any work started.']);
  });

  it('is the whole screen for one of them', async () => {
    const { exitCode, out } = await status(['--replication', 'orders']);

    expect(exitCode).toBe(0);
    expect(out[0]).toBe('orders: us-east-1/orders to eu-west-1/orders-twin');
  });
});
