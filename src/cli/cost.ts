// `ferry cost`: estimates what a replication costs a month, beside a global table with the same workload. With --actual,
// it compares the estimate with what the deployment has used.

import { systemClock } from '../aws/system-clock.ts';
import { costFigures } from '../composition/cost-figures.ts';
import { readConfigFile } from '../config/config-file.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { compared } from '../cost/actual.ts';
import { billOf } from '../cost/bill.ts';
import { fleetLines } from '../cost/fixed-lines.ts';
import { gatheringLines, globalTableLines, replicationLines } from '../cost/estimate.ts';
import { LISTED, type Prices, requirePrices, withOwnPrices } from '../cost/prices.ts';
import { type GivenWorkload, observedWorkload, type Workload } from '../cost/workload.ts';
import { ITEM_BYTES_MAX } from '../model/capacity.ts';
import { wrongOption } from './arguments.ts';
import { aboutReplication, type Call, type GivenCall } from './call.ts';
import { type Command, numberOption, type ParsedOptions } from './command.ts';
import { type Cost, printCost, printTotal } from './cost-result.ts';
import { EXIT } from './output.ts';
import { percentOption } from './percent-option.ts';
import { configIn, replicationsOptions, selectedReplications } from './replication.ts';

export const costCommand: Command = {
  name: 'cost',
  options: {
    ...replicationsOptions,
    'writes-per-second': {
      value: 'N',
      help: 'changed items a second, for example 0.5 (default: of the last 14 days)',
    },
    'item-bytes': numberOption(
      'BYTES',
      [1, ITEM_BYTES_MAX],
      'average size of an item (default: of the source)',
    ),
    'delete-share': { value: 'PERCENT', help: 'deletes among the writes, for example 5%' },
    'update-share': { value: 'PERCENT', help: 'updates among the writes; the others are inserts' },
    items: numberOption('N', [0, 1e12], 'items of the source'),
    shards: numberOption('N', [1, 100_000], 'shards of the stream'),
    'round-trip-ms': numberOption('MS', [0, 10_000], 'from Region to Region', 70),
    run: { help: 'with `ferry run` instead of functions' },
    prices: { value: 'FILE', help: 'own prices, in the form of src/cost/prices.json' },
    actual: { help: 'compare with what the deployment has used in the last 14 days' },
    json: { help: 'print one line of JSON per replication, and of several a total' },
  },
  async run(options, io) {
    if (options.has('run') && options.has('actual'))
      throw wrongOption('--actual and --run contradict each other.', 'Use one of them.');
    const prices = pricesOf(options);
    const given = givenWorkload(options);
    const replications = await selectedReplications(options);
    requirePrices(
      replications.flatMap(({ source, destination }) => [source.region, destination.region]),
      prices,
    );
    const costs: Cost[] = [];
    for (const replication of replications) {
      const cost = await costOf(replication, { call: { options, io }, prices, given });
      printCost(cost, { options, io, replication });
      costs.push(cost);
    }
    const fleet = billOf(hasFleet(options) ? fleetLines(replications) : [], prices);
    if (costs.length > 1 || fleet.dollars > 0) printTotal(costs, fleet, { options, io });
    return EXIT.done;
  },
};

interface Asked {
  readonly call: GivenCall;
  readonly prices: Prices;
  readonly given: GivenWorkload;
}

async function costOf(replication: ReplicationConfig, asked: Asked): Promise<Cost> {
  const { call, given } = asked;
  const { writesPerSecond, itemBytes, deleteShare = 0, updateShare = 0, items = 0 } = given;
  const isKnown = writesPerSecond !== undefined && itemBytes !== undefined;
  if (isKnown && !call.options.has('actual'))
    return estimated(
      replication,
      { writesPerSecond, itemBytes, deleteShare, updateShare, items },
      asked,
    );
  const found: Cost[] = [];
  const run = async (opened: Call) => {
    found.push(await observed(opened, asked));
    return EXIT.done;
  };
  await aboutReplication(replication, call, { hint: '', run });
  return found[0]!;
}

/** By what CloudWatch has of the source. */
async function observed({ replication, sides, options, io }: Call, asked: Asked): Promise<Cost> {
  const nowMs = (io.clock ?? systemClock).now();
  const isDeployed = options.has('actual');
  const { source, deployed } = await costFigures(replication, sides, { nowMs, isDeployed });
  const workload = observedWorkload(source, asked.given);
  const cost = { ...estimated(replication, workload, asked), observedSeconds: source.seconds };
  if (deployed === undefined) return cost;
  const { memoryMiB } = replication.function;
  return { ...cost, actual: compared(cost.bill, deployed, { memoryMiB, prices: asked.prices }) };
}

function estimated(
  replication: ReplicationConfig,
  workload: Workload,
  { call: { options }, prices }: Asked,
): Cost {
  const setting = {
    replication,
    workload,
    shards: options.integer('shards'),
    roundTripMs: options.integer('round-trip-ms') ?? 0,
    byProcess: options.has('run'),
  };
  const gathering = gatheringLines(setting);
  return {
    setting,
    prices,
    bill: billOf(replicationLines(setting), prices),
    gathering: gathering && billOf(gathering, prices).dollars,
    globalTable: billOf(globalTableLines(setting), prices),
  };
}

function hasFleet(options: ParsedOptions): boolean {
  return options.text('deployed') === undefined && configIn(options).fleet !== undefined;
}

function pricesOf(options: ParsedOptions): Prices {
  const path = options.text('prices');
  return path === undefined ? LISTED : withOwnPrices(readConfigFile(path).value, path);
}

/** @throws UsageError */
function givenWorkload(options: ParsedOptions): GivenWorkload {
  const [deletes, updates] = ['delete-share', 'update-share'].map((name) => {
    const percent = percentOption(name, options);
    return percent && percent / 100;
  });
  if ((deletes ?? 0) + (updates ?? 0) > 1)
    throw wrongOption('--delete-share and --update-share add up to more than 100%.', 'Lower one.');
  return {
    writesPerSecond: decimal('writes-per-second', options),
    itemBytes: options.integer('item-bytes'),
    deleteShare: deletes,
    updateShare: updates,
    items: options.integer('items'),
  };
}

function decimal(name: string, options: ParsedOptions): number | undefined {
  const text = options.text(name);
  if (text === undefined) return undefined;
  if (/^\d{1,9}(\.\d{1,6})?$/.test(text)) return Number(text);
  throw wrongOption(
    `--${name} must be a number, got "${text}".`,
    `For example --${name} 100, or 0.5.`,
  );
}
