// The history as operators meet it: every run with --apply leaves one line, with the figures that it prints as JSON, and
// `ferry history` shows it. What cannot be written changes no exit code.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HISTORY_DAYS } from '../../src/config/names.ts';
import { historyLine, type HistoryEntry } from '../../src/history/entry.ts';
import { startAnswering } from '../fixtures/answering.ts';
import { type LogsCloud, openLogsCloud } from '../fixtures/logs-cloud.ts';
import { openTwoRegions, putAll, runHere, type TwoRegions } from '../fixtures/two-regions.ts';

const GROUP = '/ferry/orders/history';
const SECRET = 'customer-4711';
const item = (pk: string, text = 'x') => ({ pk: { S: pk }, text: { S: text } });

let regions: TwoRegions;
let logs: LogsCloud;
beforeAll(async () => {
  regions = await openTwoRegions();
  await regions.adopt();
  await putAll(regions.source, 'Orders', [item(SECRET), item('b')]);
  const mapping = { id: 'a1b2', state: 'Enabled', streamArn: regions.streamArn };
  Object.assign(regions.lambda, { mappings: [mapping] });
});
afterAll(() => regions.close());
beforeEach(async () => {
  logs = await openLogsCloud(GROUP);
});
afterEach(() => logs.close());

const never = new AbortController().signal;

/** Waits take no time. */
function hurried() {
  let sleptMs = 0;
  return {
    now: () => Date.now() + sleptMs,
    async sleep(ms: number) {
      sleptMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function ferry(...args: readonly string[]) {
  const config = args.includes('--config') ? [] : ['--config', regions.config];
  return runHere([...args, ...config], never, hurried(), logs.environment);
}

const report = () => join(regions.directory, 'report.jsonl');

describe('a run that changes data', () => {
  const RUNS: ReadonlyArray<readonly [string, readonly string[], readonly string[]]> = [
    ['backfill', ['--workers', '2'], ['items', 'copied']],
    ['repair', ['--settle', '0', '--report', 'REPORT'], ['looked', 'put']],
    ['pause', [], []],
    ['resume', [], ['enabledMappings']],
    ['adopt', ['--again'], ['epoch', 'revision']],
  ];

  it.each(RUNS)(
    'ferry %s leaves one line with --apply, and none without',
    async (name, more, counts) => {
      await putAll(regions.destination, 'Orders', [item('b', 'another')]);
      await ferry('verify', '--settle', '0', '--report', report());
      const args = [name, ...more.map((one) => (one === 'REPORT' ? report() : one)), '--json'];

      await ferry(...args);
      const asked = [...logs.state.requests];
      const { out, exitCode, err } = await ferry(...args, '--apply');

      expect(asked).toEqual([]);
      expect(err).not.toContain('history');
      const facts = JSON.parse(out) as Record<string, unknown>;
      const [line, ...others] = logs.lines(GROUP);
      expect(others).toEqual([]);
      expect(line).toMatchObject({
        format: 1,
        command: name,
        replication: 'orders',
        by: 'unknown',
        outcome: exitCode === 0 ? 'done' : 'left',
      });
      const counted = line?.['counts'] as Record<string, unknown>;
      expect(Object.keys(counted)).toEqual(expect.arrayContaining([...counts]));
      for (const [count, value] of Object.entries(counted)) {
        const printed = facts[count];
        expect(value).toEqual(Array.isArray(printed) ? printed.length : printed);
      }
    },
  );

  it('has the options that matter, and no key of an item', async () => {
    const places = ['--queue-url', 'http://127.0.0.1:1/queue', '--bucket', 'b'];
    const key = ['--key', JSON.stringify({ pk: SECRET })];

    await ferry('redrive', '--apply', '--limit', '7', ...key, ...places);

    const [line] = logs.lines(GROUP);
    expect(line?.['options']).toMatchObject({ key: true, limit: '7', bucket: 'b' });
    expect(JSON.stringify(line)).not.toContain(SECRET);
  });

  it('says how it failed, by the code of the error', async () => {
    const proxy = await startAnswering((operation, pass, say) => {
      if (operation === 'TransactWriteItems')
        say(400, { __type: 'x#AccessDeniedException', message: SECRET });
      else pass();
    }, regions.destination.endpoint);
    const config = join(regions.directory, 'denied.json');
    const text = readFileSync(regions.config, 'utf8');
    writeFileSync(config, text.replace(regions.destination.endpoint, proxy.endpoint));

    const { exitCode } = await ferry('backfill', '--restart', '--apply', '--config', config);
    await proxy.close();

    expect(exitCode).toBe(1);
    const [line] = logs.lines(GROUP);
    expect(line).toMatchObject({ outcome: 'failed', error: 'AccessDeniedException' });
    expect(JSON.stringify(line)).not.toContain(SECRET);
  });

  it('that Ctrl-C ends is stopped', async () => {
    const stop = new AbortController();
    stop.abort(new Error('Ctrl-C'));
    const args = ['backfill', '--apply', '--restart', '--config', regions.config];

    const { exitCode } = await runHere(args, stop.signal, undefined, logs.environment);

    expect(exitCode).toBe(3);
    expect(logs.lines(GROUP)).toMatchObject([{ outcome: 'stopped' }]);
  });

  it('that was used wrongly leaves no line', async () => {
    const { exitCode } = await ferry('redrive', '--apply', '--older-than', 'never');

    expect(exitCode).toBe(2);
    expect(logs.state.requests).toEqual([]);
  });
});

describe('what cannot be written', () => {
  const adopt = ['adopt', '--again', '--apply', '--json'];

  it('is said where the log group is missing, and the command has done its work', async () => {
    logs.state.groups.clear();

    const { exitCode, err, out } = await ferry(...adopt);

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ adopt: true });
    expect(err).toContain(
      `This run is not in the history of orders: there is no log group ${GROUP} in us-east-1, which a deployment of the source creates.`,
    );
  });

  it('is said where CloudWatch Logs denies it', async () => {
    logs.state.refusal = { status: 400, type: 'AccessDeniedException' };

    const { exitCode, err } = await ferry(...adopt);

    expect(exitCode).toBe(0);
    expect(err).toMatch(
      /not in the history of orders: These credentials may not call logs:PutLogEvents/,
    );
  });

  it('is not said on an emulator, where nothing is asked', async () => {
    const { exitCode, err } = await runHere(
      [...adopt, '--config', regions.config],
      never,
      hurried(),
    );

    expect(exitCode).toBe(0);
    expect(err).not.toContain('history');
  });
});

describe('ferry history', () => {
  const HOUR_MS = 60 * 60 * 1000;
  const DAY_MS = 24 * HOUR_MS;

  function entry(agoMs: number, more: Partial<HistoryEntry> = {}): HistoryEntry {
    const at = new Date(Date.now() - agoMs).toISOString();
    return {
      startedAt: at,
      endedAt: at,
      by: 'arn:aws:sts::111122223333:assumed-role/operators/jane',
      command: 'redrive',
      replication: 'orders',
      options: { limit: '10' },
      counts: { applied: 7, superseded: 0, reasons: { ValidationException: 7 } },
      outcome: 'done',
      version: '0.3.0',
      ...more,
    };
  }

  function keep(entries: readonly HistoryEntry[], group = GROUP, stream = 'commands'): void {
    const events = entries.map((one) => ({
      timestamp: Date.parse(one.endedAt),
      message: historyLine(one),
    }));
    logs.state.groups.set(group, new Map([[stream, events]]));
  }

  it('shows the newest first, with who, what, how much and how it ended', async () => {
    const failed = { command: 'backfill', outcome: 'failed', error: 'bulk.failed' } as const;
    keep([entry(3 * DAY_MS), entry(HOUR_MS, { ...failed, options: {}, counts: {} })]);

    const { out, exitCode, err } = await ferry('history');

    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    const time = '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z';
    expect(out.split('\n').slice(1)).toEqual([
      expect.stringMatching(new RegExp(`^${time}  backfill: failed, bulk.failed, after 0 ms$`)),
      '  by arn:aws:sts::111122223333:assumed-role/operators/jane',
      expect.stringMatching(new RegExp(`^${time}  redrive --limit 10: done, after 0 ms$`)),
      '  applied 7  reasons: ValidationException 7',
      '  by arn:aws:sts::111122223333:assumed-role/operators/jane',
    ]);
  });

  it('is one line of JSON, of the runs since a time, up to a limit', async () => {
    keep([401, 90, 20, 6, 2, 0].map((days) => entry(days * DAY_MS, { command: `after-${days}` })));
    const commandsOf = (out: string) => {
      const { runs, more } = JSON.parse(out) as { runs: HistoryEntry[]; more: boolean };
      return { commands: runs.map(({ command }) => command), more };
    };

    const all = await ferry('history', '--json');
    const two = await ferry('history', '--json', '--limit', '2');
    const week = await ferry('history', '--json', '--since', '7d');

    expect(HISTORY_DAYS).toBe(400);
    expect(commandsOf(all.out)).toEqual({
      commands: ['after-0', 'after-2', 'after-6', 'after-20', 'after-90'],
      more: false,
    });
    expect(commandsOf(two.out)).toEqual({ commands: ['after-0', 'after-2'], more: true });
    expect(commandsOf(week.out)).toEqual({
      commands: ['after-0', 'after-2', 'after-6'],
      more: false,
    });
  });

  it('shows what a run has just written', async () => {
    await ferry('adopt', '--again', '--apply');

    const { out } = await ferry('history', '--json');

    expect(JSON.parse(out)).toMatchObject({
      replication: 'orders',
      runs: [{ command: 'adopt', options: { again: true }, outcome: 'done' }],
      problems: [],
    });
  });

  it('says what it cannot read, and shows the rest', async () => {
    keep([entry(0)]);
    const stream = logs.state.groups.get(GROUP)?.get('commands');
    stream?.push({ timestamp: Date.now(), message: '{"format":2}' });

    const { out, err, exitCode } = await ferry('history');

    expect(exitCode).toBe(3);
    expect(out).toContain('redrive');
    expect(err).toContain('The history is incomplete: a line cannot be read: its format is 2');
  });

  it('shows nothing of a line that could move the cursor', async () => {
    keep([entry(0, { by: 'me\u001b[2J', options: { limit: '1\n2' } })]);

    const { out } = await ferry('history');

    expect(out).not.toContain('\u001b');
    expect(out).toContain('me\\u001b[2J');
  });

  it('says that there is no log group', async () => {
    logs.state.groups.clear();

    const { out, err, exitCode } = await ferry('history', '--json');

    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
    expect(err).toContain(`There is no log group ${GROUP} in us-east-1`);
  });

  it('fails where CloudWatch Logs denies it', async () => {
    logs.state.refusal = { status: 400, type: 'AccessDeniedException' };

    const { err, exitCode } = await ferry('history');

    expect(exitCode).toBe(1);
    expect(err).toContain('may not call logs:FilterLogEvents');
  });

  it('says that an emulator has none', async () => {
    const { err, exitCode } = await runHere(['history', '--config', regions.config]);

    expect(exitCode).toBe(1);
    expect(err).toContain('its source is an emulator on this machine');
  });

  it('shows several replications, each under its name', async () => {
    const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
      replications: [{ destination: object }];
    };
    const config = join(regions.directory, 'two.json');
    const [orders] = replications;
    const books = {
      ...orders,
      name: 'books',
      destination: { ...orders.destination, table: 'Books' },
    };
    const both = [orders, books];
    writeFileSync(config, JSON.stringify({ replications: both }));
    keep([entry(0)]);
    keep([entry(0, { command: 'pause', replication: 'books' })], '/ferry/books/history');

    const { out, exitCode } = await ferry('history', '--all', '--json', '--config', config);

    expect(exitCode).toBe(0);
    const [first, second, total] = out.split('\n').map((line) => JSON.parse(line) as object);
    expect(first).toMatchObject({ replication: 'orders', runs: [{ command: 'redrive' }] });
    expect(second).toMatchObject({ replication: 'books', runs: [{ command: 'pause' }] });
    expect(total).toEqual({ fleet: { replications: 2, done: 2, differences: 0, failed: 0 } });
  });
});
