// `ferry latency` as an operator runs it: two engines, the bundle that ships, and the figures.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { startEmbeddedDynamoDb } from '../../src/local/engine/embedded-dynamodb.ts';
import { type FaultProxy, startFaultProxy } from '../../src/local/faults/fault-proxy.ts';
import type { Fault } from '../../src/local/faults/faults.ts';
import { runHere } from '../fixtures/two-regions.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ferry-latency-test-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => void vi.unstubAllEnvs());

const latency = (args: string) => runHere(['latency', ...args.split(' ')]);
const SHORT = '--rates 50,100 --duration 2';

interface Level {
  readonly rate: number;
  readonly by: string;
  readonly writes: number;
  readonly arrived: number;
  readonly latencyMs: Readonly<Record<'p50' | 'p90' | 'p99' | 'max', number | null>>;
  readonly within: Readonly<Record<string, number>>;
}
const levelsOf = (out: string) => (JSON.parse(out) as { levels: Level[] }).levels;

/** With a destination of its own, in which something goes wrong until it is lifted. */
async function withDestination<T>(
  fault: Fault,
  use: (endpoint: string, proxy: FaultProxy, lift: () => void) => Promise<T>,
): Promise<T> {
  const engine = await startEmbeddedDynamoDb();
  const proxy = await startFaultProxy({ upstream: engine.endpoint });
  const lift = proxy.inject(fault);
  try {
    return await use(proxy.endpoint, proxy, lift);
  } finally {
    await proxy.stop();
    await engine.stop();
  }
}

describe('ferry latency', () => {
  it('measures every write of every level, and draws what it has measured', async () => {
    const svg = join(directory, 'latency.svg');
    const { exitCode, out, err } = await latency(`${SHORT} --svg ${svg}`);

    expect({ exitCode, err }).toMatchObject({ exitCode: 0 });
    expect(out).toMatch(/^ +50 +100 +100 .*100 %/m);
    expect(out).toMatch(/^ +100 +200 +200 .*100 %/m);
    expect(out).toMatch(/^published +70 % +90 % +99 %$/m);
    expect(out).toContain("Ferry's own share of the time, not AWS's");
    expect(out).toContain('█');
    expect(err).toContain('100 writes/s: 200 of 200 arrived');
    const lines = out.split('\n').filter((line) => !line.includes(svg));
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(readFileSync(svg, 'utf8').match(/<polyline/g)).toHaveLength(2);
  });

  it('prints one line of JSON, whose figures agree with each other', async () => {
    const svg = join(directory, 'json.svg');
    const { exitCode, out } = await latency(`${SHORT} --json --svg ${svg}`);

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ svg, engine: expect.stringContaining('embedded') });
    const levels = levelsOf(out);
    expect(levels.map(({ rate, writes, arrived }) => [rate, writes, arrived])).toEqual([
      [50, 100, 100],
      [100, 200, 200],
    ]);
    for (const { latencyMs, within } of levels) {
      const { p50, p90, p99, max } = latencyMs;
      const figures = [p50, p90, p99, max].map(Number);
      expect(figures).toEqual(figures.toSorted((a, b) => a - b));
      // In milliseconds: a stream is read four times a second, and a busy machine is slow, but not for minutes.
      expect(figures[0]).toBeGreaterThan(5);
      expect(figures[0]).toBeLessThan(120_000);
      expect(Object.keys(within)).toEqual(['1200', '2000', '3000']);
    }
  });

  it('reports what never arrives, among the whole, and exits with 3', async () => {
    const marker = '"ferryLatencyNumber":{"N":"7"}';
    const { exitCode, out, err } = await withDestination({ kind: 'poison', marker }, (endpoint) =>
      latency(`--rates 20 --duration 1 --wait 2 --json --destination-endpoint ${endpoint}`),
    );

    expect({ exitCode, err }).toMatchObject({ exitCode: 3 });
    expect(err).toContain('1 item did not arrive in time.');
    expect(levelsOf(out)).toMatchObject([
      {
        writes: 20,
        arrived: 19,
        latencyMs: { p50: expect.any(Number), p99: null, max: null },
        within: { '3000': 0.95 },
      },
    ]);
  });

  it('measures the time that a destination refuses as time', async () => {
    const refusedMs = 1_500;
    const operations = ['PutItem', 'TransactWriteItems', 'BatchWriteItem', 'UpdateItem'];
    const throttle = { kind: 'throttle', share: 1, operations } as const;
    const { exitCode, out, err } = await withDestination(
      throttle,
      async (endpoint, proxy, lift) => {
        const measured = latency(
          `--rates 10 --duration 1 --json --destination-endpoint ${endpoint}`,
        );
        await expect.poll(() => proxy.counts.injected.throttle).toBeGreaterThan(0);
        setTimeout(lift, refusedMs);
        return await measured;
      },
    );

    expect({ exitCode, err }).toMatchObject({ exitCode: 0 });
    const { firstItemMs } = JSON.parse(out) as { firstItemMs: number };
    expect(firstItemMs).toBeGreaterThan(refusedMs);
    // Over and done with, it is no part of the levels.
    expect(levelsOf(out)[0]?.arrived).toBe(10);
  });

  it('ends on Ctrl-C with what it has, says what is missing, and leaves nothing behind', async () => {
    const folder = mkdtempSync(join(directory, 'temporary-'));
    // Another test may leave something for a while.
    vi.stubEnv('TMPDIR', folder);

    const { exitCode, out, err } = await interruptedAtFirstStatus(
      'latency --rates 20,30 --duration 60 --json'.split(' '),
    );

    expect(exitCode).toBe(3);
    expect(levelsOf(out)).toHaveLength(1);
    expect(err).toMatch(/[\d,]+ writes were not made\./);
    expect(err).toContain('Stopped before 1 of 2 levels.');
    expect(err).not.toContain('did not arrive');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('ferry latency --run', () => {
  it('measures a process of `ferry run` beside the function, and leaves nothing behind', async () => {
    const folder = mkdtempSync(join(directory, 'temporary-'));
    vi.stubEnv('TMPDIR', folder);

    const { exitCode, out } = await latency(`${SHORT} --run --json`);

    const levels = levelsOf(out);
    expect(exitCode).toBe(0);
    expect(levels.map(({ rate, by }) => `${rate} ${by}`)).toEqual([
      '50 lambda',
      '50 run',
      '100 lambda',
      '100 run',
    ]);
    for (const { rate, writes, arrived } of levels)
      expect([writes, arrived]).toEqual([2 * rate, 2 * rate]);
    expect(JSON.parse(out)).toMatchObject({ firstItemOfRunMs: expect.any(Number) as unknown });
    expect(readdirSync(folder)).toEqual([]);
  });
});

/** On a terminal, whose status line shows that the work has begun. */
async function interruptedAtFirstStatus(args: readonly string[]) {
  const stop = new AbortController();
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await main(args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    status: (line) => {
      expect(line).toMatch(/^\[=* *\] [\d,]+ of about 1,200 .* 20 writes\/s/);
      stop.abort();
    },
    isTerminal: true,
    environment: {},
    interrupted: stop.signal,
  });
  return { exitCode, out: out.join('\n'), err: err.join('\n') };
}

describe('ferry latency, wrongly used', () => {
  it.each([
    [['--rates', '30,x'], 'from 1 to 2000, separated by commas, got "30,x"'],
    [['--rates', ''], 'got ""'],
    [['--rates', '0'], 'got "0"'],
    [['--rates', '2001'], 'got "2001"'],
    [['--rates', '30,30'], 'different whole numbers'],
    [['--rates', '1,2,3,4,5,6,7'], '--rates must be one to 6'],
    [['--duration', '0'], '--duration must be a whole number from 1 to 600, got "0"'],
    [['--wait', '61'], '--wait must be a whole number from 1 to 60, got "61"'],
    [['--svg', '/nowhere/at/all.svg'], 'The picture /nowhere/at/all.svg cannot be written: ENOENT'],
    [['--svg', tmpdir()], 'is a folder'],
    [['--run', '--svg', 'x.svg'], '--svg does not go with --run'],
    [['--replication', 'orders'], '--replication needs a configuration file'],
  ])('refuses %s before it starts anything', async (args, message) => {
    const { exitCode, out, err } = await runHere(['latency', ...args]);

    expect(exitCode).toBe(2);
    expect(err).toContain(message);
    expect(err).toContain('Hint: ');
    expect(err).not.toContain('source');
    expect(out).toBe('');
  });
});
