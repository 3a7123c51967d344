// What the README says must be true: its commands run, its sample is accepted, its paths exist.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { EXIT } from '../src/cli/output.ts';
import { parseConfig } from '../src/config/config.ts';
import { METRIC_UNITS } from '../src/config/names.ts';
import { BEATING, CREATED, templates } from './lib/stack-templates.ts';

const readme = readFileSync('README.md', 'utf8');
const architecture = readFileSync('docs/architecture.md', 'utf8');
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

/** `ferry` is found in `bin/`, as after the README's export. */
function run(command: string, extra: readonly string[] = []): string {
  const [program = '', ...args] = command.split(' ');
  return execFileSync(program === 'ferry' ? 'bin/ferry' : program, [...args, ...extra], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

let listed: string | undefined;

/** What `cdk ls` says: the whole app is synthesised for it, so that it is asked once. */
function stacks(): string {
  listed ??= run('npx cdk ls');
  return listed;
}

/** How each command is shown to work; those that need an account or run the tests are told apart. */
const SHORT = ['--duration', '1', '--rate', '50'];
const CHECKS: Readonly<Record<string, (command: string) => void>> = {
  'npm ci': () => expect(existsSync('package-lock.json')).toBe(true),
  'npm start': (command) =>
    expect(run(command, ['--', ...SHORT])).toContain('The tables are equal'),
  'export PATH="$PWD/bin:$PATH"': (command) =>
    expect(
      execFileSync('sh', ['-c', `${command} && cd / && ferry --version`], { encoding: 'utf8' }),
    ).toMatch(/^ferry \d+\.\d+\.\d+$/m),
  'ferry local --duration 20 --rate 200 --json': (command) =>
    expect(JSON.parse(run(command.replace('--duration 20', '--duration 2')))).toMatchObject({
      differences: 0,
    }),
  // Its end is a Ctrl-C, which test/local/local-run.test.ts sends; here its options are.
  'ferry local --keep': (command) =>
    expect(() => run(command, ['--rate', '0'])).toThrow('--rate must be'),
  'ferry local --config ferry.json --replication orders': (command) =>
    expect(run(command, SHORT)).toContain('The tables are equal'),
  'ferry local --faults': (command) =>
    expect(run(command, ['--duration', '6', '--rate', '60'])).toContain('redriven: applied'),
  // test/local/failover.test.ts runs both to their ends, which takes minutes.
  'ferry local --failover': (command) =>
    expect(() => run(command, ['--rate', '0'])).toThrow('--rate must be'),
  'ferry local --failover --source-lost': (command) =>
    expect(() => run(command, ['--rate', '0'])).toThrow('--rate must be'),
  // test/cli/switch.test.ts runs these against two Regions.
  'ferry drain --replication orders': () =>
    expect(run('ferry drain --help')).toContain('--accept-letters FILE'),
  'ferry failover --replication orders': () =>
    expect(run('ferry failover --help')).toContain('--source-lost'),
  'ferry failover --replication orders --apply': () =>
    expect(run('ferry failover --help')).toContain('--apply'),
  // test/local has both run to their ends.
  'ferry local --both home': (command) =>
    expect(() => run(command, ['--rate', '0'])).toThrow('--rate must be'),
  'ferry local --both stamped': (command) =>
    expect(() => run(command, ['--rate', '0'])).toThrow('--rate must be'),
  // test/cli runs these against two Regions.
  'ferry merge --replication orders --newer-by updatedAt': () =>
    expect(run('ferry merge --help')).toContain('--newer-by ATTRIBUTE'),
  'ferry conflicts --replication orders --since 7d': () =>
    expect(run('ferry conflicts --help')).toContain('--since'),
  'ferry latency --svg latency.svg': (command) => {
    const directory = mkdtempSync(join(tmpdir(), 'ferry-readme-'));
    const svg = join(directory, 'latency.svg');
    const short = ['--rates', '50', '--duration', '1'];
    expect(run(command.replace('latency.svg', svg), short)).toContain(`picture: ${svg}`);
    expect(readFileSync(svg, 'utf8')).toContain('</svg>');
    rmSync(directory, { recursive: true });
  },
  'ferry local --config examples/projection/ferry.json --replication orders-eu': (command) =>
    expect(run(command, SHORT)).toContain('The tables are equal'),
  // Needs a deployment; test/cli/redrive.test.ts runs it against a local one.
  'ferry redrive --replication orders': () =>
    expect(run('ferry redrive --help')).toContain('--apply'),
  'ferry redrive --replication orders --apply': () =>
    expect(run('ferry redrive --help')).toContain('--replication NAME'),
  // These, too; test/cli has them run against two engines.
  'ferry init us-east-1/Orders eu-west-1/Orders': () =>
    expect(run('ferry init --help')).toContain('ferry init SOURCE DESTINATION'),
  'ferry backfill --replication orders': () =>
    expect(run('ferry backfill --help')).toContain('--replication NAME'),
  'ferry backfill --replication orders --apply --write-units 5000': () =>
    expect(run('ferry backfill --help')).toContain('--write-units PER_SECOND'),
  'ferry verify --replication orders': () =>
    expect(run('ferry verify --help')).toContain('--replication NAME'),
  'ferry repair --replication orders --report ferry-orders-differences.jsonl': () =>
    expect(run('ferry repair --help')).toContain('--report FILE'),
  'ferry cost --replication orders': () =>
    expect(run('ferry cost --help')).toContain('--replication NAME'),
  'ferry cost --replication orders --writes-per-second 100 --item-bytes 1000 --delete-share 5%': (
    command,
  ) => expect(run(command)).toContain('The same workload as a global table'),
  'ferry cost --replication orders --actual': () =>
    expect(run('ferry cost --help')).toContain('--actual'),
  // test/local/rehearsal.test.ts runs it to its end, which takes minutes.
  'ferry rehearse --local --svg rehearsal.svg': (command) =>
    expect(() => run(command, ['--seed', 'x'])).toThrow('--seed'),
  'ferry rehearse --replication orders': () =>
    expect(run('ferry rehearse --help')).toContain('--replication NAME'),
  'ferry rehearse --replication orders --apply': () =>
    expect(run('ferry rehearse --help')).toContain('--apply'),
  'ferry history --replication orders --since 7d': () =>
    expect(run('ferry history --help')).toContain('--since'),
  'ferry adopt --replication orders': () => expect(run('ferry adopt --help')).toContain('--as-is'),
  'ferry adopt --replication orders --apply': () =>
    expect(run('ferry adopt --help')).toContain('--apply'),
  // test/cli/status.test.ts runs it against services that speak the real protocols.
  'ferry status --replication orders': () =>
    expect(run('ferry status --help')).toContain('--watch'),
  // test/cli/deployed.test.ts reads the configuration of a deployed replication.
  'ferry config --deployed us-east-1/orders': () =>
    expect(run('ferry config --help')).toContain('--deployed REGION/NAME'),
  'ferry status --deployed us-east-1/orders': () =>
    expect(run('ferry status --help')).toContain('--deployed REGION/NAME'),
  // test/cli/init-all.test.ts runs it against two engines; status-fleet.test.ts and several.test.ts run the next ones.
  "ferry init --all us-east-1 eu-west-1 --match 'prod-*' --exclude 'prod-scratch-*'": () =>
    expect(run('ferry init --help')).toMatch(/--all.*--match PATTERN.*--exclude PATTERN/s),
  'ferry status --watch': () => expect(run('ferry status --help')).toContain('--watch'),
  'ferry verify --all --at-once 4': () =>
    expect(run('ferry verify --help')).toMatch(/--all.*--at-once N/s),
  'ferry redrive --replication orders,users --apply': () =>
    expect(run('ferry redrive --help')).toContain('NAME,NAME'),
  // test/cli/projection.test.ts and test/cli/reproject.test.ts run these against engines.
  'ferry projection test --replication orders --sample 100': () =>
    expect(run('ferry projection test --help')).toContain('--sample'),
  'ferry backfill --replication orders --reproject --apply': () =>
    expect(run('ferry backfill --help')).toContain('--reproject'),
  // test/cli/run.test.ts runs these against two Regions.
  'ferry run --replication orders --letters ./letters --metrics prometheus': () =>
    expect(run('ferry run --help')).toMatch(/--letters.*--metrics KIND/s),
  'ferry redrive --replication orders --letters ./letters --apply': () =>
    expect(run('ferry redrive --help')).toContain('--letters FOLDER'),
  'ferry permissions --for run --replication orders': (command) =>
    expect(run(command)).toContain('dynamodb:GetRecords'),
  'npx cdk deploy ferry-orders-destination --exclusively --profile china': () =>
    expect(stacks()).toContain('ferry-orders-destination'),
  'npx cdk deploy ferry-orders-source --exclusively --profile orders': () =>
    expect(stacks()).toContain('ferry-orders-source'),
  'npx cdk synth': (command) => {
    const output = mkdtempSync(join(tmpdir(), 'ferry-readme-'));
    expect(run(command, ['--quiet', '--output', output])).toBeDefined();
    rmSync(output, { recursive: true });
  },
  'npx cdk synth -c config=/path/to/ferry.json': (command) => {
    const directory = mkdtempSync(join(tmpdir(), 'ferry-readme-'));
    const own = readFileSync('ferry.json', 'utf8').replace('"orders"', '"elsewhere"');
    writeFileSync(join(directory, 'ferry.json'), own);
    for (const path of [directory, relative('.', directory)]) {
      const output = ['--output', join(directory, 'cdk.out')];
      run(command.replace('/path/to', path), ['--quiet', ...output]);
      expect(existsSync(join(directory, 'cdk.out/ferry-elsewhere-source.template.json'))).toBe(
        true,
      );
      rmSync(join(directory, 'cdk.out'), { recursive: true });
    }
    rmSync(directory, { recursive: true });
  },
  'npx cdk bootstrap aws://ACCOUNT/us-east-1 aws://ACCOUNT/eu-west-1': () =>
    expect(run('npx cdk bootstrap --help')).toContain('ENVIRONMENTS'),
  'npx cdk deploy --all': () => expect(stacks().trim().split('\n')).toHaveLength(2),
  'npm run release-files': () => expect(scripts['release-files']).toContain('bin/release-files.ts'),
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

it('has the sample app that the test of the package compiles and synthesises', () => {
  const [code = ''] = blocks('ts');

  expect(code).toContain('new Replication(');
  expect(readFileSync('examples/own-app/app.ts', 'utf8')).toContain(`\n${code}`);
});

it('has configuration samples that are accepted', () => {
  const [sample = '', ...additions] = blocks('json');
  const { replications } = JSON.parse(sample) as { replications: object[] };

  expect(parseConfig({ replications }).replications).toHaveLength(1);
  expect(additions).toHaveLength(8);
  for (const addition of additions) {
    const more = JSON.parse(addition) as { readonly defaults?: object };
    // What a file says of all its replications, or what one of them says.
    const { defaults } = more;
    const file =
      defaults === undefined
        ? { replications: [{ ...replications[0], ...more }] }
        : { ...more, replications: replications.map(withoutRegions) };
    const [first] = parseConfig(file).replications;
    expect(first).toMatchObject(defaults ?? more);
  }
});

/** The Regions are in the defaults. */
function withoutRegions(replication: object): object {
  const member = (name: string, value: unknown) => (name === 'region' ? undefined : value);
  return JSON.parse(JSON.stringify(replication, member)) as object;
}

it('has a page about accounts whose samples are accepted', () => {
  const page = readFileSync('docs/accounts.md', 'utf8');
  const [account, , partition] = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(
    ([, text = '']) => JSON.parse(text) as { readonly defaults: object; replications: object[] },
  );

  expect(parseConfig(account).replications).toMatchObject([account?.defaults]);
  expect(parseConfig({ ...account, ...partition }).replications).toMatchObject([
    partition?.defaults,
  ]);
});

it('tells how many alarms a replication pays for', () => {
  const count = (replication: object) =>
    Object.values(templates(replication).source.Resources).filter(
      ({ Type }) => Type === 'AWS::CloudWatch::Alarm',
    ).length;
  const [alarms, beating] = [count(CREATED), count(BEATING)];

  expect(flat(readme)).toContain(
    `a replication has ${alarms} alarms for $${(alarms / 10).toFixed(2)} a month, ${beating} with a heartbeat, and one composite alarm for $0.50`,
  );
  expect(flat(readme)).toContain(
    `Fifty replications thus pay $${(50 * (alarms + 5)) / 10} for alarms and $${50 * 3} for dashboards`,
  );
});

function flat(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

it('names paths that exist', () => {
  const paths = [
    ...`${readme}${architecture}`.matchAll(
      /`((?:src|bin|lib|test|docs)\/[\w./-]*)`|\]\((docs\/[\w./-]+)\)/g,
    ),
  ].map((match) => match[1] ?? match[2] ?? '');
  const tour = [
    ...(/## The path of a record\n\n(.*?)\n\n## /s.exec(architecture)?.[1] ?? '').matchAll(
      /`([a-z-]+(?:\/[a-z-]+)+)`/g,
    ),
  ];

  expect(paths.length).toBeGreaterThan(5);
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  expect(tour.length).toBeGreaterThan(25);
  expect(tour.map((match) => `src/${match[1]}.ts`).filter((path) => !existsSync(path))).toEqual([]);
});

it('has a guide for contributors whose scripts and paths exist', () => {
  const guide = readFileSync('CONTRIBUTING.md', 'utf8');
  const named = [...guide.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
  const paths = [...guide.matchAll(/\b(?:test|docs|bench|src)\/[\w./-]+\b/g)].map(([path]) => path);

  expect(named.length).toBeGreaterThan(6);
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  expect(paths.length).toBeGreaterThan(6);
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
});

it('has every room on its map', () => {
  const rooms = readdirSync('src', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `src/${name}/`);

  expect(rooms.length).toBeGreaterThan(15);
  expect(rooms.filter((room) => !architecture.includes(`| \`${room}\` |`))).toEqual([]);
});

it('leads to a list of every metric', () => {
  const metrics = readFileSync('docs/metrics.md', 'utf8');

  expect(readme).toContain('](docs/metrics.md)');
  expect(Object.keys(METRIC_UNITS).filter((name) => !metrics.includes(`\`${name}\``))).toEqual([]);
});

it('has a sample of every setting with a price that is accepted', () => {
  const text = readFileSync('docs/settings.md', 'utf8');
  const [sample = ''] = blocks('json');
  const { replications } = JSON.parse(sample) as { replications: object[] };
  const [priced = ''] = [...text.matchAll(/^```json\n(.*?)^```$/gms)].map((match) => match[1]);
  const more = JSON.parse(priced) as object;

  expect(
    parseConfig({ replications: [{ ...replications[0], ...more }] }).replications,
  ).toMatchObject([more]);
});

it('has a heading in the changelog for the version that `ferry --version` prints', () => {
  const headings = readFileSync('CHANGELOG.md', 'utf8').matchAll(/^## (.+)$/gm);
  const [first = '', ...rest] = [...headings].map((match) => match[1] ?? '');
  const versions = first === 'Unreleased' ? rest : [first, ...rest];

  expect(versions[0]).toBe(manifest.version);
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

it('has the exit codes that there are', () => {
  const codes = [...readme.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));

  expect(codes).toEqual([...Object.values(EXIT), 130]);
});
