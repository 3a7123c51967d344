// `ferry latency`: measures the time from a write to its item at the twin, on this machine, at several write rates.

import { randomBytes } from 'node:crypto';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { CURVES_MAX, latencySvg } from '../local/latency/latency-svg.ts';
import { isMissed } from '../local/latency/reached-rate.ts';
import {
  type LatencyLevel,
  type LatencyProgress,
  type LatencyRun,
  latencyRun,
} from '../local/latency/latency-run.ts';
import type { LocalPlace } from '../local/run/local-place.ts';
import { wrongOption } from './arguments.ts';
import { exitCode, printResult } from './call.ts';
import { type Command, numberOption } from './command.ts';
import { latencyFacts, latencyText, milliseconds, rateText } from './latency-plot.ts';
import { chosenReplication, credentials, endpoint, localWorldOptions } from './local-setup.ts';
import { counted, grouped, type Io } from './output.ts';
import { checkPicture, writePicture } from './picture.ts';
import { progressReporter } from './progress.ts';
import { columns } from './rows.ts';

/** More than an embedded engine takes, so that a mistyped rate does not fill the memory. */
const RATE_MAX = 2_000;

export const latencyCommand: Command = {
  name: 'latency',
  options: {
    rates: {
      value: 'RATES',
      default: '30,90,180,300',
      help: 'writes per second of each level, separated by commas',
    },
    duration: numberOption('SECONDS', [1, 600], 'length of each level', 20),
    wait: numberOption('SECONDS', [1, 60], 'maximum wait for the last items of a level', 60),
    run: { help: 'also measure `ferry run`, both with strict tombstones, in turns' },
    svg: { value: 'FILE', help: 'also write the plot to this file, without --run' },
    json: { help: 'print the figures as one line of JSON' },
    ...localWorldOptions,
  },
  async run(options, io) {
    const rates = ratesOf(options.text('rates') ?? '');
    const svg = options.text('svg');
    const beside = options.has('run');
    if (svg !== undefined && beside)
      throw wrongOption('--svg does not go with --run.', 'Leave one of them out.');
    if (svg !== undefined) checkPicture(svg);
    const { projection, ...chosen } = chosenReplication(options);
    const replication = beside ? { ...chosen, tombstones: 'strict' as const } : chosen;
    if (projection !== undefined)
      io.err(
        'Latency is measured without the projection, which does not know the items of this run.',
      );
    const plan = `${rates.join(', ')} writes/s, ${options.text('duration')} s each; Ctrl-C ends it early`;
    const run = await latencyRun({
      replication,
      carriers: beside ? ['lambda', 'run'] : ['lambda'],
      rates,
      durationSeconds: options.integer('duration') ?? 0,
      waitSeconds: options.integer('wait') ?? 0,
      sourceEndpoint: endpoint('source-endpoint', options),
      destinationEndpoint: endpoint('destination-endpoint', options),
      credentials: await credentials(io),
      runId: randomBytes(3).toString('hex'),
      clock: systemClock,
      random: systemRandom,
      stop: io.interrupted,
      ...reporting(io, plan),
    });
    if (svg !== undefined) writePicture(svg, latencySvg(run.levels));
    printResult(
      { options, io },
      latencyFacts(run, svg),
      latencyText(run, svg, io.resultColumns?.()),
    );
    return verdict(run, rates.length * (beside ? 2 : 1), io);
  },
};

/** @throws UsageError */
function ratesOf(text: string): number[] {
  const rates = text.split(',').map((part) => (/^ *\d+ *$/.test(part) ? Number(part) : NaN));
  const good = rates.every((rate) => rate >= 1 && rate <= RATE_MAX) && rates.length <= CURVES_MAX;
  if (good && new Set(rates).size === rates.length) return rates;
  throw wrongOption(
    `--rates must be one to ${CURVES_MAX} different whole numbers from 1 to ${RATE_MAX}, separated by commas, got "${text}".`,
    'For example --rates 30,90,180,300.',
  );
}

/** A bar per level on a terminal; elsewhere a line every ten seconds. */
function reporting(io: Io, plan: string) {
  let level = -1;
  let toSay: string | undefined = plan;
  let report = progressReporter(io, systemClock, 'items');
  return {
    onStarted: ({ source, destination }: LocalPlace) => {
      for (const line of columns([
        ['source', source.region, source.endpoint],
        ['destination', destination.region, destination.endpoint],
      ]))
        io.err(line);
      if (toSay !== undefined) io.err(toSay);
      toSay = undefined;
    },
    onProgress: (progress: LatencyProgress) => {
      if (progress.level !== level) report = progressReporter(io, systemClock, 'items');
      level = progress.level;
      const onTheWay = progress.writes - progress.arrived;
      report({
        done: progress.arrived,
        expected: progress.planned,
        facts: [rateText(progress), `${grouped(Math.max(0, onTheWay))} in flight`],
      });
    },
    onLevel: (done: LatencyLevel) => {
      const { rate, writes, arrived, latencyMs } = done;
      const counts = `${grouped(arrived)} of ${grouped(writes)} arrived`;
      const times = `p50 ${milliseconds(latencyMs.p50)}, p99 ${milliseconds(latencyMs.p99)}`;
      io.err(`${rateText(done)}: ${counts}, ${times}`);
      if (isMissed(done.reachedRate, rate)) io.err(missedText(done));
    },
    onProblem: (problem: string) => io.err(problem),
  };
}

function missedText({ rate, reachedRate }: LatencyLevel): string {
  return `The rate was missed: ${grouped(reachedRate)} of ${grouped(rate)} writes/s were reached. The source or this machine is too slow.`;
}

function verdict({ levels }: LatencyRun, planned: number, io: Io): number {
  const sum = (of: (level: LatencyLevel) => number) =>
    levels.reduce((total, level) => total + of(level), 0);
  const missing = sum(({ writes, arrived }) => writes - arrived);
  const unwritten = sum(({ planned, writes }) => planned - writes);
  if (missing > 0) io.err(`${counted(missing, 'item')} did not arrive in time.`);
  if (unwritten > 0)
    io.err(`${counted(unwritten, 'write')} ${unwritten === 1 ? 'was' : 'were'} not made.`);
  const left = planned - levels.length;
  if (left > 0) io.err(`Stopped before ${left} of ${counted(planned, 'level')}.`);
  return exitCode(missing + unwritten + left === 0);
}
