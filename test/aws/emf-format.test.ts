// The metrics of a real batch, read by a parser that knows the published specification of CloudWatch's
// embedded metric format and nothing of Ferry.

import { beforeAll, describe, expect, it } from 'vitest';
import { emfMetrics } from '../../src/aws/emf-metrics.ts';
import type { BatchSummary } from '../../src/model/batch-response.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import type { WriteReply } from '../../src/ports.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { lambdaRecord, SETTINGS, streamRecord } from '../fixtures/records.ts';
import { invocation, NOW_MS, scripted, serviceError } from '../fixtures/replication.ts';

interface Extracted {
  readonly namespace: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
const SIZES = ['Bytes', 'Kilobytes', 'Megabytes', 'Gigabytes', 'Terabytes'];
const AMOUNTS = [
  ...SIZES,
  ...SIZES.map((size) => size.replace('bytes', 'bits').replace('Bytes', 'Bits')),
];
const UNITS = [
  'Seconds',
  'Microseconds',
  'Milliseconds',
  'Percent',
  'Count',
  'Count/Second',
  'None',
  ...AMOUNTS,
  ...AMOUNTS.map((amount) => `${amount}/Second`),
];

/** What CloudWatch Logs would extract from a log event. Throws where the specification is not met. */
function extract(message: string): Extracted[] {
  must(Buffer.byteLength(message) <= 256 * 1024, 'the event is too large');
  const root = objectOf(JSON.parse(message), 'root');
  const metadata = objectOf(root['_aws'], '_aws', ['Timestamp', 'CloudWatchMetrics']);
  must(Number.isInteger(metadata['Timestamp']), 'Timestamp is no time');
  return arrayOf(metadata['CloudWatchMetrics'], 'CloudWatchMetrics').flatMap((directive) =>
    extractDirective(
      objectOf(directive, 'directive', ['Namespace', 'Dimensions', 'Metrics']),
      root,
    ),
  );
}

function extractDirective(directive: JsonObject, root: JsonObject): Extracted[] {
  const namespace = textOf(directive['Namespace'], 'Namespace');
  const metrics = arrayOf(directive['Metrics'], 'Metrics', { most: 100 });
  return arrayOf(directive['Dimensions'], 'Dimensions').flatMap((set) => {
    const names = arrayOf(set, 'DimensionSet', { most: 30 }).map((name) =>
      textOf(name, 'dimension'),
    );
    const dimensions = Object.fromEntries(names.map((name) => [name, textOf(root[name], name)]));
    return metrics.map((metric) => {
      const definition = objectOf(metric, 'metric', ['Name', 'Unit', 'StorageResolution']);
      const name = textOf(definition['Name'], 'Name');
      must(!names.includes(name) && name !== '_aws', `${name} is no metric`);
      const unit = textOf(definition['Unit'] ?? 'None', 'Unit');
      must(UNITS.includes(unit), `${unit} is no unit`);
      const target = root[name];
      const list = Array.isArray(target)
        ? arrayOf(target, name, { least: 1, most: 100 })
        : [target];
      must(list.every(Number.isFinite), `${name} has what is no number`);
      return { namespace, dimensions, name, unit, values: list as number[] };
    });
  });
}

type JsonObject = Readonly<Record<string, unknown>>;

function must(met: boolean, what: string): void {
  if (!met) throw new Error(`Not the embedded metric format: ${what}`);
}

function objectOf(value: unknown, what: string, members?: readonly string[]): JsonObject {
  must(
    typeof value === 'object' && value !== null && !Array.isArray(value),
    `${what} is no object`,
  );
  const found = value as JsonObject;
  const others = members && Object.keys(found).filter((name) => !members.includes(name));
  must(others === undefined || others.length === 0, `${what} has ${others?.join(', ')}`);
  return found;
}

function arrayOf(value: unknown, what: string, { least = 0, most = Infinity } = {}): unknown[] {
  must(Array.isArray(value), `${what} is no array`);
  const found = value as unknown[];
  must(found.length >= least && found.length <= most, `${what} has ${found.length} members`);
  return found;
}

function textOf(value: unknown, what: string): string {
  must(typeof value === 'string' && value.length > 0 && value.length <= 1024, `${what} is no text`);
  return value as string;
}

/** How a record is to end; its item's key begins with it. */
type Fate = 'applied' | 'newer' | 'again' | 'rejected' | 'deleted' | 'expired' | 'unreachable';
const COUNTS: ReadonlyArray<[Fate, number]> = [
  ['applied', 300],
  ['newer', 40],
  ['rejected', 7],
  ['applied', 150],
  ['again', 25],
  ['deleted', 12],
  ['expired', 9],
  ['applied', 123],
  ['unreachable', 1],
  // Delivered again, and counted then; their latencies are of now.
  ['applied', 20],
];
const BEATS = 2;
const COALESCED = 60;
/** In milliseconds; a few of them below zero. */
const latencyOf = (index: number) => ((index * 7_919) % 4_000) - 20;

function answer(request: WriteRequest): WriteReply {
  const [, fate] =
    /(newer|again|rejected|deleted|unreachable)-/.exec(JSON.stringify(request.input)) ?? [];
  const refused = (v: string | undefined): WriteReply => ({
    kind: 'refused',
    by: 'item',
    item: { _ferry: { M: { v: { S: v ?? '' } } } },
  });
  if (fate === 'newer') return refused(`0001.9999999999999.${'1'.padStart(40, '0')}`);
  if (fate === 'again')
    return refused(/"v":\{"S":"([^"]+)"/.exec(JSON.stringify(request.input))?.[1]);
  if (fate === 'deleted') return { kind: 'refused', by: 'ledger-row' };
  if (fate === 'unreachable') throw serviceError('ECONNREFUSED');
  if (fate === 'rejected' && request.operation === 'PutItem')
    throw serviceError('ValidationException');
  return { kind: 'written' };
}

const stamp = (name: string, ms: number) => ({ [name]: { N: String(NOW_MS - ms) } });

function records(): object[] {
  const fates = COUNTS.flatMap(([fate, count]) => Array.from({ length: count }, () => fate));
  const early = Array.from({ length: COALESCED }, (_, index) => ['applied', index] as const);
  const beats = Array.from({ length: BEATS }, () => 'heartbeat' as const);
  const all = [...beats, ...early, ...fates.map((fate, index) => [fate, index] as const)];
  return all.map((one, position) => {
    const sequenceNumber = String(position + 1);
    if (one === 'heartbeat')
      return lambdaRecord({
        id: one,
        sequenceNumber,
        attributes: stamp('writtenAt', 333 - position),
      });
    const [fate, index] = one;
    const id = `${fate}-${index}`;
    if (fate === 'deleted' || fate === 'expired')
      return lambdaRecord({ id, sequenceNumber, eventName: 'REMOVE', expired: fate === 'expired' });
    return lambdaRecord({ id, sequenceNumber, attributes: stamp('at', latencyOf(index)) });
  });
}

interface Run {
  readonly summary: BatchSummary;
  readonly lines: string[];
  readonly metrics: Extracted[];
}

async function run(): Promise<Run> {
  const heartbeatKeyText = streamRecord({ id: 'heartbeat' }).keyText;
  const settings = {
    ...SETTINGS,
    ttlDeletes: 'skip' as const,
    timestampAttribute: 'at',
    heartbeatKeyText,
  };
  const lines: string[] = [];
  const clock = { now: () => NOW_MS, sleep: async () => undefined };
  const metrics = emfMetrics({ settings, clock, writeLine: (line) => lines.push(line) });
  const context = invocation({ rules: settings, metrics, twinWriter: scripted(answer) });
  const summary = await replicateBatch(records(), context);
  return { summary, lines, metrics: lines.flatMap(extract) };
}

const valuesOf = ({ metrics }: Run, name: string) =>
  metrics.filter((one) => one.name === name).flatMap(({ values }) => values);
const sumOf = (ran: Run, name: string) =>
  valuesOf(ran, name).reduce((total, value) => total + value, 0);

describe('the metrics of a batch', () => {
  let ran: Run;
  beforeAll(async () => {
    ran = await run();
  });

  it('are of a batch with something of everything', () => {
    expect(records()).toHaveLength(687 + COALESCED + BEATS);
    expect(ran.summary).toMatchObject({
      counts: {
        // The later heartbeat of two, and all whose fate it is, up to the one that must come again.
        applied: 300 + 150 + 123 + 1,
        superseded: 40 + 25 + 12,
        coalesced: COALESCED + BEATS - 1,
        skipped: 9,
        'dead-lettered': 7,
      },
      retried: 1 + 20,
      superseded: { newer: 40, redelivery: 25, deleted: 12 },
    });
  });

  it('are extracted once each, whatever the batch was, but for the latencies', () => {
    const names = ran.metrics.map(({ name }) => name);

    expect(ran.lines.length).toBe(Math.ceil(594 / 100));
    expect(names.filter((name) => name !== 'ReplicationLatency')).toEqual([
      ...new Set(names.filter((name) => name !== 'ReplicationLatency')),
    ]);
  });

  it('all belong to the replication', () => {
    for (const { namespace, dimensions } of ran.metrics) {
      expect(namespace).toBe('Ferry');
      expect(dimensions).toEqual({
        Replication: 'orders',
        SourceRegion: 'us-east-1',
        ReceivingRegion: 'eu-west-1',
      });
    }
  });

  it.each<[string, (summary: BatchSummary) => number]>([
    ['AppliedRecords', ({ counts }) => counts.applied],
    ['SupersededRecords', ({ counts }) => counts.superseded],
    ['CoalescedRecords', ({ counts }) => counts.coalesced],
    ['SkippedRecords', ({ counts }) => counts.skipped],
    ['DeadLetteredRecords', ({ counts }) => counts['dead-lettered']],
    ['RetriedRecords', ({ retried }) => retried],
    ['SupersededByRedelivery', ({ superseded }) => superseded.redelivery],
    ['SupersededByNewerItem', ({ superseded }) => superseded.newer],
    ['SupersededByTombstone', ({ superseded }) => superseded.deleted],
    ['DestinationUnreachable', ({ failures }) => failures.unreachable + failures.unknown],
    ['DestinationThrottles', ({ failures }) => failures.throttled],
    ['DestinationDenied', ({ failures }) => failures.denied],
    ['NegativeLatencies', ({ negativeLatencies }) => negativeLatencies],
    ['PendingRecords', ({ pendingRecords }) => pendingRecords],
  ])('tell as %s what the run has counted', (name, counted) => {
    expect(sumOf(ran, name)).toBe(counted(ran.summary));
  });

  it('account for every record that was delivered', () => {
    const names = ['Applied', 'Superseded', 'Coalesced', 'Skipped', 'DeadLettered', 'Retried'];
    const total = names.reduce((sum, name) => sum + sumOf(ran, `${name}Records`), 0);

    expect(total).toBe(records().length);
    expect(sumOf(ran, 'DeadLetteredRecords')).toBeGreaterThan(0);
    expect(sumOf(ran, 'DestinationUnreachable')).toBeGreaterThan(0);
  });

  it('tell each latency that there was, so that percentiles are exact', () => {
    const fates = COUNTS.flatMap(([fate, count]) => Array.from({ length: count }, () => fate));
    const ofItems = fates.flatMap((fate, index) =>
      fate === 'applied' ? [Math.max(0, latencyOf(index))] : [],
    );
    // The last one is the heartbeat that was written.
    const exact = [...ofItems, 332].toSorted((a, b) => a - b);
    const told = valuesOf(ran, 'ReplicationLatency').toSorted((a, b) => a - b);
    const percentile = (share: number, of: readonly number[]) =>
      of[Math.ceil(share * of.length) - 1];

    expect(exact).toHaveLength(594);
    for (const share of [0.5, 0.9, 0.99, 1])
      expect(percentile(share, told)).toBe(percentile(share, exact));
    expect(told).toEqual(exact);
    expect(sumOf(ran, 'NegativeLatencies')).toBeGreaterThan(0);
  });

  it('tell the latency of the heartbeat that was written, to the millisecond', () => {
    expect(valuesOf(ran, 'HeartbeatLatency')).toEqual([332]);
  });
});

describe('the parser of this test', () => {
  const metric = { Name: 'm', Unit: 'Count' };
  const document = (parts: object, root: object = { m: 1, d: 'x' }) => {
    const directive = { Namespace: 'N', Dimensions: [['d']], Metrics: [metric], ...parts };
    return JSON.stringify({ _aws: { Timestamp: 1, CloudWatchMetrics: [directive] }, ...root });
  };

  it('extracts a metric once per dimension set', () => {
    const line = document({ Dimensions: [['d'], []] }, { m: [1, 2], d: 'x' });

    expect(extract(line).map(({ dimensions, values }) => [dimensions, values])).toEqual([
      [{ d: 'x' }, [1, 2]],
      [{}, [1, 2]],
    ]);
  });

  it.each([
    [
      'a unit that there is not',
      document({ Metrics: [{ ...metric, Unit: 'Records' }] }),
      'no unit',
    ],
    [
      'more than a hundred metrics',
      document({ Metrics: Array.from({ length: 101 }, () => metric) }),
      '101',
    ],
    [
      'more than a hundred values',
      document({}, { m: Array.from({ length: 101 }, () => 1), d: 'x' }),
      '101',
    ],
    ['no value at all', document({}, { m: [], d: 'x' }), 'm has 0 members'],
    ['a value that is no number', document({}, { m: '1', d: 'x' }), 'no number'],
    ['a metric without a value', document({}, { d: 'x' }), 'no number'],
    ['a dimension without a value', document({}, { m: 1 }), 'd is no text'],
    [
      'a metric that is a dimension',
      document({ Dimensions: [['d', 'm']] }, { m: 'x', d: 'x' }),
      'no metric',
    ],
    ['a member that is not specified', document({ Extra: 1 }), 'directive has Extra'],
    ['something behind the object', `${document({})}{}`, 'JSON'],
  ])('refuses %s', (_, line, why) => {
    expect(() => extract(line)).toThrow(why);
  });
});
