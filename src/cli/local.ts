// `ferry local`: see Ferry work on this machine, with no account and nothing to clean up.

import { randomBytes } from 'node:crypto';
import { systemClock, systemRandom } from '../adapters/system-clock.ts';
import { localRun, type LocalRunProgress, type LocalRunSummary } from '../local/local-run.ts';
import type { LocalWorld } from '../local/local-world.ts';
import { UsageError } from '../errors.ts';
import { endingOf } from '../local/run-ending.ts';
import type { Command, ParsedOptions } from './command.ts';
import { chosenReplication, credentials, endpoint, localWorldOptions } from './local-setup.ts';
import { alignedRows, EXIT, grouped, type Io } from './output.ts';

export const local: Command = {
  name: 'local',
  options: {
    rate: {
      value: 'WRITES_PER_SECOND',
      range: [1, 10_000],
      default: '100',
      help: 'writes to the source per second',
    },
    duration: {
      value: 'SECONDS',
      range: [1, 86_400],
      default: '30',
      help: 'length of the workload',
    },
    items: { value: 'N', range: [1, 1_000_000], default: '1000', help: 'number of different keys' },
    seed: { value: 'N', range: [0, 4_294_967_295], help: 'repeats the workload of an earlier run' },
    faults: { help: 'throttle, cut off, poison and crash it on the way, then redrive' },
    keep: { help: 'stay up after the comparison, until Ctrl-C' },
    port: {
      value: 'PORT',
      range: [1, 65_535],
      help: 'port of the live page (default: a free one)',
    },
    json: { help: 'print the summary as one line of JSON' },
    ...localWorldOptions,
    'source-port': {
      value: 'PORT',
      range: [1, 65_535],
      help: 'port of the embedded source Region',
    },
    'destination-port': {
      value: 'PORT',
      range: [1, 65_535],
      help: 'port of the embedded destination Region',
    },
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
      destinationEndpoint: endpoint('destination-endpoint', options),
      sourcePort: options.integer('source-port'),
      destinationPort: options.integer('destination-port'),
      pagePort: options.integer('port'),
      credentials: credentials(io),
      runId: randomBytes(3).toString('hex'),
      clock: systemClock,
      random: systemRandom,
      faults: options.has('faults'),
      stop: io.interrupted,
      keep: options.has('keep'),
      ...reporting(options, io),
    });
    printSummary(summary, options, io);
    return endingOf(summary).clean ? EXIT.done : EXIT.differences;
  },
};

/** @throws UsageError, where the second to come would find the port in use. */
function requireDifferentPorts(options: ParsedOptions): void {
  const given = ['source-port', 'destination-port', 'port'].flatMap((name) => {
    const port = options.integer(name);
    return port === undefined ? [] : [{ name: `--${name}`, port }];
  });
  for (const { port } of given) {
    const names = given.filter((one) => one.port === port).map(({ name }) => name);
    if (names.length === 1) continue;
    throw new UsageError(`${names.join(' and ')} must be different, got ${port} for each.`, {
      code: 'usage.options',
      hint: 'Leave out a port to let a free one be chosen.',
    });
  }
}

/** A status line that renews itself on a terminal, and a line every few seconds elsewhere. */
function reporting(options: ParsedOptions, io: Io) {
  const plainEvery = 10;
  let calls = 0;
  return {
    onStarted: (world: LocalWorld, pageUrl: string) => {
      for (const line of introduction(world, pageUrl, options)) io.err(line);
    },
    onProgress: (progress: LocalRunProgress) => {
      calls += 1;
      if (io.isTerminal) io.status(statusLine(progress));
      else if (calls % plainEvery === 0) io.err(statusLine(progress));
    },
    onVerified: (summary: LocalRunSummary) => {
      printSummary(summary, options, io);
      io.err('Still replicating. Write to the source table and look at its twin; Ctrl-C ends it.');
    },
    onProblem: (problem: string) => io.err(problem),
    onStory: (line: string) => io.err(line),
  };
}

function introduction(
  { source, destination, replication }: LocalWorld,
  pageUrl: string,
  options: ParsedOptions,
): string[] {
  return [
    `source       ${source.region}  ${source.endpoint}  ${replication.source.table}`,
    `destination  ${destination.region}  ${destination.endpoint}  ${replication.destination.table}`,
    `live page    ${pageUrl}`,
    `${options.text('rate')} writes/s for ${options.text('duration')} s; Ctrl-C ends it early`,
  ];
}

function statusLine(progress: LocalRunProgress): string {
  const { writes, applied, superseded, coalesced, deadLettered, latestLatencyMs } = progress;
  const lag =
    latestLatencyMs === undefined ? '-' : `${latestLatencyMs.p50}/${latestLatencyMs.p99} ms`;
  return [
    `writes ${grouped(writes)}`,
    `applied ${grouped(applied)}`,
    `superseded ${grouped(superseded)}`,
    `coalesced ${grouped(coalesced)}`,
    `dead letters ${grouped(deadLettered)}`,
    `lag p50/p99 ${lag}`,
  ].join('  ');
}

function printSummary(summary: LocalRunSummary, options: ParsedOptions, io: Io): void {
  if (options.has('json')) {
    io.out(JSON.stringify(summary));
    return;
  }
  const { latencyMs } = summary;
  const counts = (
    ['writes', 'records', 'applied', 'superseded', 'coalesced', 'skipped'] as const
  ).map((name) => [name, grouped(summary[name])] as const);
  const rows = [
    ...counts,
    ['dead letters', grouped(summary.deadLettered)],
    ['given up', grouped(summary.givenUp)],
    ...redriveRows(summary),
    ['latency p50', `${latencyMs.p50} ms`],
    ['latency p90', `${latencyMs.p90} ms`],
    ['latency p99', `${latencyMs.p99} ms`],
    ['records/s', grouped(summary.recordsPerSecond)],
  ] as const;
  for (const line of alignedRows(rows)) io.out(line);
  io.out(endingOf(summary).text);
  io.err(`Repeat this workload with --seed ${summary.seed}.`);
}

function redriveRows({ redriven }: LocalRunSummary): Array<readonly [string, string]> {
  if (redriven === undefined) return [];
  const { applied, superseded, left } = redriven;
  return [
    ['redriven: applied', grouped(applied)],
    ['redriven: superseded', grouped(superseded)],
    ['redriven: left', grouped(left)],
  ];
}
