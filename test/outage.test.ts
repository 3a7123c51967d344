// The runbook's "Outage longer than a day" can be followed while the destination's Region does not answer, and its
// numbers and verdicts are right.

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { WORKER_RECORDS_PER_SECOND } from '../src/redrive/estimate.ts';
import { verdictOf } from '../src/status/verdict.ts';
import { MINUTE_MS, type Series, type Vitals } from '../src/model/vitals.ts';
import {
  appOf,
  BEATING,
  CREATED,
  EXISTING,
  replicationOf,
  resources,
  stackOf,
  templates,
  temporary,
} from './lib/stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const runbook = readFileSync('docs/runbook.md', 'utf8');
const entry = /^## Outage longer than a day$.*?(?=^## )/ms.exec(runbook)?.[0] ?? '';
const [sample = ''] = [...entry.matchAll(/^```json\n(.*?)^```$/gms)].map((match) => match[1]);
const settings = JSON.parse(sample) as { bulk: boolean; eventSource: object };

describe('what the runbook deploys during an outage', () => {
  const commands = [...entry.matchAll(/^ *(npx cdk .+)$/gm)].map((match) => match[1] ?? '');
  const outage = { bulk: true, eventSource: { maxRecordAgeSeconds: 82_800 } };

  it('is the source’s stack alone, with options that the CDK has', () => {
    const help = execFileSync('npx', ['cdk', 'deploy', '--help'], { encoding: 'utf8' });

    expect(commands).toHaveLength(2);
    for (const command of commands) {
      const [stack = '', ...options] = command.split(' ').slice(3);
      expect(stackOf(appOf(CREATED), stack).region).toBe(CREATED.source.region);
      expect(options).toEqual(['--exclusively', '-c', 'config=/path/to/ferry.json']);
    }
    expect(help).toMatch(/--exclusively, -e\s/);
    expect(help).toMatch(/--context, -c\s/);
  });

  it.each([
    ['created', BEATING],
    ['existing', EXISTING],
  ])('changes nothing in the destination’s stack: %s tables', (_, replication) => {
    const before = templates(replication);
    const after = templates({ ...replication, ...outage });

    expect(after.destination).toEqual(before.destination);
    expect(after.source).not.toEqual(before.source);
    expect(resources(after.source, 'AWS::StepFunctions::StateMachine')).toHaveLength(1);
  });

  it('takes nothing from the destination’s stack', () => {
    const text = JSON.stringify(templates({ ...BEATING, ...outage }).source);

    expect(text).not.toMatch(/Fn::ImportValue|Fn::GetStackOutput|"Custom::|\{\{resolve:/);
  });
});

describe('the settings to decide about before an outage', () => {
  it('are the defaults, but for the state machine', () => {
    const { bulk, eventSource } = replicationOf({ ...CREATED, ...settings });

    expect(bulk).toBe(true);
    expect(eventSource).toEqual(replicationOf(CREATED).eventSource);
  });

  it('have the highest age that the runbook and no alarm names', () => {
    const aged = (maxRecordAgeSeconds: number) =>
      replicationOf({ ...CREATED, eventSource: { maxRecordAgeSeconds } });
    const alarms = resources(templates(CREATED).source, 'AWS::CloudWatch::Alarm');

    expect(aged(82_800).eventSource.maxRecordAgeSeconds).toBe(82_800);
    expect(() => aged(82_801)).toThrow('must be 60 to 82800, got 82801');
    expect(entry).toContain('The maximum, 82800, is 23 hours');
    expect(JSON.stringify(alarms)).not.toContain('82800');
  });
});

it('has an example that follows from its formulas', () => {
  const [writes, hours, age, applied, workers, size] = [1_000, 30, 72_000, 3_000, 10, 1];
  const bucket = writes * 3_600 * Math.max(0, hours - age / 3_600);
  const stream = writes * 3_600 * Math.min(hours, age / 3_600);
  const perSecond = WORKER_RECORDS_PER_SECOND * workers;
  const examples = [...entry.matchAll(/^\| (?:records|time|write units) .*\| (.+) \|$/gm)];

  expect(entry).toContain('30 hours at 1,000 writes per second');
  expect(entry).toContain(`${WORKER_RECORDS_PER_SECOND} × N`);
  expect(examples.map((match) => match[1])).toEqual([
    `${bucket / 1e6} million`,
    `${stream / 1e6} million`,
    `${stream / (applied - writes) / 3_600} hours at ${applied.toLocaleString('en')}`,
    (applied * size).toLocaleString('en'),
    `${bucket / perSecond / 3_600} hours with ${workers}`,
    (perSecond * (2 * size + 2)).toLocaleString('en'),
  ]);
});

describe('the verdicts on the way', () => {
  const NOW_MS = Date.UTC(2026, 0, 31, 12);
  const STREAM = 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/1';
  const HOUR_MS = 60 * MINUTE_MS;
  const mapping = { state: 'Enabled', lastResult: 'OK', streamArn: STREAM };
  const disabled = { ...mapping, state: 'Disabled' };
  const minutes = (from: number, step: number): Series =>
    Array.from({ length: 30 }, (_, index) => [
      NOW_MS - (30 - index) * MINUTE_MS,
      from + index * step,
    ]);
  const waiting = (step: number) => ({ OldestUnappliedAge: minutes(19 * HOUR_MS, step) });
  const applied = { AppliedRecords: minutes(5_000, 0) };
  const paused = { sinceMs: NOW_MS - 3 * HOUR_MS, oldestMs: NOW_MS - 3 * HOUR_MS };

  it.each<[string, Partial<Vitals>]>([
    [
      'the destination is down',
      { own: { ...waiting(MINUTE_MS), DestinationUnreachable: minutes(5, 0) } },
    ],
    ['nothing waits yet', { own: applied, paused: 'unknown' }],
    ['nothing reads the stream', { mapping: disabled, paused: 'unknown' }],
    ['a pause is left', { paused }],
    ['it is back', { own: { ...waiting(-3 * MINUTE_MS), ...applied } }],
    ['it is too slow', { own: { ...waiting(MINUTE_MS / 2), ...applied } }],
    [
      'the stream is read',
      { own: applied, services: { OnFailureDestinationDeliveredEventCount: minutes(1, 0) } },
    ],
    ['letters are left', { own: applied, deadLetters: 12 }],
    ['all is done', { own: applied }],
  ])('are in the runbook: %s', (_, parts) => {
    const vitals: Vitals = {
      nowMs: NOW_MS,
      own: {},
      services: {},
      latency: { p50: [], p90: [], p99: [] },
      mapping,
      deadLetters: 0,
      streamArn: STREAM,
      ...parts,
    };
    const { level, text } = verdictOf(vitals, { behindMs: 30_000, heartbeat: false });
    const said = masked(level === 'behind' ? `${level} ${text}` : `${level}: ${text}`);

    expect(rows.filter((row) => said.startsWith(row))).toHaveLength(1);
  });

  const rows = [...entry.matchAll(/^\| \*(.+?)\* \|/gm)].map((match) => masked(match[1] ?? ''));

  /** Without what differs from one outage to the next. */
  function masked(text: string): string {
    return text
      .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, 'TIME')
      .replaceAll(/\b\d+(?:\.\d+)? (?:h|min|s|ms)\b(?: \d+ (?:min|s)\b)?/g, 'AGE');
  }
});
