// docs/ferry-run.md and what it quotes: its commands and options exist, its configuration is accepted, and its service
// and its container file keep their rules.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { COMMANDS } from '../src/cli/commands.ts';
import { parseConfig } from '../src/config/config.ts';

const text = readFileSync('docs/ferry-run.md', 'utf8');
const flat = text.replaceAll(/\s+/g, ' ');
const unit = readFileSync('examples/run/ferry-run.service', 'utf8');
const container = readFileSync('examples/run/Containerfile', 'utf8');
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    (match) => match[1] ?? '',
  );
const shell = blocks('sh')
  .flatMap((block) => block.replaceAll('\\\n', '').trim().split('\n'))
  .map((line) => line.replaceAll(/ +/g, ' '));

/** Options of a command line, each with what follows it. */
function optionsIn(words: readonly string[]): Map<string, string> {
  const options = new Map<string, string>();
  for (const [index, word] of words.entries())
    if (word.startsWith('--')) options.set(word.slice(2), words[index + 1] ?? '');
  return options;
}

async function optionsOf(name: string): Promise<string[]> {
  const command = await COMMANDS.find((one) => one.name === name)?.load();
  return Object.keys(command?.options ?? {});
}

describe('docs/ferry-run.md', () => {
  const commands = shell.filter((line) => line.startsWith('ferry '));

  it.each(commands)('%s: the command and its options exist', async (line) => {
    const [, name = '', ...rest] = line.split(' ');
    const known = await optionsOf(name);

    expect(known.length).toBeGreaterThan(0);
    expect([...optionsIn(rest).keys()].filter((option) => !known.includes(option))).toEqual([]);
  });

  it('names options of `ferry run` that exist, and all of its own', async () => {
    const known = await optionsOf('run');
    const all = (await Promise.all(COMMANDS.map(({ name }) => optionsOf(name)))).flat();
    const named = [...text.matchAll(/`--([a-z-]+)/g)].map((match) => match[1] ?? '');

    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((option) => !all.includes(option))).toEqual([]);
    for (const option of ['letters', 'listen', 'metrics', 'queue-url', 'bucket']) {
      expect(known).toContain(option);
      expect(named).toContain(option);
    }
  });

  it('has commands of no other program than those that it explains', () => {
    const others = shell.filter((line) => !line.startsWith('ferry '));

    expect(others.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'npx cdk deploy',
      'aws dynamodb create-table',
      'aws dynamodb update-time-to-live',
      'docker run --name',
    ]);
  });

  it('has a configuration that is accepted', () => {
    const settings = blocks('json').map((block) => JSON.parse(block) as object);

    expect(settings).toHaveLength(1);
    for (const one of settings)
      expect(parseConfig(one).replications).toMatchObject([{ tombstones: 'strict' }]);
  });

  it('quotes the files of the example', () => {
    expect(blocks('ini')).toEqual([unit]);
    expect(blocks('dockerfile')).toEqual([container]);
  });

  it('leads to entries that exist', () => {
    const targets = [...text.matchAll(/\]\(([\w./-]*)#([a-z-]+)\)/g)];

    expect(targets.length).toBeGreaterThan(10);
    for (const [, path = '', anchor] of targets) {
      const target = path === '' ? text : readFileSync(join('docs', path), 'utf8');
      const anchors = [...target.matchAll(/^##+ (.+)$/gm)].map(([, heading = '']) =>
        heading.toLowerCase().replaceAll(' ', '-'),
      );
      expect(anchors).toContain(anchor);
    }
  });
});

/** `Name=value` by name, in order: some names stand several times. */
function unitSettings(name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map((match) => match[1] ?? '');
}

describe('the service', () => {
  it('is started as `ferry run`, with options that exist', async () => {
    const [node, program, command, ...rest] = (unitSettings('ExecStart')[0] ?? '').split(' ');
    const options = optionsIn(rest);

    expect([node, program, command]).toEqual([
      '/usr/bin/node',
      `/opt/ferry/${manifest.bin.ferry}`,
      'run',
    ]);
    expect(await optionsOf('run')).toEqual(expect.arrayContaining([...options.keys()]) as string[]);
    expect(options.get('letters')).toBe(`/var/lib/${unitSettings('StateDirectory')[0]}/letters`);
  });

  it('is started again for ever, unless its usage is wrong', () => {
    expect(unitSettings('Type')).toEqual(['exec']);
    expect(unitSettings('Restart')).toEqual(['always']);
    expect(unitSettings('StartLimitIntervalSec')).toEqual(['0']);
    expect(unitSettings('RestartPreventExitStatus')).toEqual(['2']);
  });

  it('has time to settle a batch', () => {
    const [replication] = parseConfig(JSON.parse(blocks('json')[0] ?? '{}')).replications;

    expect(unitSettings('KillSignal')).toEqual(['SIGTERM']);
    expect(Number(unitSettings('TimeoutStopSec')[0])).toBeGreaterThan(
      replication?.function.timeoutSeconds ?? Infinity,
    );
  });

  it('has no user, no right and no writable file system of its own', () => {
    expect(unitSettings('DynamicUser')).toEqual(['yes']);
    expect(unitSettings('ProtectSystem')).toEqual(['strict']);
    expect(unitSettings('NoNewPrivileges')).toEqual(['yes']);
    expect(unitSettings('CapabilityBoundingSet')).toEqual(['']);
    expect(unit).not.toMatch(/^(?:User|ReadWritePaths)=/m);
  });
});

/** Without comments, each on one line. */
const instructions = container
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, '')
  .trim()
  .split('\n')
  .map((line) => {
    const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    return { name, rest };
  });
const instruction = (name: string) =>
  instructions.filter((one) => one.name === name).map(({ rest }) => rest);

const healthCheck = JSON.parse(
  /CMD (.*)$/.exec(instruction('HEALTHCHECK')[0] ?? '')?.[1] ?? '[]',
) as string[];

describe('the container file', () => {
  it('is one that a builder can read', () => {
    const known = 'FROM WORKDIR COPY RUN ENV USER VOLUME STOPSIGNAL HEALTHCHECK ENTRYPOINT'.split(
      ' ',
    );

    expect(instructions[0]?.name).toBe('FROM');
    expect(instructions.filter(({ name }) => !known.includes(name))).toEqual([]);
  });

  it('has a base image of an exact version, on which the functions run, too', () => {
    const [, major] = /^node:(\d+)\.\d+\.\d+-[a-z]+-slim$/.exec(instruction('FROM').join()) ?? [];

    expect(readFileSync('ferry.schema.json', 'utf8')).toContain(`"nodejs${major}.x"`);
  });

  it('runs as a user that is not root, and writes to the volume only', () => {
    const [volume = ''] = instruction('VOLUME');
    const [entry = '[]'] = instruction('ENTRYPOINT');
    const options = optionsIn(JSON.parse(entry) as string[]);

    expect(instruction('USER')).toEqual(['1000:1000']);
    expect(instructions.findIndex(({ name }) => name === 'USER')).toBeGreaterThan(
      instructions.findLastIndex(({ name }) => name === 'RUN'),
    );
    expect(container).toContain(`-o 1000 -g 1000 -m 0700 ${volume}`);
    expect(dirname(options.get('letters') ?? '')).toBe(volume);
    for (const word of ['--read-only', '--cap-drop ALL', '--security-opt no-new-privileges'])
      expect(flat).toContain(word);
    expect(shell.find((line) => line.startsWith('docker run'))).toContain(`:${volume} `);
  });

  it('is asked for its health where it listens', async () => {
    const command = await COMMANDS.find(({ name }) => name === 'run')?.load();

    expect(healthCheck.join(' ')).toContain(
      `http://${command?.options['listen']?.default}/healthz`,
    );
  });

  it.each([
    [200, 0],
    [503, 1],
  ])('is healthy where it answers with %i: exit status %i', async (status, exitCode) => {
    const server = createServer((_, response) => response.writeHead(status).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const [program = '', ...args] = healthCheck.map((word) => word.replace('9464', String(port)));

    const [code] = (await once(spawn(program, args, { stdio: 'ignore' }), 'close')) as [number];
    server.close();

    expect(code).toBe(exitCode);
  });

  it('is stopped by a signal to the process itself', () => {
    expect(instruction('STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(JSON.parse(instruction('ENTRYPOINT')[0] ?? '')).toEqual(
      expect.arrayContaining(['node', manifest.bin.ferry, 'run']) as string[],
    );
  });

  it('copies all that `ferry run` needs, beside the packages that it installs', async () => {
    const image = mkdtempSync(join(tmpdir(), 'ferry-image-'));
    for (const copied of instruction('COPY')) {
      const paths = copied.split(' ');
      const target = join(image, paths.at(-1) ?? '');
      mkdirSync(target, { recursive: true });
      for (const path of paths.slice(0, -1))
        cpSync(path, path.endsWith('/') ? target : join(target, path.split('/').at(-1) ?? ''), {
          recursive: true,
        });
    }
    for (const name of Object.keys(manifest.dependencies)) {
      const path = join(image, 'node_modules', name);
      mkdirSync(dirname(path), { recursive: true });
      symlinkSync(resolve('node_modules', name), path);
    }

    const help = execFileSync(process.execPath, ['bin/ferry.cjs', 'run', '--help'], {
      cwd: image,
      encoding: 'utf8',
    });
    rmSync(image, { recursive: true });

    expect(container).toContain('npm ci --omit=dev --omit=optional --ignore-scripts');
    expect(help).toContain('--letters');
  });
});
