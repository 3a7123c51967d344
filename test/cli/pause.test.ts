// `ferry pause` and `ferry resume` as an operator runs them, against real engines and stand-ins for Lambda and
// CloudWatch; and what the status says meanwhile.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/ports.ts';
import { type MonitoringCloud, openMonitoringCloud } from '../fixtures/monitoring-cloud.ts';
import { openTwoRegions, runHere, type TwoRegions } from '../fixtures/two-regions.ts';

let cloud: MonitoringCloud;
let regions: TwoRegions;
beforeEach(async () => {
  cloud = await openMonitoringCloud({
    figures: { OldestUnappliedAge: () => 0 },
    mapping: undefined,
    deadLetters: 0,
    isDeployed: true,
  });
  // It takes Lambda over; CloudWatch and the dead-letter queue stay with the other one.
  regions = await openTwoRegions();
  const deadLetterQueueUrl = `${process.env['AWS_ENDPOINT_URL_CLOUDWATCH']}/1/ferry-orders-dead-letters`;
  regions.lambda.settings = { ...regions.lambda.settings, deadLetterQueueUrl };
  regions.lambda.mappings = [{ id: 'a1b2', state: 'Enabled', streamArn: regions.streamArn }];
});
afterEach(async () => {
  await regions.close();
  await cloud.close();
});

const HOUR = 3_600_000;
/** Its waits take no time. */
function hurried(aheadMs = 0): Clock {
  let skewMs = aheadMs;
  return {
    now: () => Date.now() + skewMs,
    sleep: async (ms) => {
      skewMs += ms;
    },
  };
}

const run = (...args: string[]) =>
  runHere([...args, '--config', regions.config], undefined, hurried());
const runAfter = (ms: number, ...args: string[]) =>
  runHere([...args, '--config', regions.config], undefined, hurried(ms));
const controlRow = () =>
  regions.destination.get('ferry-orders-state', { id: { S: 'orders#control' } });
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

async function status() {
  const { out } = await run('status', '--json');
  return JSON.parse(out) as { level: string; verdict: string; runbook: string; pause: object };
}

/** The same configuration with another value. */
function changed(change: object): string {
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: [object];
  };
  const path = join(regions.directory, 'changed.json');
  writeFileSync(path, JSON.stringify({ replications: [{ ...replications[0], ...change }] }));
  return path;
}

describe('ferry pause', () => {
  it('shows what it would do, and until when that is safe, and changes nothing', async () => {
    await regions.adopt();
    const before = await controlRow();

    const { exitCode, out } = await run('pause');

    expect(exitCode).toBe(3);
    expect(out).toContain('The event source mapping a1b2 is Enabled.');
    expect(out).toMatch(/Resume before \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\. After that, changes are/);
    expect(out).toMatch(/Lambda sends records older than 20 h to the on-failure bucket/);
    expect(out).toContain('Nothing was changed.');
    expect(await controlRow()).toEqual(before);
    expect(regions.lambda.changes).toEqual([]);
  });

  it('says in a dry run what keeps it from noting the pause, and what that means', async () => {
    const { exitCode, out, err } = await run('pause');
    const config = changed({
      destination: { region: 'eu-west-1', table: 'Orders', endpoint: 'http://127.0.0.1:9' },
    });
    const unreachable = await runHere(['pause', '--config', config], undefined, hurried());

    expect(exitCode).toBe(3);
    expect(err).toContain(
      'destination now: there is no control row yet. --apply disables the mapping',
    );
    expect(unreachable.err).toContain(
      'it could not be read (Nothing listens at http://127.0.0.1:9',
    );
    expect(`${err}${unreachable.err}`).not.toMatch(/could not be noted|again/);
    expect(out).not.toContain('note the pause');
    expect((await run('pause', '--apply')).err).toContain('The pause could not be noted');
  });

  it('disables the mapping, waits until it is disabled, and notes the pause', async () => {
    await regions.adopt();
    regions.lambda.slowness = 3;

    const { exitCode, out, err } = await run('pause', '--apply');

    expect({ exitCode, err }).toMatchObject({ exitCode: 0 });
    expect(out).toMatch(/^The replication is paused since .*Z\.$/m);
    expect(`${out}${err}`.split('Resume before')).toHaveLength(2);
    expect(err).toContain('Waiting for Lambda.');
    expect(regions.lambda.changes).toEqual(['disable a1b2']);
    expect(regions.lambda.mappings[0]?.state).toBe('Disabled');
    expect(await controlRow()).toMatchObject({ revision: { N: '2' }, paused: { M: {} } });
  });

  it('waits for a change that is under way before it asks for its own', async () => {
    await regions.adopt();
    regions.lambda.slowness = 2;
    regions.lambda.mappings = [{ id: 'a1b2', state: 'Enabling', streamArn: regions.streamArn }];

    expect(await run('pause', '--apply')).toMatchObject({ exitCode: 0 });
    expect(regions.lambda.mappings[0]?.state).toBe('Disabled');
  });

  it('counts the 24 hours from the oldest change that waits', async () => {
    await regions.adopt();
    cloud.state.figures = { OldestUnappliedAge: () => 3 * HOUR };
    const nowMs = Date.now();

    const { out } = await run('pause', '--json');

    const { pausedSince, changesLostAfter, changesGivenUpAfter } = JSON.parse(out) as Record<
      string,
      string
    >;
    expect(pausedSince).toMatch(ISO);
    const leftMs = Date.parse(changesLostAfter ?? '') - Date.parse(pausedSince ?? '');
    expect(leftMs).toBeLessThanOrEqual(21 * HOUR);
    expect(leftMs).toBeGreaterThan(20.9 * HOUR);
    expect(Date.parse(pausedSince ?? '')).toBeGreaterThanOrEqual(nowMs - 1_000);
    expect(Date.parse(changesLostAfter ?? '') - Date.parse(changesGivenUpAfter ?? '')).toBe(
      4 * HOUR,
    );
  });

  it('counts them from the time when somebody else disabled the mapping', async () => {
    await regions.adopt();
    const changedAt = Math.floor((Date.now() - 5 * HOUR) / 1_000);
    const { streamArn } = regions;
    regions.lambda.mappings = [{ id: 'a1b2', state: 'Disabled', streamArn, changedAt }];

    const { exitCode, out } = await run('pause', '--apply', '--json');

    expect(exitCode).toBe(0);
    const { pausedSince } = JSON.parse(out) as { pausedSince: string };
    expect(Date.parse(pausedSince)).toBe(changedAt * 1_000);
    expect(regions.lambda.changes).toEqual([]);
  });

  it('pauses all the same where the lag cannot be read, and says so', async () => {
    await regions.adopt();
    cloud.state.refusal = { status: 400, type: 'AccessDenied' };

    const { exitCode, out } = await run('pause', '--apply');

    expect(exitCode).toBe(0);
    expect(out).toContain('The replication latency could not be read (');
    expect(regions.lambda.changes).toEqual(['disable a1b2']);
  });

  it('pauses all the same where the pause cannot be noted, says so, and exits with 3', async () => {
    const { exitCode, out, err } = await run('pause', '--apply');

    expect(exitCode).toBe(3);
    expect(out).toContain('The replication is paused since');
    expect(err).toContain('could not be noted in the control row: there is no control row yet');
    expect(regions.lambda.changes).toEqual(['disable a1b2']);
  });

  it('finds nothing to do the second time, and keeps the time of the first', async () => {
    await regions.adopt();
    await run('pause', '--apply');
    const before = await controlRow();

    const { exitCode, out } = await runAfter(HOUR, 'pause', '--apply');

    expect(exitCode).toBe(0);
    expect(out).toContain('There is nothing to do.');
    expect(await controlRow()).toEqual(before);
  });

  it('says which alarms fire all the same', async () => {
    await regions.adopt();
    const config = changed({ heartbeat: { key: { pk: 'heartbeat' } } });

    const beating = await runHere(['pause', '--config', config], undefined, hurried());
    const silent = await run('pause');

    expect(beating.out).toContain('heartbeat-missing after 5 minutes');
    expect(silent.out).toContain('The pause sets off no alarm');
  });

  it('needs a deployment', async () => {
    regions.lambda.isDeployed = false;

    const { exitCode, err } = await run('pause', '--apply');

    expect(exitCode).toBe(1);
    expect(err).toContain('There is no function ferry-orders-replicate in us-east-1.');
  });
});

describe('a paused replication', () => {
  it('has a status of its own, with the time after which changes are lost', async () => {
    await regions.adopt();
    await run('pause', '--apply');

    const { level, verdict, runbook, pause } = await status();

    expect(level).toBe('paused');
    expect(verdict).toMatch(/^since \S+Z; changes are lost after \S+Z$/);
    expect(runbook).toBe(`${process.cwd()}/docs/runbook.md#paused-replication`);
    expect(pause).toMatchObject({ since: expect.stringMatching(ISO) as string });
    const { out } = await run('status');
    expect(out.split('\n')[1]).toMatch(/^paused since \S+Z; changes are lost after \S+Z\. See /);
  });

  it('shows no figures from before as what waits now', async () => {
    await regions.adopt();
    cloud.state.figures = { OldestUnappliedAge: () => 0, PendingRecords: () => 6_851 };
    await run('pause', '--apply');

    const { out } = await run('status');

    expect(out).toMatch(/oldest waiting record +at most \d+ (s|min): paused/);
    expect(out).toMatch(/pending records \(estimate\) +unknown: paused/);
    expect(await status()).toMatchObject({
      trend: 'unknown',
      oldestUnappliedMs: null,
      pendingRecordsEstimate: null,
    });
  });

  it('is held, and says so, where a deployment has enabled its mapping', async () => {
    await regions.adopt();
    await run('pause', '--apply');
    regions.lambda.mappings = [{ id: 'c3d4', state: 'Enabled', streamArn: regions.streamArn }];

    expect(await status()).toMatchObject({
      level: 'held',
      verdict: expect.stringMatching(
        /^paused since .*, but the event source mapping is enabled: the function holds all records/,
      ) as string,
    });
    expect(await run('pause', '--apply')).toMatchObject({ exitCode: 0 });
    expect(await status()).toMatchObject({ level: 'paused' });
  });

  it('stays paused through an adoption, which says how to go on', async () => {
    await regions.adopt();
    await run('pause', '--apply');

    const { exitCode, err } = await run('adopt', '--again', '--apply');

    expect(exitCode).toBe(0);
    expect(err).toContain(
      `The replication is paused. \`ferry resume --config ${regions.config}\` enables the mapping.`,
    );
    expect(regions.lambda.changes).toEqual(['disable a1b2']);
    expect(await status()).toMatchObject({ level: 'paused' });
  });

  it('is not taken for a pause where only the mapping is disabled', async () => {
    await regions.adopt();
    const { streamArn } = regions;
    regions.lambda.mappings = [{ id: 'a1b2', state: 'Disabled', streamArn }];

    expect(await status()).toMatchObject({
      level: 'stuck',
      verdict: 'the event source mapping is disabled',
    });
  });
});

describe('ferry resume', () => {
  it('shows what it would do, and changes nothing', async () => {
    await regions.adopt();
    await run('pause', '--apply');
    const before = await controlRow();

    const { exitCode, out } = await run('resume');

    expect(exitCode).toBe(3);
    expect(out).toMatch(/The oldest changes are up to \d+ (s|min) old\. Lambda reads them first\./);
    expect(out).toMatch(/The replication is paused since \S+Z\./);
    expect(out).toContain('Nothing was changed.');
    expect(await controlRow()).toEqual(before);
    expect(regions.lambda.changes).toEqual(['disable a1b2']);
  });

  it('enables the mapping also while the destination is down, and asks to be run again', async () => {
    await regions.adopt();
    await run('pause', '--apply');
    const gone = { region: 'eu-west-1', table: 'Orders', endpoint: 'http://127.0.0.1:9' };
    const config = changed({ destination: gone });
    const resumed = (...args: string[]) =>
      runHere(['resume', ...args, '--config', config], undefined, hurried());

    const dry = await resumed();
    const done = await resumed('--apply');

    expect(dry.exitCode).toBe(3);
    expect(dry.out).toContain('unknown whether a pause is noted: Nothing listens at');
    expect(done.exitCode).toBe(3);
    expect(done.err).toContain(`run \`ferry resume --apply --config ${config}\` again`);
    expect(regions.lambda.changes).toEqual(['disable a1b2', 'enable a1b2']);
    expect((await controlRow())?.['paused']).toBeDefined();

    expect((await run('resume', '--apply')).exitCode).toBe(0);
    expect((await controlRow())?.['paused']).toBeUndefined();
  });

  it('says in a dry run which mapping it would leave alone', async () => {
    await regions.adopt();
    await run('pause', '--apply');
    const streamArn = 'arn:aws:dynamodb:us-east-1:1:table/Old/stream/2026-01-01T00:00:00';
    regions.lambda.mappings = [{ id: 'a1b2', state: 'Disabled', streamArn }];

    const dry = await run('resume');

    expect(dry.exitCode).toBe(3);
    expect(dry.out).toContain('a1b2 is unchanged');
    expect(dry.out).not.toContain('enable the mapping');
    expect(JSON.parse((await run('resume', '--json')).out)).toMatchObject({
      enabledMappings: [],
      leftMappings: ['a1b2'],
    });
  });

  it('refuses in a dry run what it refuses with --apply: there is no mapping', async () => {
    await regions.adopt();
    regions.lambda.mappings = [];

    const [dry, real] = [await run('resume'), await run('resume', '--apply')];

    expect(dry).toEqual(real);
    expect(dry).toMatchObject({ exitCode: 1, err: expect.stringContaining('no event source') });
  });

  it('takes the note away, enables the mapping, and waits until it is enabled', async () => {
    await regions.adopt();
    await run('pause', '--apply');
    regions.lambda.slowness = 3;

    const { exitCode, out } = await run('resume', '--apply');

    expect(exitCode).toBe(0);
    expect(out).toContain('The event source mapping a1b2 is enabled.');
    expect(out).toContain('No change is lost.');
    expect(regions.lambda.changes).toEqual(['disable a1b2', 'enable a1b2']);
    expect(regions.lambda.mappings[0]?.state).toBe('Enabled');
    expect((await controlRow())?.['paused']).toBeUndefined();
    expect(await run('resume', '--apply')).toMatchObject({ exitCode: 0 });
  });

  it.each([
    [21, /Lambda sends records older than 20 h to the on-failure bucket\..*redrive/],
    [25, /Changes from \S+Z to \S+Z are lost\./],
  ])('says after %i hours what has to be done besides', async (hours, said) => {
    await regions.adopt();
    await run('pause', '--apply');

    const { exitCode, out } = await runAfter(hours * HOUR, 'resume', '--apply');

    expect(exitCode).toBe(0);
    expect(out).toMatch(said);
  });

  it('leaves the mapping of a stream alone that may not write', async () => {
    await regions.adopt();
    await run('pause', '--apply');
    const streamArn = 'arn:aws:dynamodb:us-east-1:1:table/Old/stream/2026-01-01T00:00:00';
    regions.lambda.mappings = [{ id: 'a1b2', state: 'Disabled', streamArn }];

    const { exitCode, out } = await run('resume', '--apply');

    expect(exitCode).toBe(3);
    expect(out).toContain('a1b2 is unchanged');
    expect(regions.lambda.changes).toEqual(['disable a1b2']);
  });

  it('goes on where it was interrupted', async () => {
    await regions.adopt();
    await run('pause', '--apply');
    regions.lambda.slowness = 1_000;
    const stop = new AbortController();
    const clock = hurried();
    const sleep = async (ms: number) => {
      await clock.sleep(ms);
      stop.abort();
    };
    const args = ['resume', '--apply', '--config', regions.config];

    expect(await runHere(args, stop.signal, { ...clock, sleep })).toMatchObject({
      exitCode: 3,
      err: expect.stringContaining('Stopped.') as string,
    });

    regions.lambda.mappings = [{ id: 'a1b2', state: 'Enabled', streamArn: regions.streamArn }];
    expect(await run('resume', '--apply')).toMatchObject({ exitCode: 0 });
  });
});
