// `ferry local --failover`: a switch there and back on this machine, or the loss of a Region and its return.

import { switchingProblems } from '../config/switching-rules.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { failoverRun, type FailoverSummary } from '../local/failover/failover-run.ts';
import type { SwitchOutcome } from '../local/failover/story.ts';
import type { BothDirections } from '../local/run/local-world.ts';
import { resultOf } from '../local/run/run-result.ts';
import { wrongOption } from './arguments.ts';
import { exitCode, printResult } from './call.ts';
import type { OptionSpec, ParsedOptions } from './command.ts';
import { progressLine, summaryRows, warnOfMissedRate } from './local-result.ts';
import { chosenReplication, DEFAULT, workloadOptions } from './local-setup.ts';
import { counted, grouped, type Io } from './output.ts';
import { columns, figures, type Row } from './rows.ts';

export const failoverOptions = {
  failover: {
    help: 'switch to the destination and back while the workload runs, with a proof of each; --duration is the time of writing before, between and after',
  },
  'source-lost': {
    help: 'with --failover: the Regions are cut off from each other, and applications write in both',
  },
} satisfies Readonly<Record<string, OptionSpec>>;

const OTHER_STORIES = ['faults', 'keep', 'write-config', 'source-table'];

/** @throws UsageError where options contradict each other. */
export function isFailover(options: ParsedOptions): boolean {
  if (!options.has('failover')) {
    if (!options.has('source-lost')) return false;
    throw wrongOption('--source-lost needs --failover.', 'Add it.');
  }
  const given = (name: string) => options.has(name) || options.text(name) !== undefined;
  const other = OTHER_STORIES.find(given);
  if (other === undefined) return true;
  throw wrongOption(`--failover and --${other} cannot be combined.`, 'Use one of them.');
}

export async function localFailover(options: ParsedOptions, io: Io): Promise<number> {
  const sourceLost = options.has('source-lost');
  const summary = await failoverRun({
    ...(await workloadOptions(options, io)),
    // The functions tell what they hold back, and that is the story.
    onProblem: (problem) => {
      if (!problem.startsWith('{"event"')) io.err(problem);
    },
    replication: switchable(chosenReplication(options)),
    sourceLost,
    onStarted: (both, pageUrl) => {
      for (const line of introduction(both, pageUrl, options)) io.err(line);
    },
    onProgress: progressLine(io),
    onStory: (line) => io.err(line),
  });
  warnOfMissedRate(summary, io);
  const result = resultOf(summary);
  printResult({ options, io }, summary, [...figures(rowsOf(summary)), result.text]);
  return exitCode(result.clean && (summary.stranded?.undecided ?? 0) === 0);
}

/** @throws UsageError where a switch could not keep its promises. */
function switchable(replication: ReplicationConfig): ReplicationConfig {
  const { destination, switching = DEFAULT.switching } = replication;
  if (switching === undefined) throw new Error('the replication of a local run can be switched');
  const { streamArn: _, ...settings } = switching;
  const changed = { ...replication, switching: settings };
  // The tables of the run are new.
  const checked = { ...changed, destination: { ...destination, create: true } };
  const [problem] = switchingProblems(new Map([[replication.name, checked]]));
  if (problem === undefined) return changed;
  throw wrongOption(`--failover: ${problem}.`, 'Give another replication, or none.');
}

function introduction(
  { outward: { source, destination, replication } }: BothDirections,
  pageUrl: string,
  options: ParsedOptions,
): string[] {
  const story = options.has('source-lost')
    ? 'the source is lost, and comes back'
    : 'to the destination and back';
  return [
    ...columns([
      ['source', source.region, source.endpoint, replication.source.table],
      ['destination', destination.region, destination.endpoint, replication.destination.table],
    ]),
    `live page    ${pageUrl}`,
    `${options.text('rate')} writes/s; ${story}. The waits of a switch are those of a real one: about two minutes in all`,
  ];
}

function rowsOf(summary: FailoverSummary): Row[] {
  const { own, strays, strandedRecords, stranded, switches } = summary;
  return [
    ...summaryRows(summary),
    ['own records', grouped(own)],
    ['stray writes', grouped(strays)],
    ...switches.flatMap(switchRows),
    ...(stranded === undefined
      ? []
      : [
          ['records kept of the lost Region', grouped(strandedRecords)] as const,
          ...Object.entries(stranded).map(([name, count]) => [name, grouped(count)] as const),
        ]),
  ];
}

function switchRows({ to, rtoSeconds, writesRefused, rpoSeconds, proof }: SwitchOutcome): Row[] {
  const rpo = rpoSeconds === null ? 'unknown' : `${rpoSeconds} s`;
  return [
    [`to ${to}: RPO`, proof.rpo.proven ? `${rpo}, proven` : `about ${rpo}`],
    [`to ${to}: RTO`, `${rtoSeconds} s, ${counted(writesRefused, 'write')} refused`],
  ];
}
