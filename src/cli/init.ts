// `ferry init`: checks two tables before anything is deployed, lists errors and risks, and writes the configuration.

import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import { systemClock } from '../aws/system-clock.ts';
import { usualAccess } from '../composition/operator-access.ts';
import { requireTable } from '../composition/table-check.ts';
import { parseConfig } from '../config/config.ts';
import { loadConfig, readConfigFile } from '../config/config-file.ts';
import type { TableConfig } from '../config/schema.ts';
import { regionDoubts } from '../config/regions.ts';
import { type Finding, preflight } from '../status/preflight.ts';
import type { TableFacts } from '../model/table-facts.ts';
import { wrongOption } from './arguments.ts';
import { twinConstruct } from './twin-construct.ts';
import { UsageError } from '../errors.ts';
import type { Item } from '../ports.ts';
import { type GivenCall, printResult } from './call.ts';
import type { Command, ParsedOptions } from './command.ts';
import { endpoint } from './local-setup.ts';
import { EXIT } from './output.ts';
import { explained } from './service-errors.ts';

export const initCommand: Command = {
  name: 'init',
  operands: ['SOURCE', 'DESTINATION'],
  options: {
    name: { value: 'NAME', help: 'name of the replication (default: from the source table)' },
    config: { value: 'FILE', help: 'file to write', default: 'ferry.json' },
    add: { help: 'add the replication to an existing file' },
    'create-destination': {
      help: 'only print CDK code that creates a twin with the same keys and indexes',
    },
    'source-endpoint': { value: 'URL', help: 'DynamoDB endpoint of the source' },
    'destination-endpoint': { value: 'URL', help: 'DynamoDB endpoint of the destination' },
    json: { help: 'print findings and configuration as one line of JSON' },
  },
  async run(options, io) {
    const source = tableAt('source', options);
    const destination = tableAt('destination', options);
    for (const doubt of regionDoubts({ source, destination })) io.err(`Warning: ${doubt}`);
    return explained({ hint: HINT }, async () => {
      if (options.has('create-destination')) {
        const facts = await requireTable(usualAccess(source), source.table, 'source');
        io.out(twinConstruct(facts, destination, replicationName(source.table, options)));
        return EXIT.done;
      }
      refuseOverwriting(options);
      return lookAndWrite({ options, io, source, destination });
    });
  },
};

const HINT = 'Nothing was written.';
const SAMPLE_ITEMS = 1_000;

type Place = Pick<TableConfig, 'region' | 'table' | 'create'> & { readonly endpoint?: string };

interface InitCall extends GivenCall {
  readonly source: Place;
  readonly destination: Place;
}

async function lookAndWrite({ options, io, source, destination }: InitCall): Promise<number> {
  const tables = {
    source: await requireTable(usualAccess(source), source.table, 'source'),
    destination: await requireTable(usualAccess(destination), destination.table, 'destination'),
  };
  const findings = preflight({
    ...tables,
    sample: await sampleOf(source, tables.source),
    reservedAttribute: '_ferry',
    nowMs: systemClock.now(),
  });
  const replication = replicationOf(tables, options);
  const isFit = !findings.some(({ severity }) => severity === 'error');
  if (isFit) writeConfig(replication, options);
  print({ options, io }, { findings, replication, isFit });
  return isFit ? EXIT.done : EXIT.failed;
}

async function sampleOf(place: Place, { keys }: TableFacts): Promise<readonly Item[]> {
  const client = readClient(usualAccess(place));
  try {
    const keyAttributes = keys.map(({ name }) => name);
    const reader = dynamoDbReader(client, { table: place.table, keyAttributes });
    return (await reader.scan({ segment: 0, totalSegments: 1, limit: SAMPLE_ITEMS })).items;
  } finally {
    client.destroy();
  }
}

function replicationOf(
  { source, destination }: { source: TableFacts; destination: TableFacts },
  options: ParsedOptions,
) {
  return {
    name: replicationName(source.table, options),
    source: { ...configOf(source), ...(source.stream && { streamArn: source.stream.arn }) },
    destination: configOf(destination),
  };
}

function configOf({ region, table, kmsKeyArn, endpoint }: TableFacts) {
  return {
    region,
    table,
    ...(kmsKeyArn === undefined ? {} : { kmsKeyArn }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}

function replicationName(table: string, options: ParsedOptions): string {
  return options.text('name') ?? nameFrom(table);
}

/** Lower case, digits and dashes, at most 30, a letter first: OrderEvents_v2 -> orderevents-v2 */
function nameFrom(table: string): string {
  const name = table
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 30)
    .replace(/-+$/, '');
  return name === '' ? 'replication' : name;
}

/** us-east-1/Orders */
function tableAt(side: 'source' | 'destination', options: ParsedOptions): Place {
  const text = options.operand(side === 'source' ? 'SOURCE' : 'DESTINATION');
  const match = /^([a-z]{2,4}(?:-[a-z]+)+-\d+)\/([a-zA-Z0-9_.-]{3,255})$/.exec(text);
  const [, region, table] = match ?? [];
  if (region === undefined || table === undefined) {
    throw wrongOption(
      `The ${side} must be a Region and a table, got "${text}".`,
      'For example: ferry init us-east-1/Orders eu-west-1/Orders',
    );
  }
  const url = endpoint(`${side}-endpoint`, options);
  return { region, table, create: false, ...(url === undefined ? {} : { endpoint: url }) };
}

function refuseOverwriting(options: ParsedOptions): void {
  const path = options.text('config') ?? '';
  if (options.has('add') || !existsSync(path)) return;
  throw new UsageError(`${path} already exists, and was not changed.`, {
    code: 'config.exists',
    hint: 'Use --add to add the replication to the file, or name another file with --config.',
  });
}

/** Checked as every command checks it, then renamed into place. */
function writeConfig(replication: object, options: ParsedOptions): void {
  // Another process may have written the file since the first check.
  refuseOverwriting(options);
  const path = options.text('config') ?? '';
  const existing = existsSync(path) ? existingConfig(path) : { replications: [] };
  const config = {
    $schema: './ferry.schema.json',
    ...existing,
    replications: [...existing.replications, replication],
  };
  parseConfig(config, path);
  writeFileSync(`${path}.part`, `${JSON.stringify(config, undefined, 2)}\n`);
  renameSync(`${path}.part`, path);
}

function existingConfig(path: string): { replications: object[] } {
  const config = readConfigFile(path);
  loadConfig(path);
  const { replications = [], ...others } = config as { replications?: object[] };
  return { ...others, replications };
}

interface Outcome {
  readonly findings: readonly Finding[];
  readonly replication: { readonly name: string };
  readonly isFit: boolean;
}

function print(call: GivenCall, { findings, replication, isFit }: Outcome): void {
  const path = call.options.text('config') ?? '';
  const { name } = replication;
  printResult(call, { written: isFit ? path : null, findings, replication }, [
    ...findings.flatMap(({ severity, says, advice }) => [
      `${severity.padEnd(8)} ${says}`,
      `${' '.repeat(9)}${advice}`,
    ]),
    ...(isFit
      ? [
          `${path} describes the replication ${name}. Next:`,
          `  npx cdk deploy --all -c config=${resolve(path)}   (in the folder of Ferry)`,
          `  ferry backfill --replication ${name}`,
          `  ferry verify --replication ${name}`,
        ]
      : ['Nothing was written. Remove the causes of the errors first.']),
  ]);
}
