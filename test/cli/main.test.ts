import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';

async function ferry(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await main(argv, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    status: () => undefined,
    isTerminal: false,
    environment: {},
    interrupted: new AbortController().signal,
  });
  return { exitCode, out: out.join('\n'), err: err.join('\n') };
}

describe('ferry', () => {
  it('shows what there is, and calls it wrong usage when nothing was asked', async () => {
    expect(await ferry()).toMatchObject({ exitCode: 2, out: expect.stringContaining('local') });
    expect(await ferry('help')).toMatchObject({ exitCode: 0 });
    expect(await ferry('--help')).toMatchObject({ exitCode: 0 });
  });

  it('names the commands when it does not know one', async () => {
    const { exitCode, err, out } = await ferry('lcoal');

    expect(exitCode).toBe(2);
    expect(out).toBe('');
    expect(err).toBe(
      'ferry: There is no command "lcoal".\nHint: Commands: init, local, status, backfill, verify, repair, redrive, adopt, pause, resume, teardown, latency.',
    );
  });
});

describe('ferry local, wrongly used', () => {
  it('explains each of its options', async () => {
    const { out, exitCode } = await ferry('local', '--help');

    expect(exitCode).toBe(0);
    for (const option of [
      '--rate WRITES_PER_SECOND',
      '--duration SECONDS',
      '--seed N',
      '--json',
      '--keep',
      '--config FILE',
    ]) {
      expect(out).toContain(option);
    }
  });

  it('reports all numbers that are out of range together', async () => {
    const { exitCode, err } = await ferry(
      'local',
      '--rate',
      'fast',
      '--duration',
      '0',
      '--source-port',
      '70000',
    );

    expect(exitCode).toBe(2);
    expect(err).toContain('--rate must be a whole number from 1 to 10000, got "fast"');
    expect(err).toContain('--duration must be a whole number from 1 to 86400, got "0"');
    expect(err).toContain('--source-port must be a whole number from 1 to 65535, got "70000"');
  });

  it.each([
    [['--speed', '5'], "Unknown option '--speed'"],
    [['--rate'], "'--rate <value>' argument missing"],
    [['orders'], "Unexpected argument 'orders'"],
    [
      ['--source-endpoint', 'localhost:8000'],
      '--source-endpoint must be a URL such as http://127.0.0.1:8000, got "localhost:8000"',
    ],
    [['--config', '/nowhere/ferry.json'], 'There is no configuration file /nowhere/ferry.json'],
    [['--replication', 'orders'], '--replication names one of a configuration file'],
  ])('refuses %s', async (args, message) => {
    const { exitCode, err } = await ferry('local', ...args);

    expect(exitCode).toBe(2);
    expect(err).toContain(message);
    expect(err).toContain('Hint: ');
  });

  it('asks which replication is meant when the file has several', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ferry-cli-'));
    const path = join(directory, 'ferry.json');
    const table = { create: true, partitionKey: { name: 'id', type: 'N' } };
    const named = (name: string) => ({
      name,
      source: { region: 'us-east-1', table: name, ...table },
      destination: { region: 'eu-west-1', table: name, ...table },
    });
    writeFileSync(path, JSON.stringify({ replications: [named('orders'), named('users')] }));

    const { exitCode, err } = await ferry('local', '--config', path);
    rmSync(directory, { recursive: true });

    expect(exitCode).toBe(2);
    expect(err).toContain('Name one of them with --replication: orders, users.');
  });
});

describe('ferry local, when the machine does not play along', () => {
  it('says which port is in use, and leaves nothing running', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
    const { port } = squatter.address() as { port: number };

    const { exitCode, err } = await ferry('local', '--destination-port', String(port));
    squatter.close();

    expect(exitCode).toBe(1);
    expect(err).toContain(`Port ${port}`);
    expect(err).toContain('Hint: ');
  });

  it('says so when nothing answers at an endpoint', async () => {
    const { exitCode, err } = await ferry('local', '--source-endpoint', 'http://127.0.0.1:1');

    expect(exitCode).toBe(1);
    expect(err).toContain('at http://127.0.0.1:1');
    expect(err).toContain('ECONNREFUSED');
  });
});
