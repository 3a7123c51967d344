// What a run of a switch has of the world: both sides, both directions, and the fences.

import { deadLetterIn } from './letters.ts';
import { unfinishedBackfill } from '../../../src/backfill/run.ts';
import { leasedWriter, switchLease } from '../../../src/replicate/lease.ts';
import type { TablePolicy } from '../../../src/ports.ts';
import { policyFence, promisedFence } from '../../../src/switching/policy-fence.ts';
import type {
  Fence,
  SwitchDirection,
  SwitchPorts,
  SwitchSide,
} from '../../../src/switching/ports.ts';
import { readerPort } from '../ports.ts';
import type { Process } from '../process.ts';
import { SECOND } from '../plan.ts';
import { happens } from '../random.ts';
import { keyAttributesOf } from './keys.ts';
import type { Side } from './plan.ts';
import { TABLE_ARN } from './region.ts';
import { readerOf, type Witness, writerTo } from './ports.ts';
import { otherSide, type SwitchWorld } from './world.ts';

interface Run {
  readonly world: SwitchWorld;
  readonly process: Process;
  readonly witness: Witness;
}

export function switchPortsFor(world: SwitchWorld, process: Process, target: Side): SwitchPorts {
  const run = { world, process, witness: { seen: new Map() } };
  const old = otherSide(target);
  const ports: SwitchPorts = {
    replication: 'orders',
    target: sideFor(run, target),
    old: sideFor(run, old),
    drained: directionFor(run, old),
    back: directionFor(run, target),
    markers: true,
    clock: process.clock(),
    monotonicMs: () => run.world.scheduler.now(),
    random: process.facts.random,
    stop: new AbortController().signal,
  };
  return world.mutation.switchPorts?.(ports, world) ?? ports;
}

function sideFor(run: Run, side: Side): SwitchSide {
  const { world, process } = run;
  const region = world.regions[side];
  const { settings } = world.functions[otherSide(side)];
  const network = world.link('operator', side);
  const options = { ...run, from: 'operator' as const };
  const call = <T>(action: () => T) => network.send(process, 'destination', action);
  const parts = { process, network, db: world.db, service: 'destination' as const };
  const onRead = () => () => undefined;
  return {
    region: region.name,
    streamArn: region.stream.arn,
    keys: keyAttributesOf(world.plan.settings.keyShape),
    rules: settings,
    reader: readerOf(options, side),
    writer: writerTo(options, side, false),
    table: readerPort({ ...parts, table: region.table, onRead }),
    ledger: readerPort({ ...parts, table: region.ledger, onRead }),
    stream: region.streamReader(call, () => !world.isCalm() && happens(process.facts.random, 0.2)),
    fence: fenceFor(run, side),
    serviceSeconds: () => call(() => Math.floor(world.scheduler.now() / SECOND)),
  };
}

function fenceFor({ world, process }: Run, side: Side): Fence {
  const { policy } = world.regions[side];
  const network = world.link('operator', side);
  const { scheduler, plan } = world;
  const { random } = process.facts;
  const call = <T>(action: () => T) => network.send(process, 'destination', action);
  const seenMs = (max: number) => scheduler.now() - random.next() * max;
  const port: TablePolicy = {
    read: () => call(() => policy.read(seenMs(Math.min(1_500, plan.fence.delayMs)))),
    replace: (found, text) =>
      call(() => {
        const outcome = policy.replace(found, text, scheduler.now());
        world.tell(
          () =>
            `${process.facts.name}: policy in the ${side} is ${outcome}: ${JSON.stringify(policy.state())}`,
        );
        return outcome;
      }),
  };
  const fence = policyFence({
    tableArn: TABLE_ARN,
    policy: port,
    exempt: ['arn:aws:iam::111122223333:role/operator'],
    inbound: ['arn:aws:iam::111122223333:role/inbound'],
    probe: () => call(() => (policy.at(seenMs(plan.fence.delayMs)).fence ? 'refused' : 'writable')),
    clock: process.clock(),
  });
  return plan.fence.isPromised ? promisedFence(fence) : fence;
}

function directionFor(run: Run, source: Side): SwitchDirection {
  const { world, process } = run;
  const of = world.functions[source];
  const { settings: rules, destination } = of;
  const options = { ...run, from: 'operator' as const };
  const setup = {
    copies: {
      source: { reader: readerOf(options, source), rules: of.back().settings },
      destination: { reader: readerOf(options, destination), rules },
    },
    region: rules.sourceRegion,
    clock: process.clock(),
    monotonicMs: () => world.scheduler.now(),
  };
  const lease = switchLease(world.mutation.lease?.(setup, world) ?? setup);
  let epoch: number | undefined;
  const permit = async () => {
    if (epoch === undefined) {
      const { consent } = await lease.look();
      if (consent.kind === 'open') epoch = consent.epoch.n;
    }
    await lease.permit(epoch ?? 0)();
  };
  return {
    rules,
    twinWriter: leasedWriter(writerTo(options, destination, true), permit),
    lookAgain: of.lookAgain.port(process, 'operator'),
    letters: { read: () => deadLetterIn(world, process, of) },
    bucket: of.bucketFor(process, 'operator'),
    unfinishedBackfill: async () => {
      const ledger = sideFor(run, destination).ledger;
      const stop = new AbortController().signal;
      const retries = { clock: process.clock(), random: process.facts.random, stop };
      return (await unfinishedBackfill({ ...retries, rules, ledger })) !== undefined;
    },
  };
}
