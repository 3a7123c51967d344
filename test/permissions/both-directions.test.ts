// What the commands about both directions ask AWS for is what docs/permissions.md lists: no more, and no less. Each table
// is the twin of one direction, so that a table is a table here.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { clockVersion } from '../../src/model/clock-version.ts';
import { raisedVersion } from '../../src/model/ledger-row.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { writeRules } from '../../src/composition/write-rules.ts';
import { BOTH_COMMANDS } from '../../src/permissions/operator-needs.ts';
import type { Item } from '../../src/ports.ts';
import { askedOfSides, listedOfSides } from '../fixtures/asked-of-sides.ts';
import { type LogsCloud, openLogsCloud } from '../fixtures/logs-cloud.ts';
import { recordCalls } from '../fixtures/recorded-calls.ts';
import {
  inBoth,
  openSwitchedRegions,
  type Side,
  type SwitchedRegions,
} from '../fixtures/switched-regions.ts';
import { runHere } from '../fixtures/two-regions.ts';

let regions: SwitchedRegions;
let logs: LogsCloud;
beforeAll(async () => {
  regions = await openSwitchedRegions(undefined, inBoth({ mode: 'stamped', losers: 'keep' }));
  const { a, b, epoch, failures, lambda } = regions;
  await regions.write({ epochs: [epoch(1, a)] }, [b]);
  await regions.write({ epochs: [epoch(1, b)] }, [a]);
  lambda.settings = { onFailureBucket: failures.bucketName };
  lambda.mappings = [{ id: 'a1b2', state: 'Enabled', streamArn: a.streamArn }];
  logs = await openLogsCloud();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await logs.close();
  await regions.close();
});

const v = (ms: number, origin: 1 | 2 = 2) =>
  clockVersion({ epoch: 1, ms: 1_769_860_800_000 + ms, counter: 0, origin, unique: '9' });
const put = (side: Side, pk: string, version?: string) => {
  const stamp: Item = version === undefined ? {} : { _ferry: { M: { v: { S: version } } } };
  const Item = { pk: { S: pk }, text: { S: side.region }, ...stamp };
  return side.engine.client.send(new PutItemCommand({ TableName: 'Orders', Item }));
};

/** Runs a command, and says what it asked for. */
async function recorded(...args: readonly string[]): Promise<Set<string>> {
  for (const name of ['orders', 'orders-back'])
    logs.state.groups.set(`/ferry/${name}/history`, new Map());
  const recorder = recordCalls();
  const config = ['--config', regions.config];
  const done = await runHere([...args, ...config], undefined, undefined, logs.environment);
  recorder.stop();
  if (![0, 3].includes(done.exitCode ?? 1)) throw new Error(`${args.join(' ')}: ${done.err}`);
  const asked = recorder.calls.flatMap((call) => askedOfSides(call) ?? []);
  // Lambda lists the mappings of a function only for those who may list all.
  return new Set(asked.map((one) => one.replace(/(Mappings) replicate$/, '$1 anything')));
}

interface Played {
  readonly dry: Set<string>;
  readonly applied: Set<string>;
}

/** In the order of a story, in which each command has something to do. */
async function playAll(): Promise<Map<string, Played>> {
  const { a, b } = regions;
  const played = new Map<string, Played>();
  const play = async (command: string, ...more: readonly string[]) => {
    const words = command.split(' ');
    const dry = await recorded(...words, ...more);
    const isReading = command === 'conflicts' || command === 'conflicts show';
    const applied = isReading ? new Set<string>() : await recorded(...words, ...more, '--apply');
    played.set(command, { dry, applied });
  };
  await put(a, 'replaced');
  await put(b, 'replaced', v(1));
  await put(b, 'deleted', v(1));
  const key = { pk: { S: 'deleted' } };
  const raise = { key, keyText: canonicalKey(key), attribute: 'd', version: v(2, 1) };
  await a.engine.twinWriter.write(raisedVersion(raise, writeRules(a.inbound), 1_769_860_800_000));
  await put(a, 'without-a-version');
  await play('merge', '--settle', '0');
  const listed = await runHere(['conflicts', '--json', '--config', regions.config]);
  const { conflicts } = JSON.parse(listed.out) as { conflicts: Array<{ id: string }> };
  await play('conflicts show', conflicts[0]?.id ?? '');
  await play('conflicts restore', conflicts[0]?.id ?? '');
  await play('conflicts');
  return played;
}

/**
 * What the story does not bring about: a first adoption, an item that is gone on both sides, so many items that the way
 * back is looked up, losers that are only counted, and an ID that nothing has.
 */
const RARE = new Set([
  'dynamodb:PutItem ledger',
  'dynamodb:ConditionCheckItem table',
  'dynamodb:DescribeContinuousBackups table',
  'cloudwatch:GetMetricData anything',
  's3:ListBucket bucket',
]);

describe('an operator needs for', () => {
  let played: Map<string, Played>;
  beforeAll(async () => {
    played = await playAll();
  }, 300_000);

  it.each(BOTH_COMMANDS.map((needs) => [needs.command, needs] as const))(
    '%s what the document says',
    (command, { always, apply }) => {
      const { dry, applied } = played.get(command) ?? { dry: new Set(), applied: new Set() };
      const mayLook = listedOfSides(always.filter(isThere));
      const mayApply = listedOfSides([...always, ...apply].filter(isThere));

      expect([...dry].filter((one) => !mayLook.has(one))).toEqual([]);
      expect([...applied].filter((one) => !mayApply.has(one))).toEqual([]);
      expect([...mayLook].filter((one) => !dry.has(one) && !RARE.has(one))).toEqual([]);
      expect(
        [...mayApply].filter((one) => apply.length > 0 && !applied.has(one) && !RARE.has(one)),
      ).toEqual([]);
    },
  );
});

/** Both directions read the streams of tables. */
function isThere(need: string): boolean {
  return !/ (kinesis|streaming)$/.test(need);
}
