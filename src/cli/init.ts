// `ferry init`: checks tables before anything is deployed, lists errors and risks, and writes the configuration.

import { lookAtPair } from '../composition/pair-look.ts';
import { requireTable } from '../composition/table-check.ts';
import { entryOf } from '../init/entry.ts';
import { firstStep } from '../init/first-step.ts';
import { nameFrom } from '../init/replication-names.ts';
import { wrongOption } from './arguments.ts';
import { type GivenCall, printResult } from './call.ts';
import type { Command, ParsedOptions } from './command.ts';
import { initAll } from './init-all.ts';
import { entryOptionsOf, openFile, writeEntries } from './init-file.ts';
import { EXAMPLES, placesOf, requireSecret, sidesAt, tableAt } from './init-place.ts';
import { type CheckedPair, findingLines, isFit, nextSteps } from './init-result.ts';
import { EXIT } from './output.ts';
import { explained } from './service-errors.ts';
import { twinConstruct } from './twin-construct.ts';

export const initCommand: Command = {
  name: 'init',
  operands: ['SOURCE', 'DESTINATION'],
  options: {
    all: { help: 'check all tables; SOURCE and DESTINATION are Regions' },
    match: { value: 'PATTERN', many: true, help: "with --all, only such tables, as in 'prod-*'" },
    exclude: { value: 'PATTERN', many: true, help: 'with --all, no such tables' },
    verbose: { help: 'with --all, list every finding' },
    name: { value: 'NAME', help: 'name of the replication (default: from the source table)' },
    config: { value: 'FILE', help: 'file to write', default: 'ferry.json' },
    add: { help: 'add to an existing file, and change nothing else in it' },
    'create-destination': {
      help: 'only print CDK code that creates a twin with the same keys and indexes',
    },
    'kinesis-stream': {
      value: 'ARN',
      help: 'read changes from this Kinesis stream, not from the stream of the table',
    },
    'source-endpoint': { value: 'URL', help: 'DynamoDB endpoint of the source' },
    'destination-endpoint': { value: 'URL', help: 'DynamoDB endpoint of the destination' },
    'source-profile': { value: 'NAME', help: 'profile of the AWS configuration files' },
    'destination-profile': { value: 'NAME', help: 'the same for the destination' },
    'destination-secret': {
      value: 'ARN',
      help: 'for a destination in another partition, the secret with its access keys',
    },
    json: { help: 'print findings and configuration as one line of JSON' },
  },
  async run(options, io) {
    refuseContradictions(options);
    const call = { options, io };
    return explained({ hint: 'Nothing was written.' }, () => {
      if (options.has('all')) return initAll(call);
      return options.has('create-destination') ? printTwin(call) : initOne(call);
    });
  },
};

const OF_ONE = ['name', 'create-destination', 'kinesis-stream'];
const OF_ALL = ['match', 'exclude', 'verbose'];

function refuseContradictions(options: ParsedOptions): void {
  const isAll = options.has('all');
  const wrong = (isAll ? OF_ONE : OF_ALL).find(
    (name) => options.has(name) || options.text(name) !== undefined,
  );
  if (wrong === undefined) return;
  const what = isAll ? 'one table: leave out' : 'all tables of a Region: use';
  throw wrongOption(`--${wrong} is for ${what} --all.`, EXAMPLES);
}

function tablesOf(options: ParsedOptions) {
  return { source: tableAt('source', options), destination: tableAt('destination', options) };
}

async function printTwin(call: GivenCall): Promise<number> {
  const { source, destination } = tablesOf(call.options);
  const sides = sidesAt(placesOf({ source, destination }, {}, call));
  const facts = await requireTable(sides.source, source.table, 'source');
  call.io.out(twinConstruct(facts, destination, nameOf(source.table, call.options)));
  return EXIT.done;
}

async function initOne(call: GivenCall): Promise<number> {
  const { options } = call;
  const tables = tablesOf(options);
  const file = openFile(options);
  const { defaults = {} } = file.value;
  const places = placesOf(tables, defaults, call);
  requireSecret(places, defaults);
  const look = await lookAtPair({
    sides: sidesAt(places),
    source: tables.source.table,
    destination: tables.destination.table,
    reservedAttribute: defaults.reservedAttribute ?? '_ferry',
    projection: defaults.projection,
    kinesisStreamArn: kinesisStreamOf(options),
  });
  const name = nameOf(tables.source.table, options);
  const entry = entryOf(name, look, entryOptionsOf(file, places));
  if (isFit(look)) writeEntries([entry], {}, options);
  print(call, file.path, { look, entry, findings: look.findings });
  return isFit(look) ? EXIT.done : EXIT.failed;
}

function kinesisStreamOf(options: ParsedOptions): string | undefined {
  const arn = options.text('kinesis-stream');
  if (arn === undefined || /^arn:[^:]+:kinesis:[^:]+:\d{12}:stream\/[\w.-]+$/.test(arn)) return arn;
  throw wrongOption(
    `--kinesis-stream must be the ARN of a Kinesis stream, got "${arn}".`,
    '`aws kinesis describe-stream-summary` prints it as StreamARN.',
  );
}

function nameOf(table: string, options: ParsedOptions): string {
  return options.text('name') ?? nameFrom(table);
}

function print(call: GivenCall, path: string, pair: CheckedPair): void {
  const { findings, entry, look } = pair;
  const written = isFit(pair) ? path : null;
  const facts = { written, findings, replication: entry, firstStep: firstStep(look) };
  printResult(call, facts, [
    ...findingLines(findings),
    ...(isFit(pair)
      ? [
          `${path} describes the replication ${entry.name}. Next:`,
          ...nextSteps(path, [pair], false),
        ]
      : ['Nothing was written. Remove the causes of the errors first.']),
  ]);
}
