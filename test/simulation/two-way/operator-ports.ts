// The production ports of a process of an operator, which reaches both sides: for what goes by the rules of a function, and
// for merges.

import type { MergeContext } from '../../../src/merge/merge-key.ts';
import { retryingReader, retryingTable } from '../../../src/pacing/retrying.ts';
import type { TwinReader, TwinWriter } from '../../../src/ports.ts';
import {
  type Database,
  destinationPort,
  destinationReaderPort,
  executedBy,
  readerPort,
} from '../ports.ts';
import type { Process } from '../process.ts';
import type { Side } from '../switching/plan.ts';
import { mergeContext } from './merging.ts';
import type { Way } from './mutant.ts';
import { otherSide, type TwoWayWorld } from './world.ts';

export function retriesOf(process: Process) {
  const { random } = process.facts;
  return { clock: process.clock(), random, stop: new AbortController().signal };
}

/** What goes by the rules of a function is judged as what the function writes. */
export function byRules(source: Side, way: Way, process: Process, world: TwoWayWorld) {
  const ports = portsOf(way === 'near' ? source : otherSide(source), process, world, world.db);
  const writer: TwinWriter = {
    write(request) {
      world.judge.onRequest(request, way, process);
      return ports.writer.write(request);
    },
  };
  return { ...ports, writer };
}

/** As a command opens it: without a deadline, and each request repeated. */
export function mergeBy(process: Process, world: TwoWayWorld): MergeContext {
  const { plan, functions } = world;
  const retries = retriesOf(process);
  const db = inNameOfMerge(process, world);
  return mergeContext(world, {
    ...retries,
    portsAt(side) {
      const { table, ledger, writer } = portsOf(side, process, world, db);
      return {
        table: retryingReader(table, retries),
        ledger: retryingReader(ledger, retries),
        twinWriter: retryingTable(writer, retries),
        bucket: plan.losers === 'keep' ? functions[side].places.bucket(process) : undefined,
      };
    },
  });
}

/** What a merge writes is no function's: it has versions of both sides. */
function inNameOfMerge({ facts }: Process, world: TwoWayWorld): Database {
  return executedBy(world.db, (request, _, cancelled) => {
    const reply = world.db.execute(request, { merge: request }, cancelled);
    if (reply.kind === 'written' && facts.kind === 'redrive') world.note('merged by redrive');
    return reply;
  });
}

function portsOf(side: Side, process: Process, world: TwoWayWorld, db: Database) {
  const network = world.link('operator', side);
  const parts = { process, network, db };
  const items = (table: string) =>
    readerPort({ ...parts, service: 'destination', table, onRead: () => () => undefined });
  const reader: TwinReader = destinationReaderPort({ ...parts });
  return {
    reader,
    writer: destinationPort({ ...parts, rewrite: (request) => request }),
    table: items(world.regions[side].table),
    ledger: items(world.regions[side].ledger),
  };
}
