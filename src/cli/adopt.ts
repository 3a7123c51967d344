// `ferry adopt`: lets the configured stream write to the twin. Without --apply, it only shows what it would do.

import { randomBytes } from 'node:crypto';
import { type DeployedSources, openEventSources } from '../composition/event-sources.ts';
import { retriesUntil } from '../composition/pair-work.ts';
import { openTablePair, streamOf } from '../composition/table-pair.ts';
import { lookAgainSeconds } from '../config/names.ts';
import { identify } from '../replicate/first-adoption.ts';
import { adopt, type AdoptContext, type AdoptStep, planNow } from '../switchover/adopt.ts';
import { wrongOption } from './arguments.ts';
import { adoptReporter, announceReading, printAdopted, printPlan } from './adopt-result.ts';
import { onReplication, type PairCall, withOpen } from './call.ts';
import type { Command } from './command.ts';
import { EXIT } from './output.ts';
import { replicationOptions } from './replication.ts';

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
    return onReplication({ options, io }, HINT, (call) => {
      const { replication, sides } = call;
      const opening = openTablePair({
        replication,
        sides,
        concurrency: WORKERS,
        writes: true,
        projection: undefined,
      });
      return withOpen(opening, (pair) =>
        withOpen(openEventSources(replication, sides), (sources) =>
          run({ ...call, pair, sources }),
        ),
      );
    });
  },
};

const HINT = 'Then run the command again. Any mapping that it has disabled is named above.';
const WORKERS = 8;

interface AdoptCall extends PairCall {
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
  { io, pair, sources }: AdoptCall,
  onStep: (step: AdoptStep) => void,
): Promise<AdoptContext> {
  const { rules, twinReader } = pair;
  const tag = `adopt-${randomBytes(6).toString('hex')}`;
  return {
    ...retriesUntil(io.interrupted, io.clock),
    rules,
    identity: await identify({ rules, streamArn: streamOf(pair), tag }, twinReader),
    twinReader,
    twinWriter: pair.twinWriter,
    twin: pair.twin,
    ledger: pair.ledger,
    mappings: sources?.mappings,
    settleMs: sources === undefined ? 0 : lookAgainSeconds(sources.timeoutSeconds) * 1000,
    workers: WORKERS,
    onStep,
  };
}
