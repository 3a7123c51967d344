// What deployments without the CDK take from a release: complete, consistent, and the same bytes each time.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { unzipSync } from 'fflate';
import { afterAll, expect, it } from 'vitest';
import { readDeployment } from '../src/config/function-variable.ts';
import { FUNCTION_NAMES, functionDirectory } from '../src/package-files.ts';

const folders: string[] = [];
const [first, second] = [write(), write()];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function write(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ferry-release-'));
  folders.push(folder);
  execFileSync(process.execPath, ['--import', 'tsx', 'bin/release-files.ts', folder]);
  return folder;
}

const read = (name: string, folder = first) => readFileSync(join(folder, name));
const json = (name: string) => JSON.parse(read(name).toString()) as object;

interface Resource {
  readonly Type: string;
  readonly Properties: {
    readonly Code: unknown;
    readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> };
  };
}
const functions = resourcesOf('source').filter(({ Type }) => Type === 'AWS::Lambda::Function');

function resourcesOf(side: string): Resource[] {
  const { Resources } = json(`${side}.template.json`) as { readonly Resources: object };
  return Object.values(Resources);
}

/** What a deployment with these parameters makes of an intrinsic function. */
const PARAMETERS: Readonly<Record<string, string>> = {
  Name: 'orders',
  SourceTableArn: 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders',
  SourceStreamArn:
    'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
  DestinationRegion: 'eu-west-1',
  DestinationTableName: 'Orders',
  CodePrefix: 'ferry/',
  'AWS::Region': 'us-east-1',
};

function resolved(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[kind, content] = ['', '']] = Object.entries(value as Record<string, unknown>);
  const parts = content as [string | number, never];
  if (kind === 'Ref') return PARAMETERS[content as string] ?? `deployed-${content as string}`;
  if (kind === 'Fn::Join') return (parts[1] as unknown[]).map(resolved).join(String(parts[0]));
  if (kind !== 'Fn::Select') throw new Error(`The test knows no ${kind}.`);
  const [by, text] = (parts[1] as { readonly 'Fn::Split': [string, unknown] })['Fn::Split'];
  return resolved(text).split(by)[Number(parts[0])] ?? '';
}

it('lists every file with its SHA-256, and writes the same bytes again', () => {
  const lines = read('SHA256SUMS').toString().trimEnd().split('\n');

  expect(lines).toHaveLength(FUNCTION_NAMES.length + 4);
  for (const line of lines) {
    const [sum, name = ''] = line.split('  ');
    expect(createHash('sha256').update(read(name)).digest('hex')).toBe(sum);
    expect(read(name, second).equals(read(name))).toBe(true);
  }
});

it.each(FUNCTION_NAMES)('holds what is built of the function %s', (name) => {
  const modules = unzipSync(read(`${name}.zip`));

  expect(Object.keys(modules)).toContain('index.mjs');
  for (const [file, contents] of Object.entries(modules))
    expect(readFileSync(join(functionDirectory(name), file)).equals(contents)).toBe(true);
});

it('needs only the parameters that it describes', () => {
  const { Parameters } = json('source.template.json') as { readonly Parameters: object };

  expect(Object.keys(Parameters).join(' ')).toBe(
    'CodeBucket CodePrefix Name SourceTableArn SourceStreamArn DestinationRegion DestinationTableName',
  );
});

it('takes the code of both functions from the bucket of the operator', () => {
  const keys = functions.map(({ Properties: { Code } }) => {
    const { S3Bucket, S3Key } = Code as Record<string, unknown>;
    return `${resolved(S3Bucket)} ${resolved(S3Key)}`;
  });

  expect(keys.toSorted((a, b) => a.localeCompare(b))).toEqual([
    'deployed-CodeBucket ferry/look-again.zip',
    'deployed-CodeBucket ferry/replicate.zip',
  ]);
});

it('has a source template that fits a bucket, but no direct upload, as the README says', () => {
  const { length } = read('source.template.json');

  expect(readFileSync('README.md', 'utf8')).toContain('needs `--s3-bucket`');
  expect(length).toBeGreaterThan(51_200);
  expect(length).toBeLessThan(1_000_000);
});

it('gives both functions a variable that they read, and that its schema describes', () => {
  const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
    json('function-variable.schema.json'),
  );
  for (const { Properties } of functions) {
    const text = resolved(Properties.Environment.Variables['FERRY_REPLICATION']);

    validate(JSON.parse(text));
    expect(validate.errors).toBeNull();
    expect(readDeployment({ FERRY_REPLICATION: text }).replication).toMatchObject({
      name: 'orders',
      source: { region: 'us-east-1', table: 'Orders' },
      destination: { region: 'eu-west-1', table: 'Orders' },
      stateTable: 'ferry-orders-state',
    });
  }
});

it('refuses a variable that its schema does not describe', () => {
  const validate = new Ajv({ allowUnionTypes: true }).compile(
    json('function-variable.schema.json'),
  );

  expect(validate({ format: 1 })).toBe(false);
});

it('writes policies of every role, with names instead of intrinsic functions', () => {
  const policies = read('policies.json').toString();

  expect(Object.keys(json('policies.json'))).toEqual(
    [
      'replicate',
      'look-again',
      'bulk',
      'heartbeat',
      'bulk-runner',
      'reconcile-runner',
      'reconcile-rule',
    ].map((name) => `ferry-\${Name}-${name}`),
  );
  expect(policies).not.toMatch(/Fn::|"Ref"|111122223333|us-east-1|eu-west-1|arn:aws/);
  expect(policies).toContain('"${SourceStreamArn}"');
  expect(policies).toContain('table/ferry-${Name}-state"');
});

it('makes the state table in the other Region, by the name that the functions use', () => {
  expect(resourcesOf('destination')).toMatchObject([{ Type: 'AWS::DynamoDB::GlobalTable' }]);
});
