// Without --apply, `ferry backfill` finds the unfinished run that it would go on with, and refuses what it would
// refuse.

import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BackfillRun, runRow } from '../../src/backfill/checkpoint.ts';
import { SETTINGS } from '../fixtures/records.ts';
import { openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

const STARTED_AT = '2026-01-31T12:00:00.000Z';

let regions: TwoRegions;
let destination: string;
beforeAll(async () => {
  regions = await openTwoRegions();
  await regions.adopt();
  await putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }, { pk: { S: 'b' } }]);
  const { Table } = await regions.destination.client.send(
    new DescribeTableCommand({ TableName: 'Orders' }),
  );
  destination = `${Table?.TableArn} (${Table?.TableId})`;
}, 60_000);
afterAll(() => regions.close());

/** An earlier command was killed before it had copied anything. */
async function leaveUnfinished(parts: Partial<BackfillRun> = {}): Promise<void> {
  const { streamArn } = regions;
  const run = { run: 'a', totalSegments: 4, streamArn, destination, startedAt: STARTED_AT };
  const target = { ...SETTINGS, replication: 'orders', stateTable: 'ferry-orders-state' };
  const request = runRow({ ...run, ...parts }, target, { nowMs: Date.now(), overwrite: 'always' });
  await regions.destination.twinWriter.write(request);
}

describe('a dry run of a backfill', () => {
  it('tells of the unfinished run that it would go on with', async () => {
    await leaveUnfinished();

    const { exitCode, out } = await regions.ferry('backfill');
    const json = await regions.ferry('backfill', '--json');

    expect(exitCode).toBe(0);
    expect(out).toContain(`continues the backfill that started at ${STARTED_AT}. It has copied 0`);
    expect(JSON.parse(json.out)).toMatchObject({ apply: false, resumes: STARTED_AT, copied: 0 });
  });

  it('would copy everything with --restart', async () => {
    await leaveUnfinished();

    expect((await regions.ferry('backfill', '--restart')).out).toContain(
      '--apply copies everything.',
    );
  });

  it.each<[string, Partial<BackfillRun>, string[], string]>([
    ['another stream', { streamArn: 'arn:of-another' }, [], 'began with the stream arn:of-another'],
    ['another twin', { destination: 'another' }, [], 'copied to another table: another'],
    ['another mode', { beforeStream: true }, [], 'began before the stream'],
    ['the mode that is asked for', {}, ['--before-stream'], 'began beside the stream'],
  ])('refuses what the run refuses: %s', async (_, parts, args, message) => {
    await leaveUnfinished(parts);

    const dry = await regions.ferry('backfill', ...args);
    await leaveUnfinished(parts);
    const real = await regions.ferry('backfill', '--apply', ...args);

    expect(dry.exitCode).toBe(1);
    expect(dry.err).toContain(message);
    expect([real.exitCode, real.err]).toEqual([dry.exitCode, dry.err]);
  });

  it('refuses to enable the mapping of a copy that began too long ago, as the run does', async () => {
    const begun = '2020-01-31T12:00:00.000Z';
    await leaveUnfinished({ beforeStream: true, startedAt: begun, finishedAt: begun });

    const dry = await regions.ferry('backfill', '--before-stream');
    const real = await regions.ferry('backfill', '--before-stream', '--apply');

    expect([dry.exitCode, real.exitCode]).toEqual([1, 1]);
    for (const { err } of [dry, real]) expect(err).toContain('more than 24 hours ago');
  });

  it('says that nothing is deployed that --bulk needs', async () => {
    await leaveUnfinished();
    regions.lambda.isDeployed = false;
    const bulk = ['backfill', '--bulk', '--look-again-queue-url', 'http://127.0.0.1:1/queue'];
    try {
      const dry = await regions.ferry(...bulk);
      const real = await regions.ferry(...bulk, '--apply');

      const missing = 'There is no function ferry-orders-bulk in us-east-1.';
      expect(dry.err).toContain(
        `With --apply, the command would fail before it changes anything: ${missing}`,
      );
      expect(dry.err).toContain('Hint: Set "bulk" to true');
      expect(real.exitCode).toBe(1);
      expect(real.err).toContain(missing);
    } finally {
      regions.lambda.isDeployed = true;
    }
  });

  it('says what would keep the run from beginning', async () => {
    await leaveUnfinished();
    regions.lambda.isDeployed = false;
    try {
      const { err } = await regions.ferry('backfill');

      expect(err).toContain('With --apply, the command would fail before it changes anything');
      expect((await regions.ferry('backfill', '--apply')).exitCode).toBe(1);
    } finally {
      regions.lambda.isDeployed = true;
    }
  });
});
