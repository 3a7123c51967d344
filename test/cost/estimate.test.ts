// Three workloads, each against a calculation by hand: every part in dollars a month, of 730 hours or 2,628,000 s.

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { type Bill, billOf, dominant } from '../../src/cost/bill.ts';
import { assumptionsOf, globalTableLines, replicationLines } from '../../src/cost/estimate.ts';
import { LISTED } from '../../src/cost/prices.ts';
import type { Setting } from '../../src/cost/setting.ts';
import { KINESIS_ARN } from '../fixtures/kinesis-source.ts';
import { CREATED, EXISTING } from '../lib/stack-templates.ts';

function settingOf(replication: object, rest: Omit<Setting, 'replication' | 'byProcess'>): Setting {
  const [one] = parseConfig({ replications: [replication] }).replications;
  return { replication: one as ReplicationConfig, byProcess: false, ...rest };
}

function dollarsOf(bill: Bill): Record<string, number> {
  return Object.fromEntries(
    bill.parts.map(({ part, dollars }) => [part, Math.round(dollars * 100) / 100]),
  );
}

const NOTHING = { writesPerSecond: 0, itemBytes: 100, deleteShare: 0, updateShare: 0, items: 0 };

const bills = (setting: Setting) => ({
  ferry: billOf(replicationLines(setting), LISTED),
  globalTable: billOf(globalTableLines(setting), LISTED),
});

it('checked tombstones, small items: us-east-1 to eu-west-1', () => {
  const setting = settingOf(EXISTING, {
    // 262,800,000 writes: 157,680,000 inserts, 78,840,000 updates and 26,280,000 deletes.
    workload: {
      writesPerSecond: 100,
      itemBytes: 800,
      deleteShare: 0.1,
      updateShare: 0.3,
      items: 0,
    },
    roundTripMs: 70,
  });

  const { ferry, globalTable } = bills(setting);

  expect(dollarsOf(ferry)).toEqual({
    // Lambda reads the stream free of charge.
    'stream reads': 0,
    // Each of 4 shards gets 25 records/s, and 4 x (1 - e^(-25/4)) = 3.9923 invocations/s: 41,966,828 of them, with 6.26
    // records each. 1 - e^(-0.626) = 46.5 % have deletes: 19,530,742. Requests: $8.39.
    // Processor: 41,966,828 x 2 ms + 262,800,000 x 0.074 ms, at 512/1,769 of a processor: 357,205 s.
    // Waiting: (41,966,828 + 19,530,742) x 70 ms = 4,304,830 s. Half a GB: 2,331,009 GB-s x $13.3334/million = $31.08.
    // The control row: 4 x 43,800 reads x $0.1415/million = $0.02.
    function: 39.5,
    // 800 + 120 bytes are one unit: 262,800,000 x $0.705/million.
    'writes to the twin': 185.27,
    // 26,280,000 tombstones: $18.53. They are looked at again with as many reads, and 19,530,742 of the control row, x
    // $0.1415/million: $6.48.
    // 10/s x 15 days x 350 bytes = 4.2245 GB x ($0.283 + $0.22) = $2.12.
    // 3 x 19,530,742 + 657,000 polls = 59,249,227 queue requests x $0.40/million = $23.70.
    // 19,530,742 invocations: $3.91; each 4 ms at 256/1,769 of a processor and 2 x 70 ms, with a quarter of a GB:
    // 818,536 GB-s = $10.91; each logs 1,050 bytes: 19.10 GB x $0.50 = $9.55.
    tombstones: 75.2,
    // How many items there are is not known.
    storage: 0,
    // (236,520,000 puts + 3 x 26,280,000) x 3,000 bytes + 236,520,000 x 800 bytes = 1,057.33 GB; responses: 315,360,000 x
    // 300 bytes = 88.11 GB; both at $0.02.
    transfer: 22.91,
    // 18 x $0.10 + $0.50.
    alarms: 2.3,
    dashboard: 3,
    // 16 of every batch, the latency, and revenants.
    metrics: 5.4,
    // 41,966,828 x 2,200 bytes = 85.99 GB x $0.50; 15 % of it for 30 of 30.42 days: 12.72 GB x $0.03 = $0.38.
    logs: 43.37,
  });
  expect(ferry.dollars).toBeCloseTo(376.96, 1);
  expect(ferry.unpriced).toEqual([]);
  expect(dominant(ferry)).toEqual({
    part: 'writes to the twin',
    share: expect.closeTo(185.274 / ferry.dollars, 6) as number,
  });
  expect(dollarsOf(globalTable)).toEqual({
    // 262,800,000 x $0.705/million.
    'replicated writes': 185.27,
    storage: 0,
    // 236,520,000 x 800 bytes = 176.22 GB x $0.02.
    transfer: 3.52,
  });
  expect(assumptionsOf(setting).join(' ')).toContain('4 shards');
});

it('strict tombstones, items whose version takes a unit, created tables: us-east-1 to us-west-2', () => {
  const setting = settingOf(
    {
      ...CREATED,
      destination: { ...CREATED.destination, region: 'us-west-2' },
      tombstones: 'strict',
      heartbeat: { key: { pk: 'ferry-heartbeat', sk: 0 } },
      alarms: { enabled: false },
      dashboard: false,
      eventSource: { maxBatchingWindowSeconds: 1 },
      function: { memoryMiB: 1_024, architecture: 'x86_64' },
    },
    {
      // 26,280,000 writes: 13,140,000 inserts and as many updates.
      workload: {
        writesPerSecond: 10,
        itemBytes: 3_000,
        deleteShare: 0,
        updateShare: 0.5,
        items: 10_000_000,
      },
      roundTripMs: 70,
    },
  );

  const { ferry, globalTable } = bills(setting);

  expect(dollarsOf(ferry)).toEqual({
    'stream reads': 0,
    // 10.0167 records/s with heartbeats, 2.5042 for each of 4 shards (27.9 GB are 3 partitions). A batch gathers for 1 s:
    // 2.5042 / 3.5042 = 0.71463 invocations/s, 7,512,143 in all: $1.50.
    // (7,512,143 x 2 ms + 26,323,800 x 0.074 ms) x 1,769/1,024 + 7,512,143 x 70 ms.
    // = 29,321 s + 525,850 s = 555,171 s with 1 GB: $9.25.
    // The control row: 175,200 reads x $0.125/million = $0.02.
    function: 10.78,
    // 3,000 bytes are 3 units, 3,120 are 4: 78,840,000 + 26,280,000. Inserts once more: 52,560,000.
    // 157,680,000 x $0.625/million.
    'writes to the twin': 98.55,
    // 2 for each insert: 26,280,000 x $0.625/million. No delete, no queue.
    tombstones: 16.43,
    // 10,000,000 x (3,000 + 120 + 100) bytes = 29.99 GB x ($0.25 + $0.20).
    storage: 13.49,
    // 26,280,000 x 6,000 bytes = 146.85 GB, and x 300 bytes = 7.34 GB, at $0.02.
    transfer: 3.08,
    // 16 of every batch, the latency, and 2 of heartbeats.
    metrics: 5.7,
    // 7,512,143 x 2,200 bytes = 15.39 GB x $0.50 = $7.70; 2.28 GB x $0.03 = $0.07.
    logs: 7.76,
    // 43,800 invocations: $0.01; (4 ms x 1,769/256 + 70 ms) x 0.25 GB = 1,069 GB-s = $0.02.
    // 2 x 43,800 x ($0.625 + $0.125)/million = $0.07.
    heartbeat: 0.09,
  });
  expect(dollarsOf(globalTable)).toEqual({
    // 78,840,000 x $0.625/million.
    'replicated writes': 49.28,
    // 10,000,000 x 3,100 bytes = 28.87 GB x $0.45.
    storage: 12.99,
    // 26,280,000 x 3,000 bytes = 73.43 GB x $0.02.
    transfer: 1.47,
  });
});

it('a Kinesis stream, a comparison every day, a key: ap-northeast-1 to us-east-1', () => {
  const key = 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';
  const setting = settingOf(
    {
      name: 'orders',
      source: {
        region: 'ap-northeast-1',
        table: 'Orders',
        kinesisStreamArn: KINESIS_ARN.replace('us-east-1', 'ap-northeast-1'),
        kinesisRetentionHours: 24,
      },
      destination: { region: 'us-east-1', table: 'Orders', kmsKeyArn: key },
      alarms: { enabled: false },
      dashboard: false,
      reconcile: { every: '1 day', sample: '10%' },
    },
    {
      // 2,628,000,000 updates.
      workload: {
        writesPerSecond: 1_000,
        itemBytes: 500,
        deleteShare: 0,
        updateShare: 1,
        items: 50_000_000,
      },
      roundTripMs: 150,
      shards: 2,
    },
  );

  const { ferry } = bills(setting);

  expect(dollarsOf(ferry)).toEqual({
    // 2 x 730 shard hours x $0.0195 = $28.47; 2,628,000,000 payload units x $0.0215/million = $56.50.
    'stream reads': 84.97,
    // 4 invocations/s for each shard: 21,024,000, with 125 records each: $4.20.
    // (21,024,000 x 2 ms + 2,628,000,000 x 0.074 ms) x 1,769/512 + 21,024,000 x 150 ms = 3,970,795 s with half a GB:
    // 1,985,398 GB-s x $13.3334/million = $26.47. The control row: 87,600 reads = $0.01.
    function: 30.69,
    // 2,628,000,000 x $0.625/million.
    'writes to the twin': 1_642.5,
    // 657,000 polls of the queue x $0.40/million.
    tombstones: 0.26,
    // 50,000,000 x (500 + 120 + 100) bytes = 33.53 GB x $0.25.
    storage: 8.38,
    // 2,628,000,000 x 3,500 bytes = 8,566.3 GB x $0.09 = $770.97; x 300 bytes = 734.25 GB x $0.02 = $14.69.
    transfer: 785.65,
    // 16 of every batch, the latency, and 4 of comparisons.
    metrics: 6.3,
    // 21,024,000 x 2,200 bytes = 43.08 GB x $0.76.
    logs: 32.74,
    // 30.42 runs, each of 5,000,000 items: 610,352 units of the source x $0.1425/million and 756,836 of the twin x
    // $0.125/million: $2.65 + $2.88. At 500 units/s, 1,513.7 s with 1 GB: 46,041 GB-s = $0.61. 5,000,000 x 620 bytes of
    // the twin leave its Region each time: 87.81 GB x $0.02 = $1.76.
    reconciliation: 7.89,
    // $1, and a request every 75 s: 35,040 x $0.03/10,000.
    keys: 1.11,
  });
  expect(ferry.unpriced.map(({ what, region }) => `${what} in ${region}`)).toEqual([
    'change data capture units in ap-northeast-1',
    'GB stored in ap-northeast-1',
    'state transitions in ap-northeast-1',
  ]);
});

it('a process of ferry run pays for its reads of the stream, and for no function', () => {
  const workload = { ...NOTHING, writesPerSecond: 1 };
  const beating = { ...EXISTING, heartbeat: { key: { pk: 'ferry-heartbeat' } } };
  const setting = { ...settingOf(beating, { workload, roundTripMs: 70 }), byProcess: true };

  const { ferry } = bills(setting);

  expect(dollarsOf(ferry)).toMatchObject({
    // 4 shards x 4 requests/s x 2,628,000 s = 42,048,000 x $0.20/million.
    'stream reads': 8.41,
    // Each insert is a transaction, whatever is configured: 2 units, and 2 for its check, x $0.705/million.
    'writes to the twin': 3.71,
    tombstones: 3.71,
    // Each shard has a record in 4 s, and then a second without a write of its position: 4 x 0.25 / 1.25 = 0.8/s, and
    // 1/3 of the lease: 2,978,400 x $0.705/million.
    process: 2.1,
    // 2 x 43,800 x ($0.705 + $0.1415), and of us-east-1 ($0.625 + $0.125): no function.
    heartbeat: 0.07,
  });
  expect(Object.keys(dollarsOf(ferry))).not.toContain('function');
  expect(Object.keys(dollarsOf(ferry))).not.toContain('alarms');
});

it('each batch of a shard that is under way at the same time is an invocation', () => {
  const workload = { ...NOTHING, writesPerSecond: 80, updateShare: 1 };
  const parallel = { ...EXISTING, eventSource: { parallelizationFactor: 5 } };

  const lines = replicationLines(settingOf(parallel, { workload, roundTripMs: 70, shards: 2 }));

  // 10 lanes with 8 records/s each: 10 x 4 x (1 - e^-2) = 34.587 invocations/s.
  expect(lines.find(({ what }) => what === 'requests')?.amount).toBeCloseTo(90_893_553, -2);
});

it('inserts of a Kinesis stream are looked up, and tombstones outlive its retention', () => {
  const workload = { ...NOTHING, writesPerSecond: 10, deleteShare: 0.5 };
  const source = {
    region: 'us-east-1',
    table: 'Orders',
    kinesisStreamArn: KINESIS_ARN,
    kinesisRetentionHours: 336,
  };
  const ofMonth = { ...EXISTING, source: { ...source, kinesisRetentionHours: 696 } };
  const setting = (replication: object) =>
    settingOf(replication, { workload, roundTripMs: 70, shards: 1 });
  const amounts = (replication: object) =>
    new Map(
      replicationLines(setting(replication)).map(({ part, what, amount }) => [
        `${part}: ${what}`,
        amount,
      ]),
    );

  const [stream, kinesis] = [amounts(EXISTING), amounts({ ...EXISTING, source })];

  // 13,140,000 inserts.
  const read = (all: typeof stream) => all.get('tombstones: read units') ?? 0;
  expect(read(kinesis) - read(stream)).toBeCloseTo(13_140_000, 3);
  // 4 x (1 - e^(-10/4)) = 3.6717 invocations/s: 9,649,122 of them, with 2.7236 records each. 93.44 % have one of both
  // kinds, and 74.38 % have a delete: 19.06 % more wait another 70 ms.
  const seconds = (all: typeof stream) => (all.get('function: GB-seconds') ?? 0) * 2;
  expect(seconds(kinesis) - seconds(stream)).toBeCloseTo(128_714, -1);
  const gb = (all: typeof stream) => all.get('tombstones: GB stored') ?? 0;
  expect(gb(kinesis)).toBe(gb(stream));
  // 30 days instead of 15.
  expect(gb(amounts(ofMonth)) / gb(stream)).toBeCloseTo(2, 9);
});

it('the other direction of a replication that can be switched has its own function, alarms and dashboard', () => {
  const { streamArn } = EXISTING.source;
  const ofTwin = streamArn.replace('us-east-1', 'eu-west-1').replace('Orders', 'OrdersTwin');
  const switched = { ...EXISTING, switching: { streamArn: ofTwin } };

  const { ferry } = bills(settingOf(switched, { workload: NOTHING, roundTripMs: 70 }));

  // 20 alarms, a composite one, a dashboard and 17 metrics: $2.00 + $0.50 + $3.00 + $5.10.
  expect(dollarsOf(ferry)).toMatchObject({ 'other direction': 10.6 });
});

describe('both directions', () => {
  const streamArn = EXISTING.source.streamArn
    .replace('us-east-1', 'eu-west-1')
    .replace('Orders', 'OrdersTwin');
  const stamped = { ...EXISTING, direction: 'both', twoWay: { mode: 'stamped', streamArn } };
  const home = {
    ...stamped,
    twoWay: {
      mode: 'home',
      streamArn,
      home: {
        rules: [{ attribute: 'pk', prefix: 'eu#', region: 'eu-west-1' }],
        otherwise: 'us-east-1',
      },
    },
  };
  /** 70 inserts, 20 updates and 10 deletes a second, for 2,628,000 s. */
  const workload = {
    writesPerSecond: 100,
    itemBytes: 800,
    deleteShare: 0.1,
    updateShare: 0.2,
    items: 1_000,
  };
  const rest = { workload, roundTripMs: 70 };

  const unitsIn = (replication: object) => {
    const { tombstones, storage, ...parts } = Object.fromEntries(
      bills(settingOf(replication, rest)).ferry.parts.map(({ part, lines }) => [part, lines]),
    );
    const amounts = (tombstones ?? []).map(({ what, amount, region }) => [
      `${what} in ${region}`,
      Math.round(amount / 2_628_000),
    ]);
    return { amounts: Object.fromEntries(amounts) as object, storage, parts };
  };

  it('with homes, the other function looks at each insert and delete, and no delete is looked at again', () => {
    const { amounts, parts } = unitsIn(home);

    expect(amounts).toEqual({
      'write units in eu-west-1': 10,
      'GB stored in eu-west-1': 0,
      'GB of backup in eu-west-1': 0,
      'read units in eu-west-1': 80,
    });
    expect(parts['other direction']?.map(({ what }) => what)).toEqual([
      'requests (function)',
      'GB-seconds (function)',
      'reads of the control row (function)',
      'GB ingested (logs)',
      'GB stored (logs)',
    ]);
  });

  it('with stamps, the ledger beside the source takes as much', () => {
    expect(unitsIn(stamped).amounts).toMatchObject({
      'write units in eu-west-1': 10,
      'write units beside the source in us-east-1': 10,
      'read units in eu-west-1': 80,
      'read units beside the source in us-east-1': 80,
    });
  });

  it('has two estimates, and one of them has the storage of the copy', () => {
    const { replications } = parseConfig({ replications: [stamped] });
    const [out, back] = replications.map((replication) =>
      bills({ replication, byProcess: false, ...rest }),
    );
    const parts = (bill: Bill | undefined) => bill?.parts.map(({ part }) => part);

    expect(parts(out?.ferry)).toEqual(expect.arrayContaining(['storage', 'alarms', 'dashboard']));
    expect(parts(back?.ferry)).toEqual(expect.arrayContaining(['alarms', 'dashboard']));
    expect([back?.ferry, back?.globalTable].flatMap(parts)).not.toContain('storage');
    expect(assumptionsOf({ ...settingOf(stamped, rest) }).join(' ')).toContain(
      'Writes are those of applications to the source of this direction.',
    );
  });
});
