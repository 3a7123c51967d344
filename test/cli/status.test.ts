// `ferry status` against services that speak the SDK's real protocols: each way in which a replication can
// be unwell gets its own verdict.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutItemCommand, type PutItemCommandInput } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { HandlerSettings } from '../../src/config/handler-settings.ts';
import { putControlRow } from '../../src/model/control-item.ts';
import { firstRow, withProjection } from '../../src/model/control-row.ts';
import {
  type Figure,
  type MonitoringCloud,
  openMonitoringCloud,
} from '../fixtures/monitoring-cloud.ts';
import { SETTINGS } from '../fixtures/records.ts';
import { openTwoRegions, runHere, type TwoRegions } from '../fixtures/two-regions.ts';

let regions: TwoRegions;
let cloud: MonitoringCloud;
let streamArn: string;
let beating: string;
let stamping: string;
beforeAll(async () => {
  regions = await openTwoRegions();
  const config = JSON.parse(await readConfig()) as {
    replications: [{ source: { streamArn: string } }];
  };
  streamArn = config.replications[0].source.streamArn;
  cloud = await openMonitoringCloud(well());
  beating = join(regions.directory, 'beating.json');
  const replication = { ...config.replications[0], heartbeat: { key: { pk: 'heartbeat' } } };
  writeFileSync(beating, JSON.stringify({ replications: [replication] }));
  stamping = join(regions.directory, 'stamping.json');
  const stamped = { ...config.replications[0], timestampAttribute: 'updatedAt' };
  writeFileSync(stamping, JSON.stringify({ replications: [stamped] }));
});
afterAll(async () => {
  await cloud.close();
  await regions.close();
});

async function readConfig() {
  const { readFile } = await import('node:fs/promises');
  return readFile(regions.config, 'utf8');
}

const always =
  (value: number): Figure =>
  () =>
    value;
/** Only in the last `minutes`. */
const lately =
  (minutes: number, value: number | ((minutesAgo: number) => number)): Figure =>
  (minutesAgo) => {
    if (minutesAgo > minutes) return undefined;
    return typeof value === 'number' ? value : value(minutesAgo);
  };
const MINUTE = 60_000;

/** A replication that is well. */
const FLOWING = {
  AppliedRecords: always(1_200),
  ReplicationLatency: always(900),
  'ReplicationLatency p50': always(350),
  'ReplicationLatency p90': always(700),
  'ReplicationLatency p99': always(850),
  OldestUnappliedAge: always(0),
  IteratorAge: always(300),
  PendingRecords: always(0),
};

function well() {
  return {
    figures: FLOWING as Record<string, Figure>,
    mapping: { state: 'Enabled', streamArn },
    deadLetters: 0,
    lastResult: 'OK',
    isDeployed: true,
    refusal: undefined,
    changedAt: undefined,
    variables: undefined,
    settings: {},
  };
}

/** A control row that a backfill with this projection has completed. */
async function writtenBy(projection: string | undefined): Promise<void> {
  const identity = { region: 'us-east-1', streamArn, reserved: '_ferry', tag: 'test', nowMs: 0 };
  const row = firstRow({ ...identity, destinationId: 'twin', ledgerId: 'state' });
  const { operation: _, input } = putControlRow(withProjection(row, projection, 'test'), SETTINGS);
  const { TableName, Item } = input as PutItemCommandInput;
  await regions.destination.client.send(new PutItemCommand({ TableName, Item }));
}

interface Scene {
  readonly settings?: Partial<HandlerSettings>;
  readonly figures?: Readonly<Record<string, Figure>>;
  readonly mapping?: { state: string; streamArn: string; changedAt?: number } | undefined;
  readonly changedAt?: string;
  readonly deadLetters?: number;
  readonly lastResult?: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly config?: string;
}

async function status({ config = regions.config, ...state }: Scene, ...args: string[]) {
  Object.assign(cloud.state, { ...well(), ...state });
  return runHere(['status', '--config', config, ...args]);
}

async function verdict(scene: Scene) {
  const { exitCode, out } = await status(scene, '--json');
  const { level, verdict: text, runbook } = JSON.parse(out) as Record<string, string | null>;
  return { exitCode, level, text, runbook };
}

describe('ferry status', () => {
  it('says first that all is well, and shows the figures behind it', async () => {
    const { exitCode, out } = await status({});
    const [title, first] = out.split('\n');

    expect(exitCode).toBe(0);
    expect(title).toBe('orders: us-east-1/Orders to eu-west-1/Orders');
    expect(first).toBe('healthy: p99 latency is 850 ms');
    expect(out).toMatch(/latency p50, p90, p99 +350 ms, 700 ms, 850 ms +█{20}/);
    expect(out).toContain('are up to 1 s too high');
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(90);
    expect(out).toMatch(/applied +1,200\/min/);
    expect(out).toMatch(/event source mapping +Enabled, OK/);
  });

  it('says that an older release deployed the function', async () => {
    const older = {
      FERRY_SOURCE_REGION: 'us-east-1',
      FERRY_DEAD_LETTER_QUEUE_URL: `${process.env['AWS_ENDPOINT_URL_LAMBDA']}/111122223333/ferry-orders-dead-letters`,
      FERRY_ON_FAILURE_BUCKET: 'failures',
    };
    const { out } = await status({ variables: older });
    const now = await status({});
    const { out: json } = await status({ variables: older }, '--json');

    expect(out.split('\n')[2]).toBe(
      'The deployed function is older than this command. Deploy it again.',
    );
    expect(now.out).not.toContain('is older than');
    expect(JSON.parse(json)).toMatchObject({ deployedFunction: 'older' });
  });

  it('says whether the twin was written by the projection that is deployed', async () => {
    const [ours, earlier] = ['1'.repeat(64), '2'.repeat(64)];
    const settings = { projectionDigest: ours };
    const found = async (written: string | undefined, deployed: object = settings) => {
      await writtenBy(written);
      const { out: json } = await status({ settings: deployed }, '--json');
      const { level, verdict: text, projection } = JSON.parse(json) as Record<string, unknown>;
      return { level, text, projection };
    };

    expect(await found(undefined)).toEqual({
      level: 'outdated',
      text: expect.stringMatching(/^no backfill .* Run `ferry backfill`$/) as string,
      projection: { deployed: ours, written: null },
    });
    expect(await found(ours)).toMatchObject({ level: 'healthy' });
    expect(await found(undefined, {})).toEqual({
      level: 'healthy',
      text: 'p99 latency is 850 ms',
      projection: { deployed: null, written: null },
    });
    expect(await found(earlier)).toEqual({
      level: 'outdated',
      text: expect.stringMatching(
        /^the twin was written by another projection\. Run `ferry backfill --reproject`$/,
      ) as string,
      projection: { deployed: ours, written: earlier },
    });
    const { exitCode, out } = await status({ settings });
    expect(exitCode).toBe(3);
    expect(out.split('\n')[1]).toMatch(
      /^outdated: the twin was written by another projection\..*\. See \S+\/docs\/runbook\.md#projection-changed$/,
    );
    // What is worse comes first; this is said all the same.
    const stuck = await status({ settings, mapping: { state: 'Disabled', streamArn } });
    expect(stuck.out).toMatch(/^stuck: .*\n(.*\n)?The twin was written by another projection\. /m);
    await writtenBy(undefined);
  });

  it('says first that records are held, whatever else is wrong', async () => {
    const scene = {
      figures: {
        ...FLOWING,
        HeldRecords: lately(5, 100),
        RetriedRecords: lately(30, 500),
        OldestUnappliedAge: lately(10, (ago) => (10 - ago) * MINUTE),
        Errors: lately(5, 3),
      },
      deadLetters: 3,
    };

    expect(await verdict(scene)).toEqual({
      exitCode: 3,
      level: 'held',
      text: expect.stringMatching(
        /^the function holds records: the control row does not allow .*; records have waited for (9|10) min$/,
      ) as string,
      runbook: `${process.cwd()}/docs/runbook.md#records-held`,
    });
    const { out } = await status(scene);
    expect(out.split('\n')[1]).toMatch(/^held: the function holds records/);
    expect(out.split('\n')[3]).toMatch(/held, last hour +[56]00/);
  });

  it('never calls a replication well whose every change is older than the twin', async () => {
    const isOlder = {
      exitCode: 3,
      level: 'stuck',
      text: 'every change is older than the item of the twin. If the source was replaced, run `ferry adopt`',
      runbook: `${process.cwd()}/docs/runbook.md#records-held`,
    };
    const superseded = { SupersededRecords: always(50), SupersededByNewerItem: always(50) };
    const before = (ago: number) => (ago > 10 ? 1_200 : undefined);

    expect(await verdict({ figures: superseded })).toEqual(isOlder);
    expect(await verdict({ figures: { ...superseded, AppliedRecords: before } })).toEqual(isOlder);
    // Conflicts beside writes are nothing unusual.
    expect(await verdict({ figures: { ...FLOWING, ...superseded } })).toMatchObject({
      exitCode: 0,
    });
  });

  it('shows deletes that came back, and how old the oldest is that waits for its look', async () => {
    const figures = {
      ...FLOWING,
      Revenants: (ago: number) => (ago === 20 ? 7 : undefined),
      'ApproximateAgeOfOldestMessage ferry-orders-look-again': always(130),
    };

    const { out } = await status({ figures });
    const json = JSON.parse((await status({ figures }, '--json')).out) as Record<string, unknown>;

    expect(out).toMatch(/revenants, last hour +7/);
    expect(out).toMatch(/oldest look-again message +2 min/);
    expect(json).toMatchObject({ oldestLookAgainSeconds: 130, inTheLastHour: { Revenants: 7 } });
  });

  it('tells a stuck shard from others that go on', async () => {
    const found = await verdict({
      figures: {
        ...FLOWING,
        RetriedRecords: lately(30, 500),
        OldestUnappliedAge: lately(30, (ago) => (30 - ago) * MINUTE),
      },
    });

    expect(found).toEqual({
      exitCode: 3,
      level: 'stuck',
      text: expect.stringMatching(
        /^some records have waited for (29|30) min while others are applied: a shard is stuck$/,
      ) as string,
      runbook: `${process.cwd()}/docs/runbook.md#records-waiting`,
    });
  });

  it('tells a paused mapping, also when nothing is counted any more', async () => {
    const found = await verdict({
      mapping: { state: 'Disabled', streamArn },
      figures: { IteratorAge: (ago) => (ago >= 20 ? 5_000 : undefined) },
    });

    expect(found).toMatchObject({
      exitCode: 3,
      level: 'stuck',
      text: expect.stringMatching(
        /^the event source mapping is disabled; records have waited for 2[01] min$/,
      ) as string,
    });
  });

  it('tells a throttled destination, and that it falls behind', async () => {
    const found = await verdict({
      figures: {
        ...FLOWING,
        DestinationThrottles: lately(20, 4_000),
        OldestUnappliedAge: lately(20, (ago) => 2 * MINUTE + (20 - ago) * 0.5 * MINUTE),
      },
    });

    expect(found).toEqual({
      exitCode: 3,
      level: 'behind',
      text: expect.stringMatching(
        /^by 1[12] min, and not catching up, because the destination is throttled$/,
      ) as string,
      runbook: `${process.cwd()}/docs/runbook.md#destination-throttled`,
    });
  });

  it('tells that it catches up, and when it will be done', async () => {
    const found = await verdict({
      figures: {
        ...FLOWING,
        OldestUnappliedAge: lately(20, (ago) => 10 * MINUTE + ago * 2 * MINUTE),
      },
    });

    expect(found).toMatchObject({ exitCode: 3, level: 'behind' });
    expect(found.text).toMatch(/^by 1[02] min and catching up, about [56] min left$/);
  });

  it('does not call a silent source ill, unless it should have had a heartbeat', async () => {
    expect(await verdict({ figures: {} })).toEqual({
      exitCode: 0,
      level: 'healthy',
      text: 'the source has had no changes in the last hour',
      runbook: null,
    });
    expect(await verdict({ figures: {}, config: beating })).toEqual({
      exitCode: 3,
      level: 'stuck',
      text: 'no heartbeat has arrived for an hour or more',
      runbook: `${process.cwd()}/docs/runbook.md#heartbeat-missing`,
    });
    expect(
      await verdict({ figures: { HeartbeatLatency: always(420) }, config: beating }),
    ).toMatchObject({ exitCode: 0, level: 'healthy' });
  });

  it('waits for the first heartbeat of a new deployment', async () => {
    const ago = (minutes: number) => Date.now() - minutes * MINUTE;
    const deployed = (minutes: number, mappedMinutes = minutes) => ({
      figures: {},
      config: beating,
      changedAt: new Date(ago(minutes)).toISOString().replace('Z', '+0000'),
      mapping: { state: 'Enabled', streamArn, changedAt: ago(mappedMinutes) / 1000 },
    });

    expect(await verdict(deployed(3))).toMatchObject({ exitCode: 0, level: 'healthy' });
    // A heartbeat that was configured later, and a mapping that was enabled later.
    expect(await verdict(deployed(3, 9_000))).toMatchObject({ exitCode: 0, level: 'healthy' });
    expect(await verdict(deployed(9_000, 3))).toMatchObject({ exitCode: 0, level: 'healthy' });
    expect(await verdict(deployed(20))).toMatchObject({
      exitCode: 3,
      level: 'stuck',
      text: expect.stringMatching(/^no heartbeat has arrived for (20|21) min$/) as string,
    });
    expect(await verdict(deployed(9_000))).toMatchObject({
      level: 'stuck',
      text: 'no heartbeat has arrived for an hour or more',
    });
  });

  it.each(['Creating', 'Enabling'])('does not call a mapping stuck that is %s', async (state) => {
    const mapping = { state, streamArn, changedAt: Date.now() / 1000 - 60 };

    const { exitCode, out } = await status({ figures: {}, config: beating, mapping });

    expect(exitCode).toBe(3);
    expect(out.split('\n')[1]).toBe(`starting: the event source mapping is ${state.toLowerCase()}`);
  });

  it('says how many records lack a usable timestamp', async () => {
    const fallbacks = { ...FLOWING, TimestampFallbacks: lately(3, 40) };
    const text = (await status({ figures: fallbacks, config: stamping })).out;
    const json = (await status({ figures: fallbacks, config: stamping }, '--json')).out;
    const exact = (await status({ config: stamping })).out;

    expect(text).toMatch(
      /\b1?[0-9]0 applied records of the last hour have no usable timestamp in "updatedAt"\./,
    );
    expect(JSON.parse(json)).toMatchObject({
      inTheLastHour: { TimestampFallbacks: expect.any(Number) as number },
    });
    expect(exact).not.toMatch(/timestamp|too high/);
  });

  it.each<[string, Scene, RegExp, string]>([
    [
      'the stream cannot be read',
      { figures: {}, lastResult: 'PROBLEM: access denied' },
      /^Lambda cannot read the stream: PROBLEM: access denied$/,
      'records-waiting',
    ],
    [
      'the last invocation failed',
      { figures: FLOWING, lastResult: 'PROBLEM: Function call failed' },
      /^the last invocation of the function failed/,
      'function-errors',
    ],
    [
      'nobody reads',
      { mapping: undefined },
      /^the function has no event source mapping$/,
      'records-waiting',
    ],
    [
      'rights are missing',
      { figures: { DestinationDenied: lately(5, 10), IteratorAge: lately(5, 3 * MINUTE) } },
      /^the destination denies the writes; records have waited for 3 min$/,
      'destination-denied',
    ],
    [
      'the destination is gone',
      {
        figures: {
          DestinationUnreachable: lately(10, 20),
          OldestUnappliedAge: lately(10, (ago) => (10 - ago) * MINUTE),
        },
      },
      /^the destination cannot be reached; records have waited for (9|10) min$/,
      'destination-unreachable',
    ],
    [
      'the function crashes',
      { figures: { Errors: lately(5, 3) } },
      /^the function fails$/,
      'function-errors',
    ],
    [
      'no concurrency is left',
      { figures: { Throttles: lately(5, 3) } },
      /^Lambda throttles the function, because no concurrency is left/,
      'function-throttled',
    ],
    [
      'batches were given up',
      {
        figures: {
          ...FLOWING,
          OnFailureDestinationDeliveredEventCount: (ago) => (ago === 40 ? 3 : undefined),
        },
      },
      /gave up in the last hour/,
      'batches-given-up',
    ],
    [
      'records were lost',
      { figures: { ...FLOWING, DroppedEventCount: (ago) => (ago === 40 ? 3 : undefined) } },
      /Lambda lost in the last hour/,
      'batches-lost',
    ],
    [
      'dead letters wait',
      { deadLetters: 3 },
      /^by 3 dead letters; everything else is healthy$/,
      'dead-letters',
    ],
  ])('says so when %s', async (_, scene, text, anchor) => {
    const found = await verdict(scene);

    expect(found.exitCode).toBe(3);
    expect(found.text).toMatch(text);
    expect(found.runbook).toBe(`${process.cwd()}/docs/runbook.md#${anchor}`);
  });

  it('is not alarmed by the last batch of a table that has fallen silent', async () => {
    const figures = {
      AppliedRecords: (ago: number) => (ago === 10 ? 5 : undefined),
      'ReplicationLatency p99': (ago: number) => (ago === 10 ? 900 : undefined),
      OldestUnappliedAge: (ago: number) => (ago === 10 ? 0 : undefined),
      IteratorAge: (ago: number) => (ago === 10 ? 700 : undefined),
    };

    expect(await verdict({ figures })).toMatchObject({ exitCode: 0, level: 'healthy' });
  });

  it('sees a stuck shard that speaks seldom among others that speak often', async () => {
    const stuck = (ago: number) => (ago % 4 === 3 ? (180 - ago) * MINUTE : 200);

    const found = await verdict({ figures: { ...FLOWING, IteratorAge: stuck } });

    expect(found).toMatchObject({ exitCode: 3, level: 'stuck' });
  });

  it('notices that the source has another stream than the one that is read', async () => {
    const found = await verdict({ mapping: { state: 'Enabled', streamArn: `${streamArn}1` } });

    expect(found).toMatchObject({
      level: 'stuck',
      text: 'the source has a new stream, but the event source mapping reads the old one',
    });
  });

  it('explains what keeps it from looking, and exits with 1', async () => {
    Object.assign(cloud.state, well(), { isDeployed: false });
    const missing = await runHere(['status', '--config', regions.config]);
    Object.assign(cloud.state, well(), { refusal: { status: 403, type: 'AccessDeniedException' } });
    const denied = await runHere(['status', '--config', regions.config]);

    expect(missing.exitCode).toBe(1);
    expect(missing.err).toContain('There is no function ferry-orders-replicate');
    expect(denied.exitCode).toBe(1);
    expect(denied.err).toMatch(
      /may not call cloudwatch:GetMetricData in us-east-1 .*\nHint: Allow cloudwatch:GetMetricData/,
    );
  });

  it('does not call a replication healthy whose destination cannot be reached from here', async () => {
    const { replications } = JSON.parse(await readConfig()) as {
      replications: [{ destination: object }];
    };
    const [replication] = replications;
    const destination = { ...replication.destination, endpoint: 'http://127.0.0.1:9' };
    const config = join(regions.directory, 'unreachable.json');
    writeFileSync(config, JSON.stringify({ replications: [{ ...replication, destination }] }));
    const told = 'Nothing listens at http://127.0.0.1:9 (ECONNREFUSED)';

    const idle = await status({ figures: {}, config });
    const json = await status({ figures: {}, config }, '--json');
    const ill = await status({ figures: {}, config, deadLetters: 3 });

    expect(idle.exitCode).toBe(3);
    expect(idle.out.split('\n')[1]).toContain(
      `unknown: the control row of the destination cannot be read from here (${told}`,
    );
    expect(JSON.parse(json.out)).toMatchObject({
      level: 'unknown',
      pause: 'unknown',
      controlProblem: expect.stringContaining(told) as string,
    });
    expect(ill.out.split('\n')[1]).toMatch(/^behind: by 3 dead|^behind by 3 dead/);
    expect(ill.out.split('\n')[2]).toContain(`cannot be read from here (${told}`);
  });

  it('shows the time of figures that are not new, and none of a backlog that has ended', async () => {
    const figures = {
      AppliedRecords: (ago: number) => (ago === 10 ? 50 : undefined),
      'ReplicationLatency p99': (ago: number) => (ago === 10 ? 900 : undefined),
      PendingRecords: (ago: number) => (ago === 10 ? 6_851 : undefined),
      OldestUnappliedAge: (ago: number) => (ago === 10 ? 0 : undefined),
    };

    const { out } = await status({ figures });
    const json = JSON.parse((await status({ figures }, '--json')).out) as Record<string, unknown>;

    expect(out).toMatch(/latency p50, p90, p99 +-, -, 900 ms as of \d\d:\d\dZ/);
    expect(out).toMatch(/pending records \(estimate\) +- /);
    expect(json).toMatchObject({
      level: 'healthy',
      trend: 'none',
      pendingRecordsEstimate: null,
      figuresAt: { pendingRecordsEstimate: expect.stringMatching(/^\d{4}-.*Z$/) as string },
    });
  });

  it('names the period of an age that is no backlog, and calls it none in JSON', async () => {
    const figures = { ...FLOWING, OldestUnappliedAge: lately(2, 12_000) };

    const { exitCode, out } = await status({ figures });
    const json = JSON.parse((await status({ figures }, '--json')).out) as Record<string, unknown>;

    expect(exitCode).toBe(0);
    expect(out).toMatch(/oldest waiting record +up to 12 s in the last 5 min/);
    expect(json).toMatchObject({ level: 'healthy', trend: 'none', oldestUnappliedMs: 12_000 });
  });

  it('goes on with --watch where a later look fails, and says so', async () => {
    const lines: string[] = [];
    const stop = new AbortController();
    let looks = 0;
    const clock = {
      now: () => Date.now(),
      sleep: async () => {
        looks = lines.filter((line) => /^healthy|could not be read/.test(line)).length;
        const refusal = { status: 403, type: 'AccessDeniedException' };
        Object.assign(cloud.state, { refusal: looks === 1 ? refusal : undefined });
        if (looks === 3) stop.abort();
      },
    };
    Object.assign(cloud.state, well());

    const exitCode = await main(['status', '--config', regions.config, '--watch'], {
      ...SILENT,
      out: (line) => lines.push(line),
      clock,
      environment: {},
      interrupted: stop.signal,
    });

    expect(exitCode).toBe(0);
    expect(lines.filter((line) => line.startsWith('healthy'))).toHaveLength(2);
    expect(lines.join('\n')).toMatch(
      /The status could not be read: These credentials may not call cloudwatch:GetMetricData .*next refresh is in 10 s\.\nHint: Allow/,
    );
  });

  it('ends with --watch where the first look fails', async () => {
    Object.assign(cloud.state, well(), { refusal: { status: 403, type: 'AccessDeniedException' } });

    const { exitCode } = await runHere(['status', '--config', regions.config, '--watch']);

    expect(exitCode).toBe(1);
  });

  it('looks again and again with --watch, until it is told to stop', async () => {
    Object.assign(cloud.state, well());
    const stop = AbortSignal.timeout(400);

    const { exitCode, out } = await runHere(
      ['status', '--config', regions.config, '--watch'],
      stop,
    );

    expect(exitCode).toBe(0);
    // In a file, the time of each screen stands above it.
    expect(out).toMatch(/^\d{4}-\d\d-\d\dT[\d:]+Z\norders: .*\nhealthy: /);
    expect(out).not.toContain('\u001B');
  });

  it('clears the terminal before each screen of --watch, and never for JSON', async () => {
    const lines = async (...args: string[]) => {
      Object.assign(cloud.state, well());
      const shown: string[] = [];
      await main(['status', '--config', regions.config, '--watch', ...args], {
        ...SILENT,
        out: (line) => shown.push(line),
        clear: () => shown.push('CLEAR'),
        environment: {},
        interrupted: AbortSignal.timeout(400),
      });
      return shown;
    };

    expect((await lines()).slice(0, 2)).toEqual(['CLEAR', expect.stringMatching(/^orders: /)]);
    expect((await lines('--json')).map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ level: 'healthy' }),
    ]);
  });

  describe.each([40, 80, 200])('on a terminal of %i columns', (columns) => {
    it('shows lag and dead letters, on lines that fit', async () => {
      const figures = {
        ...FLOWING,
        DestinationThrottles: lately(30, 1_234_567),
        PendingRecords: always(12_345_678),
        OldestUnappliedAge: lately(10, (ago) => (10 - ago) * MINUTE),
        ApproximateAgeOfOldestMessage: always(90_000),
      };
      Object.assign(cloud.state, { ...well(), figures, deadLetters: 1_234 });
      const lines: string[] = [];
      await main(['status', '--config', regions.config], {
        ...SILENT,
        out: (line) => lines.push(line),
        resultColumns: () => columns,
        environment: {},
        interrupted: new AbortController().signal,
      });

      const whole = lines.join(' ').replaceAll(/ +/g, ' ');
      // A name that is longer than the line is left whole, so that it can be copied.
      const broken = lines.filter((line) => line.trim().includes(' ') && line.length > columns);
      expect(broken).toEqual([]);
      expect(lines.filter((line) => line !== line.trimEnd())).toEqual([]);
      expect(whole).toContain('latency p50, p90, p99 350 ms, 700 ms, 850 ms');
      expect(whole).toMatch(/oldest waiting record (9|10) min/);
      expect(whole).toContain('pending records (estimate) 12,345,678');
      expect(whole).toContain('dead letters 1,234');
      expect(whole.includes('▁')).toBe(columns > 40);
      expect(whole).toMatch(/failures, last hour [\d,]+ [\d,]+ throttled/);
    });
  });
});

const SILENT = { err: () => undefined, status: () => undefined, isTerminal: false };
