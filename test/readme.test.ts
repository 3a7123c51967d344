// What the README says must be true: its commands run, its sample is accepted, its paths exist.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../src/config.ts';
import { METRIC_UNITS } from '../src/contract.ts';

const readme = readFileSync('README.md', 'utf8');
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>;
};

/** Lines of all blocks fenced with the given language, without their indentation. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^ *\`\`\`${language}\\n(.*?)^ *\`\`\`$`, 'gms'))].map(
    (match) => match[1] ?? '',
  );
}

const commands = blocks('sh').flatMap((block) =>
  block
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean),
);

function run(command: string, extra: readonly string[] = []): string {
  const [program = '', ...args] = command.split(' ');
  return execFileSync(program, [...args, ...extra], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** How each command is shown to work; those that need an account or run the tests are told apart. */
const SHORT = ['--duration', '1', '--rate', '50'];
const CHECKS: Readonly<Record<string, (command: string) => void>> = {
  'npm ci': () => expect(existsSync('package-lock.json')).toBe(true),
  'npm start': (command) =>
    expect(run(command, ['--', ...SHORT])).toContain('The tables are equal'),
  'npm start -- --duration 20 --rate 200 --json': (command) => {
    const lines = run(command.replace('--duration 20', '--duration 2')).trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ differences: 0 });
  },
  // Its end is a Ctrl-C, which test/local/local-run.test.ts sends; here its options are.
  'npm start -- --keep --source-port 8001 --destination-port 8002': (command) =>
    expect(() => run(command, ['--rate', '0'])).toThrow('--rate must be'),
  'npm start -- --config ferry.json --replication orders': (command) =>
    expect(run(command, SHORT)).toContain('The tables are equal'),
  'npm start -- --faults': (command) =>
    expect(run(command, ['--duration', '6', '--rate', '60'])).toContain('redriven: applied'),
  'npx ferry latency --svg latency.svg': (command) => {
    const directory = mkdtempSync(join(tmpdir(), 'ferry-readme-'));
    const svg = join(directory, 'latency.svg');
    const short = ['--rates', '50', '--duration', '1'];
    expect(run(command.replace('latency.svg', svg), short)).toContain(`picture: ${svg}`);
    expect(readFileSync(svg, 'utf8')).toContain('</svg>');
    rmSync(directory, { recursive: true });
  },
  // Needs a deployment; test/cli/redrive.test.ts runs it against a local one.
  'npx ferry redrive --replication orders': () =>
    expect(run('npx ferry redrive --help')).toContain('--apply'),
  'npx ferry redrive --replication orders --apply': () =>
    expect(run('npx ferry redrive --help')).toContain('--replication NAME'),
  // These, too; test/cli has them run against two engines.
  'npx ferry init us-east-1/Orders eu-west-1/Orders': () =>
    expect(run('npx ferry init --help')).toContain('ferry init SOURCE DESTINATION'),
  'npx ferry backfill --replication orders': () =>
    expect(run('npx ferry backfill --help')).toContain('--replication NAME'),
  'npx ferry backfill --replication orders --apply --write-units 5000': () =>
    expect(run('npx ferry backfill --help')).toContain('--write-units PER_SECOND'),
  'npx ferry verify --replication orders': () =>
    expect(run('npx ferry verify --help')).toContain('--replication NAME'),
  'npx ferry repair --replication orders --report ferry-orders-differences.jsonl': () =>
    expect(run('npx ferry repair --help')).toContain('--report FILE'),
  'npx ferry adopt --replication orders': () =>
    expect(run('npx ferry adopt --help')).toContain('--as-is'),
  'npx ferry adopt --replication orders --apply': () =>
    expect(run('npx ferry adopt --help')).toContain('--apply'),
  // test/cli/status.test.ts runs it against services that speak the real protocols.
  'npx ferry status --replication orders': () =>
    expect(run('npx ferry status --help')).toContain('--watch'),
  'npx cdk synth': (command) =>
    expect(run(command, ['--quiet', '--output', 'cdk.out/readme'])).toBeDefined(),
  'npx cdk bootstrap aws://ACCOUNT/us-east-1 aws://ACCOUNT/eu-west-1': () =>
    expect(run('npx cdk bootstrap --help')).toContain('ENVIRONMENTS'),
  'npx cdk deploy --all': () => expect(run('npx cdk ls').trim().split('\n')).toHaveLength(2),
  'npm test': () => expect(scripts['test']).toBe('vitest run'),
  'npm run check': () => expect(scripts['check']).toContain('npm test'),
};

describe('the README’s commands', () => {
  it('are all known here', () => {
    expect(commands.length).toBeGreaterThan(5);
    expect(commands.filter((command) => CHECKS[command] === undefined)).toEqual([]);
  });

  it.each(commands)('%s', (command) => expect(() => CHECKS[command]?.(command)).not.toThrow());
});

it('has configuration samples that are accepted', () => {
  const [sample = '', ...additions] = blocks('json');
  const { replications } = JSON.parse(sample) as { replications: object[] };

  expect(parseConfig({ replications }).replications).toHaveLength(1);
  expect(additions).toHaveLength(2);
  for (const addition of additions) {
    const more = JSON.parse(addition) as object;
    expect(
      parseConfig({ replications: [{ ...replications[0], ...more }] }).replications,
    ).toMatchObject([more]);
  }
});

it('names paths that exist', () => {
  const paths = [
    ...readme.matchAll(/`((?:src|bin|lib|test|docs)\/[\w./-]*)`|\]\((docs\/[\w./-]+)\)/g),
  ].map((match) => match[1] ?? match[2] ?? '');
  const tour = [
    ...(/## The path of a record\n\n(.*?)\n\n\|/s.exec(readme)?.[1] ?? '').matchAll(
      /`(\w+\/[\w-]+)`/g,
    ),
  ];

  expect(paths.length).toBeGreaterThan(5);
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  expect(tour.length).toBeGreaterThan(25);
  expect(tour.map((match) => `src/${match[1]}.ts`).filter((path) => !existsSync(path))).toEqual([]);
});

it('names every metric', () => {
  expect(Object.keys(METRIC_UNITS).filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});
