// Both sides of a replication and both directions between them, opened for a switch.

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Access, Sides } from '../aws/access.ts';
import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import { dynamoDbStreamReader } from '../aws/dynamodb-streams.ts';
import { dynamoDbTwinReader, dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { namingFailures } from '../aws/named-failures.ts';
import { streamsClient } from '../aws/stream-ranges.ts';
import { serviceSeconds } from '../aws/service-time.ts';
import { systemClock, systemMonotonicMs } from '../aws/system-clock.ts';
import { otherDirection } from '../config/directions.ts';
import type { Side } from '../config/identity.ts';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import { controlKey } from '../model/control-item.ts';
import type { TableFacts } from '../model/table-facts.ts';
import type { RetryContext } from '../pacing/retry.ts';
import type { Fence, SwitchPorts, SwitchSide } from '../switching/ports.ts';
import type { Environment } from './keyring.ts';
import { openSwitchDirection } from './switch-direction.ts';
import { openTallyPlace } from './switch-tally.ts';
import { type OpenFence, openFence } from './switch-fence.ts';
import { checkTables, requireTable } from './table-check.ts';
import { writeRules } from './write-rules.ts';

export interface SwitchSetup extends RetryContext {
  /** As the configuration has it. */
  readonly replication: ReplicationConfig;
  /** Each reaches everything of Ferry's beside its table, too. */
  readonly sides: Sides;
  /** What is to be active. */
  readonly target: Side;
  /** The operator promises that no application writes. */
  readonly fencedByApplication: boolean;
  /** Of the side that is not the target: nothing there is asked before the switch does. */
  readonly isLost: boolean;
  readonly environment: Environment;
  /** Of both tables. @default as the configuration and the operator say */
  readonly fences?: Readonly<Record<Side, Fence>> | undefined;
}

export interface OpenSwitch {
  readonly ports: SwitchPorts;
  /**
   * Before anything is changed.
   * @throws UsageError `fence.size`, `fence.policy` or `fence.probe` where the fence could not be raised.
   */
  check(): Promise<void>;
  close(): void;
}

/** @throws FerryError where the deployment or the tables do not fit. */
export async function openSwitchPorts(setup: SwitchSetup): Promise<OpenSwitch> {
  const { replication, isLost, clock, random, stop } = setup;
  const opened: Array<{ close(): void }> = [];
  const close = () => {
    for (const one of opened) one.close();
  };
  try {
    const [there, here] = await placesOf(setup);
    const targetSide = await openSide(there, setup, opened);
    const oldSide = await openSide(here, setup, opened);
    const between = async (from: Place, sides: { source: SwitchSide; destination: SwitchSide }) => {
      const direction = await openSwitchDirection({
        direction: from.starting,
        sides: { source: from.access, destination: (from === here ? there : here).access },
        ...sides,
        isLost: isLost && from === here,
        clock,
        random,
        stop,
      });
      opened.push(direction);
      return direction;
    };
    const [a, b] = [oldSide.side, targetSide.side];
    const tally = openTallyPlace(replication, there.access);
    if (tally !== undefined) opened.push(tally);
    const ports: SwitchPorts = {
      replication: replication.name,
      target: b,
      old: a,
      drained: await between(here, { source: a, destination: b }),
      back: await between(there, { source: b, destination: a }),
      markers: replication.switching?.markers ?? true,
      tally,
      clock,
      // Of another clock than the machine's, there is no second one.
      monotonicMs: clock === systemClock ? systemMonotonicMs : () => clock.now(),
      random,
      stop,
    };
    const fences = isLost ? [] : [oldSide.fence, targetSide.fence];
    const check = async () => {
      for (const fence of fences) await fence.check();
    };
    return { ports, check, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** A table, as the direction that starts at it and the one that ends there have it. */
interface Place {
  readonly access: Access;
  readonly starting: ReplicationConfig;
  readonly ending: ReplicationConfig;
  readonly facts: Pick<TableFacts, 'arn' | 'keys' | 'stream'>;
}

/** The target's, and the other one. */
async function placesOf(setup: SwitchSetup): Promise<readonly [Place, Place]> {
  const { replication, target, isLost } = setup;
  const back = otherDirection(replication);
  const { source, destination } = accessesOf(setup);
  const [toTarget, fromTarget] =
    target === 'destination' ? [replication, back] : [back, replication];
  const [there, here] = target === 'destination' ? [destination, source] : [source, destination];
  const facts = isLost
    ? await factsWithout({ toTarget, there })
    : await bothFacts(setup, { source, destination });
  return [
    { access: there, starting: fromTarget, ending: toTarget, facts: facts.there },
    { access: here, starting: toTarget, ending: fromTarget, facts: facts.here },
  ];
}

/** Services beside the destination have the endpoints of the way back. */
function accessesOf({ replication, sides: { source, destination } }: SwitchSetup): Sides {
  const { endpoints = otherDirection(replication).source.endpoints } = destination;
  return { source, destination: { ...destination, endpoints } };
}

/** Both streams must be fit: each is read after one switch or another. */
async function bothFacts({ replication, target }: SwitchSetup, { source, destination }: Sides) {
  const needsStream = true;
  const out = await checkTables(replication, { sides: { source, destination }, needsStream });
  await checkTables(otherDirection(replication), {
    sides: { source: destination, destination: source },
    needsStream,
  });
  return target === 'destination'
    ? { here: out.source, there: out.destination }
    : { here: out.destination, there: out.source };
}

interface Towards {
  readonly toTarget: ReplicationConfig;
  readonly there: Access;
}

/** What is known of a table that cannot be asked. */
async function factsWithout({ toTarget, there }: Towards) {
  const found = await requireTable(there, toTarget.destination.table, 'destination');
  const { account = accountIn(found.arn), region, table, streamArn = '' } = toTarget.source;
  const [, partition = 'aws'] = found.arn.split(':');
  const arn = `arn:${partition}:dynamodb:${region}:${account}:table/${table}`;
  const here = { arn, keys: found.keys, stream: { arn: streamArn, viewType: '' } };
  return { there: found, here };
}

const accountIn = (arn: string) => arn.split(':')[4] ?? '';

interface OpenSide {
  readonly side: SwitchSide;
  readonly fence: OpenFence;
}

async function openSide(
  place: Place,
  setup: SwitchSetup,
  opened: Array<{ close(): void }>,
): Promise<OpenSide> {
  const { access, ending, starting, facts } = place;
  const { region, table } = starting.source;
  const streamArn = facts.stream?.arn ?? '';
  const keyAttributes = facts.keys.map(({ name }) => name);
  const writer = namingFailures(writeClient({ ...access, concurrency: 16 }));
  const reads = readClient(access);
  const streams = streamsClient(access);
  const clients: ReadonlyArray<Pick<DynamoDBClient, 'destroy'>> = [writer, reads, streams];
  opened.push(...clients.map((client) => ({ close: () => client.destroy() })));
  const { replication, target, fencedByApplication, isLost, environment, clock } = setup;
  const fence = await openFence({
    access,
    table,
    starting,
    ending,
    fencedByApplication,
    environment,
    clock,
    client: reads,
    tableArn: facts.arn,
    keys: facts.keys,
    // Whose credentials they are is asked in a Region that answers.
    callerRegion: isLost ? replication[target].region : region,
    promised: setup.fences?.[starting === replication ? 'source' : 'destination'],
  });
  const side: SwitchSide = {
    region,
    streamArn,
    keys: facts.keys,
    rules: writeRules(ending),
    reader: dynamoDbTwinReader(writer),
    writer: dynamoDbTwinWriter(writer),
    table: dynamoDbReader(reads, { table, keyAttributes }),
    ledger: dynamoDbReader(reads, {
      table: ending.stateTable,
      keyAttributes: [LEDGER_ATTRIBUTES.id],
    }),
    stream: dynamoDbStreamReader(streams, streamArn),
    fence: fence.fence,
    // Only the clock of the machine can be wrong.
    serviceSeconds: async () =>
      clock === systemClock
        ? serviceSeconds(reads, ending.stateTable, controlKey({ replication: ending.name }))
        : undefined,
  };
  return { side, fence };
}

export function requireSwitching({ name, switching }: ReplicationConfig): void {
  if (switching !== undefined) return;
  throw new UsageError(`${name} cannot be switched: it has no "switching" in its configuration.`, {
    code: 'switching.off',
    hint: 'Add "switching" and deploy the replication.',
  });
}
