// The module of a projection in a deployment: checked at synthesis, and shipped beside the functions that use it.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { type App, Stack, Stage } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { AttributeType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Replication } from '../../lib/index.ts';
import { functionDirectory } from '../../src/package-files.ts';
import {
  appOf,
  CREATED,
  emptyApp,
  only,
  resources,
  STREAM_ARN,
  type TemplateJson,
  templates,
  temporary,
} from './stack-templates.ts';

beforeAll(() => void mkdirSync(temporary, { recursive: true }));
afterAll(() => rmSync(temporary, { recursive: true }));

const KEEPS_ALL = 'export const project = (item) => item;\n';
const destination = { region: 'eu-west-1', tableName: 'OrdersTwin' };
const US = { env: { region: 'us-east-1' } };

function moduleFile(name: string, text = KEEPS_ALL): string {
  const path = join(temporary, name);
  writeFileSync(path, text);
  return path;
}

const withModule = (module: string) => ({
  ...CREATED,
  bulk: true,
  heartbeat: { key: { pk: 'ferry-heartbeat', sk: 0 } },
  projection: { module },
});

/** The folders of the functions' code in the assembly, by the name of the function after that of the replication. */
function codeOf(app: App, name = 'orders'): Record<string, string> {
  const assembly = app.synth();
  const { template } = assembly.getStackByName(`ferry-${name}-source`);
  return Object.fromEntries(
    resources(template as TemplateJson, 'AWS::Lambda::Function').map(([, { Properties }]) => [
      String(Properties['FunctionName']).replace(`ferry-${name}-`, ''),
      join(assembly.directory, assetIn(Properties)),
    ]),
  );
}

function assetIn(properties: Readonly<Record<string, unknown>>): string {
  const { S3Key } = properties['Code'] as { S3Key: string };
  return `asset.${S3Key.replace('.zip', '')}`;
}

const assetsOf = (app: App) =>
  Object.fromEntries(
    Object.entries(codeOf(app)).map(([name, folder]) => [name, folder.replace(/.*asset\./, '')]),
  );

function filesIn(folder = ''): Record<string, string> {
  const names = readdirSync(folder).toSorted();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

describe('a module', () => {
  it('is beside the code of the functions that project, and of no other', () => {
    const code = codeOf(appOf(withModule(moduleFile('one.mjs'))));

    const projecting = { 'projection.mjs': KEEPS_ALL };
    expect(filesIn(code['replicate'])).toEqual({
      ...filesIn(functionDirectory('replicate')),
      ...projecting,
    });
    expect(filesIn(code['bulk'])).toEqual({
      ...filesIn(functionDirectory('bulk-segment')),
      ...projecting,
    });
    for (const name of ['look-again', 'heartbeat'] as const)
      expect(filesIn(code[name])).toEqual(filesIn(functionDirectory(name)));
  });

  it('is known to the functions by its digest and its name, and not by its folder', () => {
    const { source } = templates(withModule(moduleFile('one.mjs')));
    const digest = createHash('sha256').update(KEEPS_ALL).digest('hex');

    const { Properties } = only(source, 'AWS::Lambda::Function', 'Replicator');
    const text = JSON.stringify(Properties['Environment']).replaceAll('\\', '');

    expect(text).toContain(`"projectionDigest":"${digest}"`);
    expect(text).toContain('"module":"one.mjs"');
    expect(text).not.toContain(temporary);
  });

  it('changes the code of its functions only if its text changes', () => {
    const without = assetsOf(
      appOf({ ...withModule(''), projection: { attributes: { drop: ['a'] } } }),
    );
    const first = assetsOf(appOf(withModule(moduleFile('one.mjs'))));
    const again = assetsOf(appOf(withModule(moduleFile('other.mjs'))));
    const changed = assetsOf(appOf(withModule(moduleFile('one.mjs', `${KEEPS_ALL}// changed\n`))));

    expect(again).toEqual(first);
    const codes = (name: string) => new Set([without[name], first[name], changed[name]]).size;
    expect(['replicate', 'bulk', 'look-again', 'heartbeat'].map(codes)).toEqual([3, 3, 1, 1]);
  });

  it('may be another one for each replication of an app', () => {
    const changed = `${KEEPS_ALL}// of users\n`;
    const users = {
      name: 'users',
      source: { ...CREATED.source, table: 'Users' },
      destination: { ...CREATED.destination, table: 'UsersTwin' },
      projection: { module: moduleFile('users.mjs', changed) },
    };

    const app = appOf(withModule(moduleFile('one.mjs')), users);

    expect(filesIn(codeOf(app)['replicate'])['projection.mjs']).toBe(KEEPS_ALL);
    expect(filesIn(codeOf(app, 'users')['replicate'])['projection.mjs']).toBe(changed);
  });

  it('is found from the working folder in constructs, also in stages', () => {
    const app = emptyApp();
    const path = moduleFile('one.mjs');
    const module = relative(process.cwd(), path);
    const source = { tableArn: STREAM_ARN.replace(/\/stream.*/, ''), streamArn: STREAM_ARN };
    for (const id of ['Test', 'Live']) {
      const stack = new Stack(new Stage(app, id), 'Stack', US);
      const props = { source, destination, projection: { module } };
      expect(new Replication(stack, 'Orders', props).config.projection?.module).toBe(path);
    }

    const assembly = app.synth();

    expect(assembly.nestedAssemblies).toHaveLength(2);
    for (const { nestedAssembly } of assembly.nestedAssemblies) {
      const [stack] = nestedAssembly.stacks;
      const functions = resources(stack?.template as TemplateJson, 'AWS::Lambda::Function');
      // Stages share the assets of the app.
      const folders = functions.map(([, { Properties }]) =>
        join(assembly.directory, assetIn(Properties), 'projection.mjs'),
      );
      expect(folders.filter((path) => existsSync(path))).toHaveLength(1);
    }
  });

  it.each([
    [StreamViewType.NEW_IMAGE, 1],
    [StreamViewType.NEW_AND_OLD_IMAGES, 0],
  ])('with a source table of %s is warned of %i times', (stream, count) => {
    const stack = new Stack(emptyApp(), 'Stack', US);
    const partitionKey = { name: 'pk', type: AttributeType.STRING };
    const source = new Table(stack, 'Table', { partitionKey, stream });

    const projection = { module: moduleFile('one.mjs') };
    const { node } = new Replication(stack, 'Orders', { source, destination, projection });

    const text = Match.stringLikeRegexp('A module that leaves items out needs old images');
    expect(Annotations.fromStack(stack).findWarning(`/${node.path}`, text)).toHaveLength(count);
  });
});

describe('without a projection, the replicate function', () => {
  it('loads nothing that projects items', () => {
    const folder = functionDirectory('replicate');
    const files = Object.entries(filesIn(folder));
    const projecting = files.filter(([, text]) => text.includes('ProjectionNotStorable'));
    const atStart = withImports('index.mjs', new Map(files));

    expect(projecting.length).toBeGreaterThan(0);
    expect(atStart.size).toBeGreaterThan(2);
    expect(projecting.filter(([name]) => atStart.has(name))).toEqual([]);
  });
});

/** Of what is imported when it starts, not later. */
function withImports(
  name: string,
  files: ReadonlyMap<string, string>,
  found = new Set<string>(),
): ReadonlySet<string> {
  if (found.has(name)) return found;
  found.add(name);
  const imported = files.get(name)?.matchAll(/(?:\bfrom|\bimport)\s*"\.\/([^"]+)"/g) ?? [];
  for (const [, other = ''] of imported) withImports(other, files, found);
  return found;
}

describe('refused at synthesis is a module', () => {
  it.each([
    ['that is not there', 'absent.mjs', undefined, /absent\.mjs cannot be read: ENOENT/],
    ['that imports', 'imports.mjs', "import 'node:fs';", /imports\.mjs, line 1, imports node:fs/],
    ['without project', 'other.mjs', 'export const a = 1;', /other\.mjs does not export project/],
    [
      'that is too large',
      'large.mjs',
      `//${'x'.repeat(1_100_000)}`,
      /large\.mjs has 1100002 bytes/,
    ],
    ['that is not JavaScript', 'no.mjs', 'export {', /no\.mjs is not JavaScript/],
    [
      'in TypeScript',
      'types.mjs',
      '\nexport const project = (item: object) => item;',
      /types\.mjs, line 2, is not JavaScript: SyntaxError: Unexpected token ':'\./,
    ],
  ])('%s', (_, name, text, message) => {
    const module = text === undefined ? join(temporary, name) : moduleFile(name, text);

    const refused = () => appOf(withModule(module));

    expect(refused).toThrow(message);
    expect(refused).toThrow(/^The projection of orders: /);
    expect(refused).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'projection.module' }),
    );
  });

  it('of a file, with code 2 and a hint', { timeout: 150_000 }, () => {
    const folder = mkdtempSync(join(temporary, 'config-'));
    const config = join(folder, 'ferry.json');
    writeFileSync(config, JSON.stringify({ replications: [withModule('./absent.mjs')] }));

    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'bin/app.ts'], {
      env: { CDK_CONTEXT_JSON: JSON.stringify({ config }), CDK_OUTDIR: join(folder, 'cdk.out') },
      encoding: 'utf8',
    });

    expect(stderr).toContain(`The projection of orders: ${join(folder, 'absent.mjs')} cannot be`);
    expect(stderr).toContain('\nHint: ');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(status).toBe(2);
  });
});
