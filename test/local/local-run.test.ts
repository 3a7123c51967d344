// The whole of it, as a user starts it: two engines, the bundle that ships, and the end.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config-file.ts';
import type { Config } from '../../src/config/schema.ts';
import type { LocalRunSummary } from '../../src/local/run/run-summary.ts';

let running: ChildProcess | undefined;
afterEach(() => {
  if (running?.exitCode === null) running.kill('SIGKILL');
});

interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function ferryLocal(
  args: readonly string[],
  onStderr: (text: string, child: ChildProcess) => void = () => undefined,
): Promise<Finished> {
  const child = spawn(process.execPath, ['bin/ferry.cjs', 'local', ...args]);
  running = child;
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    onStderr(stderr, child);
  });
  return new Promise((resolve) => {
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

/** Engines whose command line names one of the ports that a run has printed. */
function enginesOf({ stderr }: Finished): string[] {
  const ports = [...stderr.matchAll(/127\.0\.0\.1:(\d+)/g)].map((match) => match[1] ?? '');
  expect(ports.length).toBeGreaterThan(0);
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(commandLine);
  return commands.filter((command) => ports.some((port) => command.endsWith(`--port ${port}`)));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    // It has ended since the listing.
    return '';
  }
}

function summaryOf({ stdout }: Finished): LocalRunSummary {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as LocalRunSummary;
}

describe('ferry local', () => {
  it('replicates a workload, accounts for every record and leaves nothing behind', async () => {
    const finished = await ferryLocal([
      '--duration',
      '3',
      '--rate',
      '150',
      '--items',
      '100',
      '--seed',
      '7',
      '--json',
    ]);
    const summary = summaryOf(finished);

    expect(finished).toMatchObject({ exitCode: 0 });
    const { applied, superseded, coalesced, skipped, deadLettered } = summary;
    expect(summary.records).toBeGreaterThan(0);
    expect(applied + superseded + coalesced + skipped + deadLettered).toBe(summary.records);
    expect(summary).toMatchObject({
      differences: 0,
      givenUp: 0,
      seed: 7,
      engine: expect.stringContaining('embedded'),
    });
    // A delete that overtakes the put of its item finds nothing, and makes no record.
    expect(summary.writes).toBeGreaterThanOrEqual(summary.records);
    expect(summary.latencyMs.p99).toBeGreaterThan(0);
    expect(enginesOf(finished)).toEqual([]);
  });

  it('ends cleanly on Ctrl-C, with the comparison and the summary', async () => {
    let interrupted = false;
    const finished = await ferryLocal(['--duration', '60', '--rate', '50'], (stderr, child) => {
      if (interrupted || !stderr.includes('applied')) return;
      interrupted = true;
      child.kill('SIGINT');
    });

    expect(finished.exitCode).toBe(0);
    expect(finished.stdout).toContain('The tables are equal');
    expect(enginesOf(finished)).toEqual([]);
  });

  it('keeps replicating with --keep until Ctrl-C', async () => {
    let interrupted = false;
    const finished = await ferryLocal(
      ['--duration', '1', '--rate', '50', '--keep'],
      (stderr, child) => {
        if (interrupted || !stderr.includes('The replication continues')) return;
        interrupted = true;
        child.kill('SIGINT');
      },
    );

    expect(finished.exitCode).toBe(0);
    expect(finished.stdout.match(/The tables are equal/g)).toHaveLength(2);
  });

  const created = { create: true, partitionKey: { name: 'id', type: 'B' } };
  const key = (region: string) =>
    `arn:aws:kms:${region}:111122223333:key/0f2d1b34-1b2c-4d5e-8f90-a1b2c3d4e5f6`;
  const existing = {
    streamArn:
      'arn:aws:dynamodb:ap-south-1:111122223333:table/Precious/stream/2026-01-31T12:00:00.000',
    kmsKeyArn: key('ap-south-1'),
  };
  // No role of these accounts can be assumed here, and there is no such profile.
  const ours = { account: '111122223333', profile: 'nobody' };
  const theirs = { account: '444455556666', profile: 'nobody' };
  it.each([
    ['signed', { source: created, destination: created }],
    ['sdk', { source: existing, destination: { kmsKeyArn: key('eu-north-1') } }],
    ['sdk', { source: { ...existing, ...ours }, destination: theirs, operatorRole: true }],
  ])(
    'takes keys and settings from a configuration, and never its tables (writes: %s)',
    async (httpClient, { source, destination, ...settings }) => {
      const directory = mkdtempSync(join(tmpdir(), 'ferry-local-test-'));
      const path = join(directory, 'ferry.json');
      const replication = {
        name: 'rehearsal',
        ...settings,
        source: { region: 'ap-south-1', table: 'Precious', ...source },
        destination: { region: 'eu-north-1', table: 'Precious', ...destination },
        function: { httpClient },
        eventSource: { batchSize: 10, parallelizationFactor: 4 },
      };
      writeFileSync(path, JSON.stringify({ replications: [replication] }));

      const kept = join(directory, 'kept.json');
      const options = ['--config', path, '--write-config', kept, '--json'];
      let forCommands: Config | undefined;
      const finished = await ferryLocal(
        [...options, '--duration', '2', '--rate', '100'],
        (stderr) => {
          if (stderr.includes('live page')) forCommands ??= loadConfig(kept);
        },
      );
      rmSync(directory, { recursive: true });

      expect(finished.exitCode).toBe(0);
      expect(summaryOf(finished)).toMatchObject({ differences: 0 });
      expect(finished.stderr).toContain('eu-north-1');
      expect(finished.stderr).not.toContain('UsageError');
      expect(finished.stderr).not.toContain('Precious');
      expect(forCommands?.replications[0]).toMatchObject({
        name: 'rehearsal',
        operatorRole: false,
      });
    },
  );

  it('gives up with a clear message when an engine dies, and leaves nothing behind', async () => {
    let killed = false;
    const finished = await ferryLocal(['--duration', '60', '--rate', '50'], (stderr) => {
      const port = /destination .*127\.0\.0\.1:(\d+)/.exec(stderr)?.[1];
      if (killed || port === undefined || !stderr.includes('applied')) return;
      killed = true;
      const engine = readdirSync('/proc').find(
        (pid) =>
          /^\d+$/.test(pid) &&
          commandLine(pid).endsWith(`--port ${port}`) &&
          !commandLine(pid).includes('/bin/sh'),
      );
      process.kill(Number(engine), 'SIGKILL');
    });

    expect(finished.exitCode).toBe(1);
    expect(finished.stderr).toContain('The embedded engine of eu-west-1 has ended');
    expect(enginesOf(finished)).toEqual([]);
  });
});
