// `ferry local`: runs Ferry on this machine, without an AWS account and without anything to clean up.

import { randomBytes } from 'node:crypto';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { duration } from '../text/duration.ts';
import { hashRules } from '../config/projection-settings.ts';
import { isMissed } from '../local/latency/reached-rate.ts';
import { localRun, type RunPlaces } from '../local/run/local-run.ts';
import type { LocalWorld } from '../local/run/local-world.ts';
import { resultOf } from '../local/run/run-result.ts';
import type { LocalRunProgress, LocalRunSummary } from '../local/run/run-summary.ts';
import { wrongOption } from './arguments.ts';
import { exitCode, printResult } from './call.ts';
import { type Command, numberOption, type OptionSpec, type ParsedOptions } from './command.ts';
import { chosenReplication, credentials, endpoint, localWorldOptions } from './local-setup.ts';
import { grouped, type Io } from './output.ts';
import { oncePerChange } from './progress.ts';
import { columns, figures, type Row } from './rows.ts';

export const local: Command = {
  name: 'local',
  options: {
    rate: numberOption('WRITES_PER_SECOND', [1, 10_000], 'writes to the source per second', 100),
    duration: numberOption('SECONDS', [1, 86_400], 'length of the workload', 30),
    items: numberOption('N', [1, 1_000_000], 'number of different keys', 1000),
    seed: numberOption('N', [0, 4_294_967_295], 'repeat the workload of an earlier run'),
    faults: {
      help: 'inject throttling, an outage, invalid records and a crash, then redrive; with --keep, you redrive',
    },
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
    const summary = await localRun({
      replication: chosenReplication(options),
      writesPerSecond: options.integer('rate') ?? 0,
      durationSeconds: options.integer('duration') ?? 0,
      items: options.integer('items') ?? 0,
      seed: options.integer('seed') ?? randomBytes(4).readUInt32BE(),
      sourceEndpoint: endpoint('source-endpoint', options),
      sourceTable: sourceTable(options),
      configPath: options.text('write-config'),
      destinationEndpoint: endpoint('destination-endpoint', options),
      sourcePort: options.integer('source-port'),
      destinationPort: options.integer('destination-port'),
      pagePort: options.integer('port'),
      credentials: await credentials(io),
      runId: randomBytes(3).toString('hex'),
      clock: systemClock,
      random: systemRandom,
      faults: options.has('faults'),
      stop: io.interrupted,
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

/** A status line that is updated on a terminal; elsewhere a line every few seconds, if the figures change. */
function reporting(options: ParsedOptions, io: Io) {
  const report = oncePerChange(io);
  const plainEvery = 10;
  let calls = 0;
  let configPath: string | undefined;
  return {
    onStarted: (world: LocalWorld, places: RunPlaces) => {
      configPath = places.configPath;
      for (const line of introduction(world, places, options)) io.err(line);
    },
    onProgress: (progress: LocalRunProgress) => {
      calls += 1;
      if (io.isTerminal || calls % plainEvery === 0) report(factsOf(progress, io));
    },
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
    onProblem: (problem: string) => io.err(problem),
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

/** Room for lag and dead letters, whatever their figures. */
const NARROW_COLUMNS = 60;

/** The most important first: a narrow terminal shows no more than these. */
function factsOf(progress: LocalRunProgress, { statusColumns }: Io): string[] {
  const { writes, applied, superseded, coalesced, deadLettered } = progress;
  const isNarrow = (statusColumns?.() ?? Infinity) < NARROW_COLUMNS;
  return [
    isNarrow ? `lag ${lagInBrief(progress)}` : `lag p50/p99 ${lagOf(progress)}`,
    `dead letters ${grouped(deadLettered)}`,
    `writes ${grouped(writes)}`,
    `applied ${grouped(applied)}`,
    `superseded ${grouped(superseded)}`,
    `coalesced ${grouped(coalesced)}`,
  ];
}

function lagOf({ latestLatencyMs: lag }: LocalRunProgress): string {
  return lag === undefined ? '-' : `${grouped(lag.p50)}/${grouped(lag.p99)} ms`;
}

function lagInBrief({ latestLatencyMs: lag }: LocalRunProgress): string {
  return lag === undefined ? '-' : `${duration(lag.p50)}/${duration(lag.p99)}`;
}

function printSummary(summary: LocalRunSummary, options: ParsedOptions, io: Io): void {
  warnOfMissedRate(summary, io);
  printResult({ options, io }, summary, [...figures(summaryRows(summary)), resultOf(summary).text]);
  if (options.has('json') || options.text('source-table') !== undefined) return;
  io.err(`To repeat this workload, use --seed ${summary.seed}.`);
}

function summaryRows(summary: LocalRunSummary): Row[] {
  const { latencyMs } = summary;
  const counts = ['writes', 'records', 'applied', 'superseded', 'coalesced', 'skipped'] as const;
  return [
    ...counts.map((name) => [name, grouped(summary[name])] as const),
    ['dead letters', grouped(summary.deadLettered)],
    ['given up', grouped(summary.givenUp)],
    ...redriveRows(summary),
    ['latency p50', `${grouped(latencyMs.p50)} ms`],
    ['latency p90', `${grouped(latencyMs.p90)} ms`],
    ['latency p99', `${grouped(latencyMs.p99)} ms`],
    ['writes/s', rateText(summary)],
    ['records/s', grouped(summary.recordsPerSecond)],
  ];
}

/** Without writes, no rate was asked for, or the run was stopped before. */
function missesRate({ writes, writesPerSecond, askedWritesPerSecond }: LocalRunSummary): boolean {
  return writes > 0 && isMissed(writesPerSecond, askedWritesPerSecond);
}

function rateText(summary: LocalRunSummary): string {
  const reached = grouped(summary.writesPerSecond);
  return missesRate(summary) ? `${reached} of ${grouped(summary.askedWritesPerSecond)}` : reached;
}

function warnOfMissedRate(summary: LocalRunSummary, io: Io): void {
  if (!missesRate(summary)) return;
  io.err(
    `The rate was missed: ${rateText(summary)} writes/s were reached. The source or this machine is too slow.`,
  );
}

function redriveRows({ redriven }: LocalRunSummary): Row[] {
  if (redriven === undefined) return [];
  const outcomes = ['applied', 'superseded', 'coalesced', 'resynchronized', 'left'] as const;
  return outcomes.map((name) => [`redriven: ${name}`, grouped(redriven[name])] as const);
}
