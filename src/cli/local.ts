// `ferry local`: runs Ferry on this machine, without an AWS account and without anything to clean up.

import { hashRules } from '../config/projection-settings.ts';
import { localRun, type RunPlaces } from '../local/run/local-run.ts';
import type { LocalWorld } from '../local/run/local-world.ts';
import { resultOf } from '../local/run/run-result.ts';
import type { LocalRunSummary } from '../local/run/run-summary.ts';
import { wrongOption } from './arguments.ts';
import { exitCode, printResult } from './call.ts';
import { type Command, numberOption, type OptionSpec, type ParsedOptions } from './command.ts';
import { bothOptions, isBoth, localBoth, MODE } from './local-both.ts';
import { failoverOptions, isFailover, localFailover } from './local-failover.ts';
import { chosenReplication, localWorldOptions, workloadOptions } from './local-setup.ts';
import { progressLine, summaryRows, warnOfMissedRate } from './local-result.ts';
import type { Io } from './output.ts';
import { columns, figures } from './rows.ts';

export const local: Command = {
  name: 'local',
  optionalOperand: MODE,
  options: {
    rate: numberOption('WRITES_PER_SECOND', [1, 10_000], 'writes to the source per second', 100),
    duration: numberOption('SECONDS', [1, 86_400], 'length of the workload', 30),
    items: numberOption('N', [1, 1_000_000], 'number of different keys', 1000),
    seed: numberOption('N', [0, 4_294_967_295], 'repeat the workload of an earlier run'),
    faults: {
      help: 'inject throttling, an outage, invalid records and a crash, then redrive; with --keep, you redrive',
    },
    ...failoverOptions,
    ...bothOptions,
    keep: { help: 'run until Ctrl-C, and write a configuration file for the other commands' },
    'write-config': {
      value: 'FILE',
      help: 'path of that file, which must not exist (default: in a new folder)',
    },
    port: portOption('port of the live page (default: a free one)'),
    json: { help: 'print the summary as one line of JSON; with --keep, again at the end' },
    ...localWorldOptions,
    'source-table': {
      value: 'NAME',
      help: 'replicate this table of --source-endpoint instead of a new one; it must have a stream; it is only read, and its items are copied at once',
    },
    'source-port': portOption('port of the embedded source Region'),
    'destination-port': portOption('port of the embedded destination Region'),
  },
  async run(options, io) {
    requireDifferentPorts(options);
    if (isBoth(options)) return localBoth(options, io);
    if (isFailover(options)) return localFailover(options, io);
    const summary = await localRun({
      ...(await workloadOptions(options, io)),
      replication: chosenReplication(options),
      sourceTable: sourceTable(options),
      configPath: options.text('write-config'),
      faults: options.has('faults'),
      keep: options.has('keep'),
      ...reporting(options, io),
    });
    printSummary(summary, options, io);
    return exitCode(resultOf(summary).clean);
  },
};

function portOption(help: string): OptionSpec {
  return numberOption('PORT', [1, 65_535], help);
}

/** @throws UsageError where two options name one port. */
function requireDifferentPorts(options: ParsedOptions): void {
  const given = ['source-port', 'destination-port', 'port'].flatMap((name) => {
    const port = options.integer(name);
    return port === undefined ? [] : [{ name: `--${name}`, port }];
  });
  for (const { port } of given) {
    const names = given.filter((one) => one.port === port).map(({ name }) => name);
    if (names.length === 1) continue;
    throw wrongOption(
      `${names.join(' and ')} must be different, got ${port} for each.`,
      'Without the option, Ferry chooses a free port.',
    );
  }
}

function reporting(options: ParsedOptions, io: Io) {
  let configPath: string | undefined;
  return {
    onStarted: (world: LocalWorld, places: RunPlaces) => {
      configPath = places.configPath;
      for (const line of introduction(world, places, options)) io.err(line);
    },
    onProgress: progressLine(io),
    onVerified: (summary: LocalRunSummary) => {
      printSummary(summary, options, io);
      io.err(
        'The replication continues. Write to the source table, and read its twin. Ctrl-C ends it.',
      );
      if ((summary.redriven?.left ?? 0) === 0) return;
      io.err(`Redrive the dead letters with: ferry redrive --config ${configPath}`);
    },
    onDeployed: (digest: string | undefined) =>
      io.err(
        `Deployed the function with ${digest === undefined ? 'no projection' : `projection ${shortDigest(digest)}`}.`,
      ),
    onFault: (line: string) => io.err(line),
  };
}

/** @throws UsageError where no endpoint is given. */
function sourceTable(options: ParsedOptions): string | undefined {
  const table = options.text('source-table');
  if (table === undefined || options.text('source-endpoint') !== undefined) return table;
  throw wrongOption(
    '--source-table needs --source-endpoint, because the embedded engine starts empty.',
    'Add the endpoint that has the table, for example http://127.0.0.1:8000.',
  );
}

function introduction(
  { source, destination, replication, projection }: LocalWorld,
  { pageUrl, configPath }: RunPlaces,
  options: ParsedOptions,
): string[] {
  const seconds = options.text('duration');
  const isOwn = options.text('source-table') !== undefined;
  return [
    ...columns([
      ['source', source.region, source.endpoint, replication.source.table],
      ['destination', destination.region, destination.endpoint, replication.destination.table],
    ]),
    ...(projection === undefined ? [] : [`projection   ${shortDigest(projection.digest)}`]),
    ...(hashRules(replication).length === 0 ? [] : [HASH_KEYS]),
    `live page    ${pageUrl}`,
    ...(configPath === undefined ? [] : [`commands     ferry status --config ${configPath}`]),
    isOwn
      ? `Copies ${replication.source.table}, and replicates its changes for ${seconds} s; Ctrl-C ends it early`
      : `${options.text('rate')} writes/s for ${seconds} s; Ctrl-C ends it early`,
  ];
}

const HASH_KEYS =
  'hash keys    made for this run: the hashes differ from those of the real secrets';

const shortDigest = (digest: string) => `${digest.slice(0, 12)}…`;

function printSummary(summary: LocalRunSummary, options: ParsedOptions, io: Io): void {
  warnOfMissedRate(summary, io);
  printResult({ options, io }, summary, [...figures(summaryRows(summary)), resultOf(summary).text]);
  if (options.has('json') || options.text('source-table') !== undefined) return;
  io.err(`To repeat this workload, use --seed ${summary.seed}.`);
}
