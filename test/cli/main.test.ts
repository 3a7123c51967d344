import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
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
    expect(await ferry('-h')).toEqual(await ferry('help'));
  });

  it.each(COMMANDS.map(({ name, summary }) => [name, summary]))(
    'explains %s in the overview, and its options in every way that people ask',
    async (name, summary) => {
      const words = name.split(' ');
      const help = await ferry('help', ...words);

      expect(help).toMatchObject({ exitCode: 0, err: '' });
      expect(help.out).toContain(`Usage: ferry ${name} `);
      expect(help.out).toContain(summary);
      expect(help.out).toMatch(/\n {2}--json /);
      expect((await ferry('help')).out).toMatch(new RegExp(`^ {2}${name} +[A-Z]`, 'm'));
      for (const typed of [
        [...words, '--help'],
        [...words, '-h'],
        ['--help', ...words],
        [...words, '--json', '-h'],
      ]) {
        expect({ typed, ...(await ferry(...typed)) }).toEqual({ typed, ...help });
      }
    },
  );

  it('says its version, wherever it is asked for', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

    for (const words of [['--version'], ['-v'], ['-V'], ['version'], ['status', '--version']]) {
      expect(await ferry(...words)).toEqual({ exitCode: 0, out: `ferry ${version}`, err: '' });
    }
  });

  it('loads a command under the name that it is listed with', async () => {
    for (const { name, load } of COMMANDS) expect((await load()).name).toBe(name);
  });

  it('knows no command to explain that it does not have, and none before its options', async () => {
    expect(await ferry('help', 'lcoal')).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('There is no command "lcoal" (did you mean local?).'),
    });
    expect(await ferry('--json', 'status')).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('The command must come before its options, got "--json".'),
    });
  });

  it('names the commands when it does not know one', async () => {
    const { exitCode, err, out } = await ferry('lcoal');

    expect(exitCode).toBe(2);
    expect(out).toBe('');
    expect(err).toBe(
      'ferry: There is no command "lcoal" (did you mean local?).\nHint: Commands: init, local, status, run, backfill, verify, repair, merge, conflicts, conflicts show, conflicts restore, projection test, redrive, adopt, pause, resume, drain, failover, failback, rejoin, stranded list, stranded replay, stranded drop, rehearse, teardown, history, config, permissions, cost, latency.',
    );
  });

  it.each([
    [[], '"projection" (did you mean projection test?)'],
    [['tset'], '"projection tset" (did you mean projection test?)'],
    [['--json'], '"projection" (did you mean projection test?)'],
    [['deploy', '--json'], '"projection deploy" (did you mean projection test?)'],
  ])('names the second words of a first one: ferry projection %j', async (words, what) => {
    expect(await ferry('projection', ...words)).toEqual({
      exitCode: 2,
      out: '',
      err: `ferry: There is no command ${what}.\nHint: Commands: projection test.`,
    });
  });

  it('explains a first word by its commands', async () => {
    for (const words of [
      ['projection', '--help'],
      ['help', 'projection'],
    ]) {
      const { exitCode, out } = await ferry(...words);

      expect(exitCode).toBe(0);
      expect(out).toMatch(/\n {2}projection test {2}Apply the projection /);
      expect(out).not.toContain('redrive');
    }
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
    [['--volume', '5'], 'There is no option --volume.'],
    [['--rat=5'], 'There is no option --rat (did you mean --rate?).'],
    [['-rate', '5'], 'There is no option -rate (did you mean --rate?).'],
    [['--dest', '5'], 'There is no option --dest (did you mean --destination-port?).'],
    [['--__proto__', 'x'], 'There is no option --__proto__.'],
    [['--rate'], '--rate needs WRITES_PER_SECOND, got nothing.'],
    [['--rate', '--json'], '--rate needs WRITES_PER_SECOND, got the option --json.'],
    [['--rate='], '--rate needs WRITES_PER_SECOND, got "".'],
    [['--rate', '-5'], '--rate must be a whole number from 1 to 10000, got "-5".'],
    [['--json=yes'], '--json takes no value, got "yes".'],
    [['--rate', '5', '--rate', '50'], '--rate is given twice.'],
    [['orders'], 'ferry local takes only options, got "orders".'],
    [['--both', 'away'], 'The mode must be home or stamped, got "away".'],
    [['--both', 'home', 'stamped'], 'ferry local takes only MODE beside its options'],
    [['--both', '--failover'], '--both and --failover cannot be combined.'],
    [
      ['--jsno', '--rate', '0', '--seed'],
      'There is no option --jsno (did you mean --json?); --seed needs N, got nothing; --rate must be a whole number',
    ],
    [
      ['--source-endpoint', 'localhost:8000'],
      '--source-endpoint must be a URL, for example http://127.0.0.1:8000, got "localhost:8000"',
    ],
    [['--destination-endpoint', 'http://127.0.0.1:99999'], 'got "http://127.0.0.1:99999"'],
    [['--config', '/nowhere/ferry.json'], 'There is no configuration file /nowhere/ferry.json'],
    [['--replication', 'orders'], '--replication needs a configuration file'],
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

  it('says that two ports are the same, not that one of them is in use', async () => {
    const { exitCode, err } = await ferry(
      'local',
      '--source-port',
      '8001',
      '--destination-port',
      '8001',
    );

    expect(exitCode).toBe(2);
    expect(err).toContain(
      '--source-port and --destination-port must be different, got 8001 for each.',
    );
    expect(err).not.toContain('in use');
  });

  it('says so when nothing answers at an endpoint', async () => {
    const { exitCode, err } = await ferry('local', '--source-endpoint', 'http://127.0.0.1:1');

    expect(exitCode).toBe(1);
    expect(err).toContain('at http://127.0.0.1:1');
    expect(err).toContain('ECONNREFUSED');
  });
});
