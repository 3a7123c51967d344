// `ferry rehearse` on AWS as an operator runs it, against stand-ins for the CDK and the services: what it would do, the
// whole of it, and the removal of what an earlier one has left.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { parseOptions } from '../../src/cli/arguments.ts';
import { rehearseCommand, showRehearsal } from '../../src/cli/rehearse.ts';
import { rehearseOnAws } from '../../src/cli/rehearse-on-aws.ts';
import { problemsOf, type RehearsalReport } from '../../src/rehearsal/report.ts';
import { openRehearsalCloud, type RehearsalCloud } from '../fixtures/rehearsal-cloud.ts';

vi.setConfig({ testTimeout: 60_000 });

let cloud: RehearsalCloud;
let interrupt: AbortController;
let err: string[];
beforeEach(async () => {
  cloud = await openRehearsalCloud(() => ({ heartbeat: { key: { pk: 'beat' } } }));
  interrupt = new AbortController();
  err = [];
});
afterEach(() => cloud.close(), 60_000);

async function rehearseWith(...args: readonly string[]) {
  const out: string[] = [];
  const reports: RehearsalReport[] = [];
  const config = join(cloud.folder, 'orders.json');
  writeFileSync(config, JSON.stringify({ replications: [cloud.chosen] }));
  const io = {
    out: (line: string) => out.push(line),
    err: (line: string) => err.push(line),
    status: () => undefined,
    isTerminal: false,
    environment: cloud.environment,
    interrupted: interrupt.signal,
    clock: cloud.clock,
  };
  const options = parseOptions(rehearseCommand, [...args, '--config', config]);
  const show = (report: RehearsalReport) => {
    reports.push(report);
    return showRehearsal(report, { options, io });
  };
  const exitCode = await rehearseOnAws({ options, io }, show, cloud.cdk);
  return { exitCode, out: out.join('\n'), report: reports[0] };
}

/** Of the tables, queues, buckets and roles of rehearsals. */
async function remaining(): Promise<string[]> {
  const tables = await Promise.all(
    Object.values(cloud.engines).map(async ({ client }) => {
      const { TableNames = [] } = await client.send(new ListTablesCommand({}));
      return TableNames.filter((name) => name !== 'Orders');
    }),
  );
  return [...tables.flat(), ...cloud.queues, ...cloud.buckets.keys(), ...cloud.policies.keys()];
}

it('says what it would create, for how long and for how much, and asks AWS for nothing', async () => {
  const text = await rehearseWith();
  const { out } = await rehearseWith('--json');

  expect(text.exitCode).toBe(0);
  expect(text.out).toMatch(/would create us-east-1\/ferry-rehearsal-\w{4} and eu-west-1\/ferry-re/);
  expect(text.out).toMatch(/It takes \d+ to \d+ minutes, .*, and costs about \$0\.\d\d\./);
  expect(text.out).toContain('Nothing was created.');
  const { failures, notRehearsed, stacks } = JSON.parse(out) as {
    failures: string[];
    notRehearsed: object[];
    stacks: object[];
  };
  expect({
    failures: failures.length,
    notRehearsed: notRehearsed.length,
    stacks: stacks.length,
  }).toEqual({ failures: 4, notRehearsed: 2, stacks: 2 });
  expect(cloud.requests).toEqual([]);
});

it('shows every failure, leaves nothing, and asks for nothing of the tables of the configuration', async () => {
  const { exitCode, report } = await rehearseWith('--apply');

  expect(exitCode).toBe(0);
  if (report === undefined) throw new Error('there is no report');
  expect(problemsOf(report)).toEqual([]);
  expect(report.failures.map(({ name }) => name)).toEqual([
    'destination-denied',
    'destination-throttled',
    'function-disabled',
    'poison-records',
  ]);
  expect(cloud.limits).toEqual([`ferry-${report.name}-twin: 1`, `ferry-${report.name}-twin: -1`]);
  expect(await remaining()).toEqual([]);
  const { requests } = cloud;
  expect(requests.length).toBeGreaterThan(100);
  expect(requests.filter((one) => /orders/i.test(one))).toEqual([]);
  // Each request about a table, a queue, a bucket, a role or an alarm names the rehearsal.
  const others = requests.filter((one) => !one.includes(report.name));
  expect(others.filter((one) => !/ShardIterator|MetricDataQueries|ListTables/.test(one))).toEqual(
    [],
  );
}, 300_000);

it('removes everything after Ctrl-C, exits with 3, and claims nothing of what was not compared', async () => {
  const { sleep } = cloud.clock;
  cloud.clock.sleep = (ms) => {
    if (err.some((line) => line.startsWith('destination-denied: '))) interrupt.abort();
    return sleep(ms);
  };

  const { exitCode, out } = await rehearseWith('--apply', '--json');

  expect(exitCode).toBe(3);
  expect(JSON.parse(out)).toMatchObject({ failures: [], differences: null });
  expect(err).toContain('Another Ctrl-C leaves it to `ferry rehearse --clean --apply`.');
  expect(await remaining()).toEqual([]);
});

it('removes everything after a failure, and says what failed', async () => {
  cloud.failures.set('deploy', new Error('no more capacity'));

  await expect(rehearseWith('--apply')).rejects.toThrow('no more capacity');

  expect(await remaining()).toEqual([]);
});

it('lists what it could not remove, and --clean removes it', async () => {
  cloud.failures.set('deploy', new Error('no more capacity'));
  cloud.failures.set('destroy', new Error('the CDK has failed'));
  await expect(rehearseWith('--apply')).rejects.toThrow('no more capacity');
  const said = err.join('\n');
  cloud.failures.clear();

  const listed = await rehearseWith('--clean');
  const before = await remaining();
  const applied = await rehearseWith('--clean', '--apply');
  const after = await rehearseWith('--clean', '--json');

  expect(said).toContain('could not be removed');
  expect(said).toMatch(/aws cloudformation delete-stack --stack-name ferry-rehearsal-\w{4}-source/);
  expect(listed).toMatchObject({
    exitCode: 3,
    out: expect.stringContaining('Nothing was removed.'),
  });
  expect(before).not.toEqual([]);
  expect(applied.exitCode).toBe(0);
  expect(await remaining()).toEqual([]);
  expect(JSON.parse(after.out)).toEqual({ apply: false, rehearsals: [], left: [] });
});
