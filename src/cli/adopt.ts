// `ferry adopt`: lets the configured stream write to the twin. Without --apply, it only shows what it would do.

import { randomBytes } from 'node:crypto';
import { type DeployedSources, openEventSources } from '../composition/event-sources.ts';
import { retriesUntil } from '../composition/pair-work.ts';
import { openTablePair, sourceArnOf, type TablePair } from '../composition/table-pair.ts';
import { otherDirection } from '../config/directions.ts';
import { CLOSE_WAIT_MS, lookAgainSeconds } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { identify } from '../replicate/first-adoption.ts';
import { adopt, type AdoptContext, type AdoptStep, planNow } from '../switchover/adopt.ts';
import { wrongOption } from './arguments.ts';
import { adoptReporter, announceReading, printAdopted, printPlan } from './adopt-result.ts';
import { aboutReplication, type Call, type PairCall, withOpen } from './call.ts';
import type { Command, ParsedOptions } from './command.ts';
import { EXIT } from './output.ts';
import { replicationOptions, selectedReplication } from './replication.ts';

export const adoptCommand: Command = {
  name: 'adopt',
  options: {
    ...replicationOptions,
    apply: { help: 'adopt the stream; the event source mapping is disabled for some minutes' },
    'as-is': {
      help: 'keep epoch 1, for a replication of a release without control rows; run it before you deploy this release',
    },
    again: { help: 'open a new epoch even if the control row is correct' },
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    if (options.has('as-is') && options.has('again')) {
      throw wrongOption('--as-is and --again contradict each other.', 'Use one of them.');
    }
    const adopting = (call: Call) =>
      withOpen(openPair(call), (pair) =>
        withOpen(openBeside(call), (beside) =>
          withOpen(openEventSources(call.replication, call.sides), (sources) =>
            run({ ...call, pair, beside, sources }),
          ),
        ),
      );
    const replication = await selectedReplication(options);
    requireOneWay(replication, options);
    // Only an adoption goes on with what an adoption has closed.
    const work = { direction: 'active', mayWrite: 'unless-switched' } as const;
    return aboutReplication(replication, { options, io }, { hint: HINT, run: adopting, ...work });
  },
};

/** @throws UsageError for options that both directions have no use for: their epoch is that of the configuration. */
function requireOneWay({ name, twoWay }: ReplicationConfig, options: ParsedOptions): void {
  const given = twoWay && ['as-is', 'again'].find((option) => options.has(option));
  if (given === undefined) return;
  throw wrongOption(
    `--${given} is for replications in one direction, and ${name} is part of one in both.`,
    'Leave it out: adopt opens the epoch that the configuration has as "twoWay.epoch".',
  );
}

function openPair({ replication, sides }: Pick<Call, 'replication' | 'sides'>): Promise<TablePair> {
  const setup = { concurrency: WORKERS, writes: true, projection: undefined };
  return openTablePair({ replication, sides, ...setup });
}

/** The other direction: its twin is the source, whose ledger has a copy of the control row, too. */
async function openBeside({ replication, sides }: Call): Promise<TablePair | undefined> {
  if (replication.switching === undefined) return undefined;
  const exchanged = { source: sides.destination, destination: sides.source };
  return openPair({ replication: otherDirection(replication), sides: exchanged });
}

const HINT = 'Then run the command again. Any mapping that it has disabled is named above.';
const WORKERS = 8;

interface AdoptCall extends PairCall {
  /** Of a replication that can be switched. */
  readonly beside: TablePair | undefined;
  readonly sources: DeployedSources | undefined;
}

async function run(call: AdoptCall): Promise<number> {
  const { options, io, sources } = call;
  const choice = { again: options.has('again'), asIs: options.has('as-is') };
  const reporter = adoptReporter(call);
  const context = await contextOf(call, reporter.onStep);
  const plan = await planNow(choice, context);
  const mappings = (await sources?.mappings.list()) ?? [];
  const { settleMs } = context;
  const shown = { ...call, plan, choice, mappings, settleMs, isDeployed: sources !== undefined };
  if (!options.has('apply') || plan.kind === 'nothing' || plan.kind === 'refused') {
    return printPlan(shown);
  }
  announceReading(shown);
  try {
    printAdopted(shown, await adopt(choice, context));
    return EXIT.done;
  } catch (error) {
    reporter.listDisabled();
    if (error !== io.interrupted.reason) throw error;
    io.err('Stopped. Run the command again: it continues where it is safe.');
    return EXIT.differences;
  }
}

async function contextOf(
  { io, replication, pair, beside, sources }: AdoptCall,
  onStep: (step: AdoptStep) => void,
): Promise<AdoptContext> {
  const { region } = replication.source;
  const streamArn = sourceArnOf(replication, pair);
  const tag = `adopt-${randomBytes(6).toString('hex')}`;
  const placeOf = async (one: TablePair) => {
    const { rules, twinReader, twinWriter, twin, ledger } = one;
    const identity = await identify({ rules, streamArn, tag }, twinReader);
    return { rules, twinReader, twinWriter, twin, ledger, identity: { ...identity, region } };
  };
  const regions = { there: replication.destination.region, beside: region };
  const landMs = sources === undefined ? 0 : lookAgainSeconds(sources.timeoutSeconds) * 1000;
  return {
    ...retriesUntil(io.interrupted, io.clock),
    ...(await placeOf(pair)),
    beside: beside && { ...(await placeOf(beside)), regions },
    configured: replication.twoWay,
    mappings: sources?.mappings,
    settleMs: beside === undefined ? landMs : Math.max(landMs, CLOSE_WAIT_MS),
    workers: WORKERS,
    onStep,
  };
}
