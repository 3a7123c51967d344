// `ferry adopt`: make the configured stream the one that writes to the twin from now on. It shows what it
// would do, and does it only with --apply.

import { randomBytes } from 'node:crypto';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { type DeployedSources, openEventSources } from '../composition/event-sources.ts';
import { openTablePair, streamOf, type TablePair } from '../composition/table-pair.ts';
import type { ReplicationConfig } from '../config/config.ts';
import { lookAgainSeconds } from '../config/names.ts';
import { UsageError } from '../errors.ts';
import { adopt, type AdoptContext, type AdoptStep, planNow } from '../switchover/adopt.ts';
import { adoptReporter, printAdopted, printPlan } from './adopt-result.ts';
import type { Command, ParsedOptions } from './command.ts';
import { EXIT, type Io } from './output.ts';
import { replicationFrom, replicationOptions } from './replication.ts';
import { explained } from './service-errors.ts';

export const adoptCommand: Command = {
  name: 'adopt',
  options: {
    ...replicationOptions,
    apply: { help: 'do it; the event source mapping is disabled for some minutes' },
    'as-is': {
      help: 'for a replication that runs with a release without control rows, before this one is deployed',
    },
    again: { help: 'open another epoch, although the control row is right' },
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    if (options.has('as-is') && options.has('again')) {
      throw new UsageError('--as-is and --again contradict each other.', {
        code: 'usage.options',
        hint: 'Leave one of them out.',
      });
    }
    const replication = replicationFrom(options.text('config') ?? '', options);
    return explained({ hint: HINT, replications: [replication] }, async () => {
      const pair = await openTablePair({ replication, concurrency: WORKERS, writes: true });
      const sources = await openEventSources(replication);
      try {
        return await run({ options, io, replication, pair, sources });
      } finally {
        sources?.close();
        pair.close();
      }
    });
  },
};

const HINT = 'Then run it again. If it has disabled an event source mapping, that is named above.';
const WORKERS = 8;

interface Call {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
  readonly pair: TablePair;
  readonly sources: DeployedSources | undefined;
}

async function run(call: Call): Promise<number> {
  const { options, sources } = call;
  const choice = { again: options.has('again'), asIs: options.has('as-is') };
  const reporter = adoptReporter(call.io, call.replication);
  const context = await contextOf(call, reporter.onStep);
  const plan = await planNow(choice, context);
  const mappings = (await sources?.mappings.list()) ?? [];
  const shown = {
    ...call,
    plan,
    choice,
    mappings,
    settleMs: context.settleMs,
    isDeployed: sources !== undefined,
  };
  if (!options.has('apply') || plan.kind === 'nothing' || plan.kind === 'refused') {
    return printPlan(shown);
  }
  reporter.begin(shown);
  try {
    const row = await adopt(choice, context);
    printAdopted({ ...shown, row });
    return EXIT.done;
  } catch (error) {
    reporter.tellDisabled();
    if (error !== call.io.interrupted.reason) throw error;
    call.io.err('Stopped. Run it again: it begins where it is safe.');
    return EXIT.differences;
  }
}

async function contextOf(
  { io, pair, sources }: Call,
  onStep: (step: AdoptStep) => void,
): Promise<AdoptContext> {
  const { rules, twinReader } = pair;
  const [destinationId, ledgerId] = await Promise.all([
    twinReader.tableId(rules.destinationTable),
    twinReader.tableId(rules.stateTable),
  ]);
  return {
    clock: io.clock ?? systemClock,
    random: systemRandom,
    stop: io.interrupted,
    rules,
    identity: {
      region: rules.sourceRegion,
      streamArn: streamOf(pair),
      reserved: rules.reservedAttribute,
      destinationId,
      ledgerId,
      tag: `adopt-${randomBytes(6).toString('hex')}`,
    },
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
