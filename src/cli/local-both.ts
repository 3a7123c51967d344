// `ferry local --both`: applications write on both sides on this machine, each item in its home Region or every item in
// both, with a count of conflicts that uses no code of Ferry's.

import { parseConfig } from '../config/config.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { bothRun } from '../local/both/both-run.ts';
import { bothResult, type BothSummary } from '../local/both/both-summary.ts';
import type { BothDirections } from '../local/run/local-world.ts';
import { wrongOption } from './arguments.ts';
import { exitCode, printResult } from './call.ts';
import type { OptionSpec, ParsedOptions } from './command.ts';
import { progressLine, summaryRows, warnOfMissedRate } from './local-result.ts';
import { chosenReplication, DEFAULT, workloadOptions } from './local-setup.ts';
import { grouped, type Io } from './output.ts';
import { columns, figures, type Row } from './rows.ts';

export const bothOptions = {
  both: {
    help: 'write on both sides, with both directions; MODE is stamped (the default: every item on both sides, with the plug-in) or home (each item in its home Region)',
  },
} satisfies Readonly<Record<string, OptionSpec>>;

/** Behind --both. */
export const MODE = 'MODE';

const OTHER_STORIES = ['failover', 'keep', 'write-config', 'source-table'];

/** @throws UsageError where options contradict each other. */
export function isBoth(options: ParsedOptions): boolean {
  const mode = options.operand(MODE);
  if (!options.has('both')) {
    if (mode === '') return false;
    throw wrongOption(
      `ferry local takes only options, got "${mode}".`,
      'A mode belongs to --both: write `ferry local --both home`, for example.',
    );
  }
  const given = (name: string) => options.has(name) || options.text(name) !== undefined;
  const other = OTHER_STORIES.find(given);
  if (other !== undefined)
    throw wrongOption(`--both and --${other} cannot be combined.`, 'Use one of them.');
  return true;
}

export async function localBoth(options: ParsedOptions, io: Io): Promise<number> {
  const summary = await bothRun({
    ...(await workloadOptions(options, io)),
    // The functions tell what they repeat, and that is the story.
    onProblem: (problem) => {
      if (!problem.startsWith('{"event"')) io.err(problem);
    },
    replication: goingBothWays(options),
    faults: options.has('faults'),
    onStarted: (both, pageUrl) => {
      for (const line of introduction(both, pageUrl, options)) io.err(line);
    },
    onProgress: progressLine(io),
    onStory: (line) => io.err(line),
  });
  warnOfMissedRate(summary, io);
  const result = bothResult(summary);
  printResult({ options, io }, summary, [...figures(rowsOf(summary)), result.text]);
  return exitCode(result.clean);
}

/** @throws UsageError where the configuration and the mode do not fit. */
function goingBothWays(options: ParsedOptions): ReplicationConfig {
  const mode = options.operand(MODE);
  if (!['', 'home', 'stamped'].includes(mode))
    throw wrongOption(
      `The mode must be home or stamped, got "${mode}".`,
      'Leave it out for stamped.',
    );
  const chosen = chosenReplication(options);
  if (chosen === DEFAULT) return MODES[mode === 'home' ? 'home' : 'stamped'];
  if (chosen.twoWay === undefined)
    throw wrongOption(
      `--both needs a replication with "direction": "both", got ${chosen.name}, which is one-way.`,
      'Give another replication, or no configuration.',
    );
  if (mode !== '' && mode !== chosen.twoWay.mode)
    throw wrongOption(
      `The mode of ${chosen.name} is ${chosen.twoWay.mode}, got "${mode}".`,
      'Leave the mode out.',
    );
  return chosen;
}

const MODES = { home: byDefault('home'), stamped: byDefault('stamped') };

function byDefault(mode: 'home' | 'stamped'): ReplicationConfig {
  const { source, destination } = DEFAULT;
  const rule = { attribute: 'pk', prefix: 'eu#', region: destination.region };
  const home = { rules: [rule], otherwise: source.region };
  const twoWay = { mode, losers: 'keep', ...(mode === 'home' && { home }) };
  const entry = { name: DEFAULT.name, source, destination, direction: 'both', twoWay };
  const [outward] = parseConfig({ replications: [entry] }).replications;
  if (outward === undefined) throw new Error('no replication');
  return outward;
}

function introduction(
  { outward: { source, destination, replication } }: BothDirections,
  pageUrl: string,
  options: ParsedOptions,
): string[] {
  const { twoWay } = replication;
  return [
    ...columns([
      ['source', source.region, source.endpoint, replication.source.table],
      ['destination', destination.region, destination.endpoint, replication.destination.table],
    ]),
    `live page    ${pageUrl}`,
    `${options.text('rate')} writes/s on both sides for ${options.text('duration')} s, mode ${twoWay?.mode}; Ctrl-C ends it early`,
  ];
}

function rowsOf(summary: BothSummary): Row[] {
  const { own, strays, strayDifferences, conflicts, expectedConflicts } = summary;
  const { applicationWrites, ferryWrites, writesAtRest, lostWrites, losersKept } = summary;
  const perWrite = applicationWrites === 0 ? 0 : ferryWrites / applicationWrites;
  return [
    ...summaryRows(summary),
    ['own records', grouped(own)],
    ['stray writes', grouped(strays)],
    ['differences by strays, merged', grouped(strayDifferences)],
    ['conflicts', grouped(conflicts)],
    ["conflicts by the applications' log", grouped(expectedConflicts)],
    ['writes lost', grouped(lostWrites)],
    ['losers and strays kept', grouped(losersKept)],
    ["Ferry's writes", `${grouped(ferryWrites)}, ${perWrite.toFixed(2)} per write`],
    ["Ferry's writes at rest", grouped(writesAtRest)],
  ];
}
