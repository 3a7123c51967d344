// Metrics by PutMetricData: the same sums and percentiles, within the limits of the service, whatever it answers.

import { expect, it } from 'vitest';
import type { LogEvent } from '../../src/ports.ts';
import type { MetricRequest } from '../../src/run/metric-requests.ts';
import { MetricSender } from '../../src/run/metric-sender.ts';

const MINUTE_MS = 60_000;

function open(put?: (request: MetricRequest) => void) {
  const sent: MetricRequest[] = [];
  const events: LogEvent[] = [];
  const state = { nowMs: 100 * MINUTE_MS + 1_234, isDown: false };
  const sender = new MetricSender({
    dimensions: ['orders', 'us-east-1', 'eu-west-1'],
    put: async (request) => {
      if (state.isDown) throw Object.assign(new Error('KEYMARK'), { name: 'ThrottlingException' });
      put?.(request);
      sent.push(request);
    },
    clock: { now: () => state.nowMs },
    log: (event) => events.push(event),
  });
  return { sender, sent, events, state };
}

/** Each value as often as it was counted. */
function valuesOf(requests: readonly MetricRequest[], name: string): number[] {
  const data = requests.flatMap(({ MetricData }) => MetricData);
  return data
    .filter(({ MetricName }) => MetricName === name)
    .flatMap(({ Values, Counts }) =>
      Values.flatMap((value, index) => Array.from({ length: Counts[index] ?? 0 }, () => value)),
    );
}

it('sends each metric with its unit, its dimensions and the minute', async () => {
  const { sender, sent } = open();
  sender.add({ AppliedRecords: 2, ReplicationLatency: [12, 12, 80] });
  sender.add({ AppliedRecords: 3 });
  sender.add({ AppliedRecords: 2 });

  await sender.flush();

  const about = {
    Timestamp: new Date(100 * MINUTE_MS),
    Dimensions: [
      { Name: 'Replication', Value: 'orders' },
      { Name: 'SourceRegion', Value: 'us-east-1' },
      { Name: 'ReceivingRegion', Value: 'eu-west-1' },
    ],
  };
  expect(sent).toEqual([
    {
      Namespace: 'Ferry',
      MetricData: [
        { ...about, MetricName: 'AppliedRecords', Unit: 'Count', Values: [2, 3], Counts: [2, 1] },
        {
          ...about,
          MetricName: 'ReplicationLatency',
          Unit: 'Milliseconds',
          Values: [12, 80],
          Counts: [2, 1],
        },
      ],
    },
  ]);
});

it('keeps within the limits of a request, and loses no value', async () => {
  const { sender, sent, state } = open();
  const latencies = Array.from({ length: 20_000 }, (_, index) => index * 7);
  const counts = Array.from({ length: 1_000 }, (_, index) => 10_000 - index);
  sender.add({ ReplicationLatency: latencies });
  state.nowMs += MINUTE_MS;
  for (const AppliedRecords of counts) sender.add({ AppliedRecords });

  await sender.flush();

  for (const { MetricData } of sent) {
    expect(MetricData.length).toBeLessThanOrEqual(1_000);
    expect(Buffer.byteLength(JSON.stringify(MetricData))).toBeLessThan(1_000_000);
    const names = MetricData.map(({ MetricName }) => MetricName);
    expect(new Set(names).size).toBe(names.length);
    for (const { Values, Counts } of MetricData) {
      expect(Values.length).toBeLessThanOrEqual(150);
      expect(Counts).toHaveLength(Values.length);
    }
  }
  expect(valuesOf(sent, 'AppliedRecords').toSorted((a, b) => b - a)).toEqual(counts);
  const found = valuesOf(sent, 'ReplicationLatency').toSorted((a, b) => a - b);
  expect(found).toHaveLength(latencies.length);
  for (const [index, value] of found.entries())
    expect(Math.abs(value - (latencies[index] ?? 0))).toBeLessThanOrEqual(value * 0.005);
});

it('sends later what could not be sent, once, and under its own minute', async () => {
  const { sender, sent, events, state } = open();
  state.isDown = true;
  sender.add({ AppliedRecords: 1 });
  await sender.flush();
  state.nowMs += 5 * MINUTE_MS;
  sender.add({ AppliedRecords: 2 });
  await sender.flush();
  expect(sent).toEqual([]);

  state.isDown = false;
  await sender.flush();
  await sender.flush();

  expect(sent.map(({ MetricData }) => MetricData[0]?.Timestamp.getTime())).toEqual([
    100 * MINUTE_MS,
    105 * MINUTE_MS,
  ]);
  expect(valuesOf(sent, 'AppliedRecords')).toEqual([1, 2]);
  expect(events.map(({ event, error }) => [event, error])).toEqual([
    ['metrics.unsent', 'ThrottlingException'],
    ['metrics.unsent', 'ThrottlingException'],
  ]);
  expect(JSON.stringify(events)).not.toContain('KEYMARK');
});

it('keeps a bounded number of requests, and says how many it drops', async () => {
  const { sender, sent, events, state } = open();
  state.isDown = true;
  for (let minute = 0; minute < 620; minute += 1) {
    sender.add({ AppliedRecords: minute });
    state.nowMs += MINUTE_MS;
    await sender.flush();
  }
  state.isDown = false;

  await sender.flush();

  expect(sent).toHaveLength(500);
  expect(valuesOf(sent, 'AppliedRecords')[0]).toBe(120);
  const dropped = events.filter(({ event }) => event === 'metrics.dropped');
  expect(dropped.reduce((sum, { requests }) => sum + Number(requests), 0)).toBe(120);
});

it('has one request under way at a time', async () => {
  const { sender, sent } = open();
  sender.add({ AppliedRecords: 1 });

  await Promise.all([sender.flush(), sender.flush()]);

  expect(sent).toHaveLength(1);
});
