// What the commands of a switch ask AWS for is what docs/permissions.md lists, and what the roles of operators and switches
// allow: no more, and no less. Either side can be the one that is drained, so that a table is a table here.

import { rmSync, writeFileSync } from 'node:fs';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SWITCH_COMMANDS } from '../../src/permissions/operator-needs.ts';
import type { Clock } from '../../src/ports.ts';
import { type FencedTable, openFencedTable } from '../fixtures/fenced-table.ts';
import { type LogsCloud, openLogsCloud } from '../fixtures/logs-cloud.ts';
import { askedOfSides, listedOfSides } from '../fixtures/asked-of-sides.ts';
import { recordCalls } from '../fixtures/recorded-calls.ts';
import { openSwitchedRegions, type SwitchedRegions } from '../fixtures/switched-regions.ts';
import { runHere } from '../fixtures/two-regions.ts';

let skewMs = 0;
let regions: SwitchedRegions;
let tables: FencedTable[];
let logs: LogsCloud;
let config: string;
/** Waits take no time. */
const hurried: Clock = {
  now: () => Date.now() + skewMs,
  async sleep(ms) {
    for (const { policies } of tables) void policies.clock.sleep(ms);
    await new Promise((resolve) => setTimeout(resolve, 1));
    skewMs += ms;
  },
};

beforeAll(async () => {
  regions = await openSwitchedRegions(hurried);
  const { failures, lambda, replication, a, b } = regions;
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', new URL(failures.queueUrl).origin);
  const { queueUrl: deadLetterQueueUrl, bucketName: onFailureBucket } = failures;
  lambda.settings = { ...lambda.settings, deadLetterQueueUrl, onFailureBucket };
  tables = await Promise.all(
    [a, b].map(({ engine, streamArn }) =>
      openFencedTable(engine.endpoint, streamArn.split('/stream/')[0] ?? ''),
    ),
  );
  const [source, destination] = [replication.source, replication.destination].map((side, at) => ({
    ...side,
    endpoint: tables[at]?.endpoint,
  }));
  vi.stubEnv('AWS_ENDPOINT_URL_STS', tables[0]?.sts);
  logs = await openLogsCloud();
  config = `${regions.config}.policy.json`;
  const switching = { ...replication.switching, fence: 'policy' };
  const replications = [{ ...replication, source, destination, switching }];
  writeFileSync(config, JSON.stringify({ replications }));
  await regions.write();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  rmSync(config);
  await Promise.all(tables.map((table) => table.close()));
  await logs.close();
  await regions.close();
});

/** Runs a command, and says what it asked for. */
async function recorded(...args: readonly string[]): Promise<Set<string>> {
  // As new.
  for (const name of ['orders', 'orders-back'])
    logs.state.groups.set(`/ferry/${name}/history`, new Map());
  const recorder = recordCalls();
  const done = await runHere([...args, '--config', config], undefined, hurried, {
    AWS_ENDPOINT_URL_STS: tables[0]?.sts ?? '',
    ...logs.environment,
  });
  recorder.stop();
  if (![0, 3].includes(done.exitCode ?? 1)) throw new Error(`${args.join(' ')}: ${done.err}`);
  return new Set(recorder.calls.flatMap((call) => askedOfSides(call) ?? []));
}

async function put(side: 'a' | 'b', ...pks: readonly string[]): Promise<void> {
  for (const pk of pks)
    await regions[side].engine.client.send(
      new PutItemCommand({ TableName: 'Orders', Item: { pk: { S: pk }, n: { N: '1' } } }),
    );
}

interface Played {
  readonly dry: Set<string>;
  readonly applied: Set<string>;
}

/** In the order of a story, in which each command has something to do. */
async function playAll(): Promise<Map<string, Played>> {
  const played = new Map<string, Played>();
  const play = async (command: string, ...more: readonly string[]) => {
    const words = command.split(' ');
    const dry = await recorded(...words, ...more);
    const isReading = command === 'history' || command === 'stranded list';
    const applied = isReading ? [] : await recorded(...words, ...more, '--apply');
    const before = played.get(command);
    played.set(command, {
      dry: new Set([...(before?.dry ?? []), ...dry]),
      applied: new Set([...(before?.applied ?? []), ...applied]),
    });
  };
  await put('a', 'a', 'b');
  await play('drain');
  await play('drain', '--cancel');
  await put('a', 'late');
  await play('failover');
  await put('b', 'c');
  await play('failback');
  await put('a', 'd', 'e');
  await play('failover', '--source-lost', '--even-if-reachable');
  await put('a', 'f');
  await play('rejoin');
  await play('stranded list');
  await play('stranded replay', '--key', '{"pk":"f"}');
  await play('stranded drop');
  await play('history');
  return played;
}

/** What the story does not bring about: of dead letters, of a third Region, of deletes, and of tables without markers. */
const RARE = new Set([
  'sqs:ChangeMessageVisibility deadLetters',
  's3:GetObject bucket',
  'dynamodb:Scan tally',
  'dynamodb:PutItem tally',
  'dynamodb:UpdateItem ledger',
  'sqs:SendMessage lookAgain',
]);
const FULL_PROOF = ['dynamodb:Scan table'];
/** Of the second switch: time passes faster here than in the streams, whose records are then of an earlier epoch. */
const LOOK_UPS = ['dynamodb:BatchGetItem table', 'dynamodb:BatchGetItem ledger'];
const APPLIED = ['dynamodb:ConditionCheckItem ledger', 'dynamodb:GetItem table'];
const NOT_LOWERED = ['dynamodb:DeleteResourcePolicy table'];
const RARE_WITH: Readonly<{ [command: string]: readonly string[] }> = {
  drain: FULL_PROOF,
  failover: [...FULL_PROOF, ...NOT_LOWERED],
  failback: [...FULL_PROOF, ...NOT_LOWERED, ...LOOK_UPS, ...APPLIED],
  rejoin: [...NOT_LOWERED, ...LOOK_UPS],
  'stranded drop': ['dynamodb:PutItem ledger'],
};

describe('an operator needs for', () => {
  let played: Map<string, Played>;
  beforeAll(async () => {
    played = await playAll();
  }, 300_000);

  it.each(SWITCH_COMMANDS.map((needs) => [needs.command, needs] as const))(
    '%s what the document says',
    (command, { always, apply }) => {
      const { dry, applied } = played.get(command) ?? { dry: new Set(), applied: new Set() };
      const [mayLook, mayApply] = [listedOfSides(always), listedOfSides([...always, ...apply])];
      const rare = new Set([...RARE, ...(RARE_WITH[command] ?? [])]);

      // The put of a probe is that of its own role.
      expect([...dry].filter((one) => !mayLook.has(one) && one !== PROBED)).toEqual([]);
      expect([...applied].filter((one) => !mayApply.has(one))).toEqual([]);
      expect([...mayLook].filter((one) => !dry.has(one) && !rare.has(one))).toEqual([]);
      expect(
        [...mayApply].filter((one) => apply.length > 0 && !applied.has(one) && !rare.has(one)),
      ).toEqual([]);
    },
  );
});

const PROBED = 'dynamodb:PutItem table';
