// The package as other people use it: the packed tarball in an empty folder, with what it declares beside it and
// nothing else. Installed without a registry: packages are linked from this repository, the tarball is unpacked.

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };

const PACKED_BYTES_MAX = 5_000_000;
/** What the app of the example installs beside the package. */
const OF_THE_APP = [
  '@aws-sdk/lib-dynamodb',
  '@types/node',
  'aws-cdk',
  'aws-cdk-lib',
  'constructs',
  'typescript',
];
/** A terminal of somebody who has no account, no registry and no other tool. */
const ENVIRONMENT = {
  PATH: [dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
  npm_config_offline: 'true',
  npm_config_update_notifier: 'false',
  AWS_EC2_METADATA_DISABLED: 'true',
};

let folder = '';
let installed = '';
let tarball = '';

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'ferry-package-')));
  const pack = ['pack', '--silent', '--pack-destination', folder];
  const packed = execFileSync('npm', pack, { encoding: 'utf8' }).trim();
  tarball = join(folder, packed);
  cpSync('examples/own-app', join(folder, 'app'), { recursive: true });
  installed = install(join(folder, 'app'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** @returns the folder of the package in the app's `node_modules`. */
function install(app: string): string {
  const modules = join(app, 'node_modules');
  const home = join(modules, manifest.name);
  mkdirSync(join(modules, '.bin'), { recursive: true });
  mkdirSync(home, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', home, '--strip-components=1']);
  const declared = [manifest.dependencies, manifest.optionalDependencies].flatMap(Object.keys);
  for (const name of [...declared, ...OF_THE_APP])
    link(resolve('node_modules', name), join(modules, name));
  link(join(home, manifest.bin.ferry), join(modules, '.bin/ferry'));
  for (const name of ['cdk', 'tsc']) {
    link(realpathSync(join('node_modules/.bin', name)), join(modules, '.bin', name));
  }
  return home;
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  // One for another system is not installed.
  if (existsSync(target)) symlinkSync(target, path);
}

const inApp = (command: string, ...more: string[]) =>
  execFileSync('npx', ['--no-install', ...command.split(' '), ...more], {
    cwd: join(folder, 'app'),
    env: { ...ENVIRONMENT, HOME: folder },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

const filesOf = (directory: string) =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(directory, name)).isFile(),
  );

describe('the tarball', () => {
  it('holds what runs and its types, but no source, test or bench', () => {
    const files = filesOf(installed);

    for (const name of ['replicate', 'look-again', 'bulk-segment', 'heartbeat']) {
      expect(files).toContain(`dist/functions/${name}/index.mjs`);
    }
    expect(files).toContain('docs/runbook.md');
    expect(files.filter((name) => /^(bench|lib|src|test)\/|(?<!\.d)\.ts$/.test(name))).toEqual([]);
    expect(statSync(tarball).size).toBeLessThan(PACKED_BYTES_MAX);
  });

  it('imports only what it declares, and the CDK in its constructs only', () => {
    const peers = Object.keys(manifest.peerDependencies);
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
    const undeclared = filesOf(join(installed, 'dist'))
      .filter((name) => /^(lib|src)\/.*\.js$/.test(name))
      .flatMap((name) => {
        const allowed = name.startsWith('lib/') ? [...declared, ...peers] : declared;
        return packagesIn(readFileSync(join(installed, 'dist', name), 'utf8'))
          .filter((imported) => !allowed.includes(imported))
          .map((imported) => `${name}: ${imported}`);
      });

    expect(undeclared).toEqual([]);
    expect(Object.keys(manifest.peerDependenciesMeta)).toEqual(peers);
  });

  it('finds neither a bundler nor a loader for TypeScript', () => {
    const { resolve: find } = createRequire(join(installed, 'dist/lib/index.js'));

    expect(find('aws-cdk-lib')).toContain('aws-cdk-lib');
    for (const name of ['esbuild', 'tsx', 'vitest'])
      expect(() => find(name)).toThrow('Cannot find');
  });
});

/** Names of the packages that a built module imports. */
function packagesIn(text: string): string[] {
  return [
    ...text.matchAll(/^(?:import|export)\b[^;]*?from "([^".][^"]*)";|\bimport\("([^".][^"]*)"\)/gm),
  ]
    .map((match) => match[1] ?? match[2] ?? '')
    .filter((name) => !name.startsWith('node:'))
    .map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
}

describe('an app of its own', () => {
  it.each([
    ['CommonJS', 'commonjs', /^const .*= require\(/m],
    ['an ES module', 'module', /^import .* from/m],
  ])('as %s is compiled and synthesised offline', (_, type, form) => {
    const app = join(folder, 'app');
    const own = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8')) as object;
    writeFileSync(join(app, 'package.json'), JSON.stringify({ ...own, type }));

    inApp('cdk synth --quiet');

    expect(readFileSync(join(app, 'built/app.js'), 'utf8')).toMatch(form);
    const { Resources } = JSON.parse(
      readFileSync(join(app, 'cdk.out/Orders.template.json'), 'utf8'),
    ) as { Resources: Record<string, { Type: string; Properties: { FunctionName?: string } }> };
    const names = Object.values(Resources).map(({ Properties }) => Properties.FunctionName);
    expect(names).toContain('ferry-orders-replicate');
    expect(readFileSync(join(app, 'cdk.out/OrdersTwin.template.json'), 'utf8')).toContain(
      'ferry-orders-state',
    );
    const assets = readdirSync(join(app, 'cdk.out')).filter((name) => name.startsWith('asset.'));
    const shipped = assets.map((name) => readFileSync(join(app, 'cdk.out', name, 'index.mjs')));
    expect(shipped).toContainEqual(
      readFileSync(join(installed, 'dist/functions/replicate/index.mjs')),
    );
    rmSync(join(app, 'cdk.out'), { recursive: true });
    rmSync(join(app, 'built'), { recursive: true });
  });
});

it('ships a module of the app beside its functions', () => {
  const app = join(folder, 'app');
  const text = 'export const project = (item) => item;\n';
  writeFileSync(join(app, 'orders.mjs'), text);
  writeFileSync(join(app, 'projected.mjs'), PROJECTED_APP);

  inApp('cdk synth --quiet --app', 'node projected.mjs');

  const assets = readdirSync(join(app, 'cdk.out')).filter((name) => name.startsWith('asset.'));
  const projecting = assets.filter((name) =>
    existsSync(join(app, 'cdk.out', name, 'projection.mjs')),
  );
  expect(projecting).toHaveLength(1);
  const code = join(app, 'cdk.out', projecting[0] ?? '');
  expect(readFileSync(join(code, 'projection.mjs'), 'utf8')).toBe(text);
  expect(readFileSync(join(code, 'index.mjs'))).toEqual(
    readFileSync(join(installed, 'dist/functions/replicate/index.mjs')),
  );
  rmSync(join(app, 'cdk.out'), { recursive: true });
});

const PROJECTED_APP = `
import { App, Stack } from 'aws-cdk-lib';
import { Replication } from '${manifest.name}';

const stack = new Stack(new App(), 'Orders', { env: { region: 'us-east-1' } });
const tableArn = 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders';
new Replication(stack, 'Orders', {
  source: { tableArn, streamArn: tableArn + '/stream/2026-01-31T12:00:00.000' },
  destination: { region: 'eu-west-1', tableName: 'OrdersTwin' },
  projection: { module: './orders.mjs' },
});
`;

it('lets a CommonJS program read a configuration', () => {
  const program = `console.log(typeof require('${manifest.name}/config').parseConfig)`;

  const printed = execFileSync(process.execPath, ['--eval', program], {
    cwd: join(folder, 'app'),
    encoding: 'utf8',
  });

  expect(printed.trim()).toBe('function');
});

describe.each([
  ['tally', 'openTally', () => readFileSync('examples/tally/orders.mts', 'utf8')],
  ['stamp', 'ferryStamp', () => sampleIn('docs/stamping.md')],
] as const)('what applications import: %s', (name, exported, sample) => {
  it('brings no package of its own', () => {
    const files = new Set([join(installed, `dist/src/${name}/index.js`)]);
    for (const file of files)
      for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/from "(\.[^"]+)"/g))
        files.add(resolve(dirname(file), path));

    expect(files.size).toBeGreaterThan(3);
    expect([...files].flatMap((file) => packagesIn(readFileSync(file, 'utf8')))).toEqual([]);
  });

  it('is used as the sample does', () => {
    const app = join(folder, 'app');
    writeFileSync(join(app, 'sample.mts'), sample());

    inApp(
      'tsc --ignoreConfig --noEmit --strict --skipLibCheck --module nodenext --types node',
      'sample.mts',
    );

    const program = `console.log(typeof require('${manifest.name}/${name}').${exported})`;
    const printed = execFileSync(process.execPath, ['--eval', program], {
      cwd: app,
      encoding: 'utf8',
    });
    expect(printed.trim()).toBe('function');
    rmSync(join(app, 'sample.mts'));
  });
});

/** The first one of a document. */
function sampleIn(path: string): string {
  return /```ts\n([^]*?)```/.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
}

describe('the command', () => {
  it('tells its version and its help', () => {
    expect(inApp('ferry --version').trim()).toBe(`ferry ${manifest.version}`);
    expect(inApp('ferry help')).toContain('  local ');
  });

  it('runs both tables on this machine', () => {
    expect(inApp('ferry local --duration 1 --rate 50')).toContain('The tables are equal');
  });
});
