// The production ports of one process between the two sides. Notes what each process has seen of the control rows, and
// asks the judge about every write.

import type { TransactionWriter, TwinReader, TwinWriter } from '../../../src/ports.ts';
import type { ReadRequest } from '../../../src/model/read-request.ts';
import { type Item, serviceError } from '../memory-dynamodb.ts';
import {
  destinationPort,
  destinationReaderPort,
  type PortParts,
  transactionPort,
} from '../ports.ts';
import type { Process } from '../process.ts';
import type { Side } from './plan.ts';
import type { Place, SwitchWorld } from './world.ts';

/** One copy of the control row, as a process has read it that may write by it for a while. */
export interface Sight {
  readonly sentAtMs: number;
  readonly item: Item | undefined;
}

export interface Witness {
  /** The latest ones of each side, newest first. */
  readonly seen: Map<Side, readonly Sight[]>;
}

const SIGHTS_MAX = 4;

export interface PortsOptions {
  readonly world: SwitchWorld;
  readonly process: Process;
  readonly from: Place;
  readonly witness: Witness;
}

function partsOf({ world, process, from }: PortsOptions, side: Side): PortParts {
  const { mutation } = world;
  return {
    process,
    network: world.link(from, side),
    db: world.services(process, from),
    rewrite: (request) => mutation.rewrite?.(request, process, world) ?? request,
  };
}

/** @param isLeased whether the judge wants to see a lease. */
export function writerTo(options: PortsOptions, side: Side, isLeased: boolean): TwinWriter {
  const { world, process, witness } = options;
  const port = destinationPort(partsOf(options, side));
  return {
    write(request) {
      if (isLeased) world.judge.writes(process, side, witness);
      return port.write(request);
    },
  };
}

export function transactionsTo(options: PortsOptions, side: Side): TransactionWriter {
  const { world, process, witness } = options;
  const port = transactionPort(partsOf(options, side));
  return {
    transact(input) {
      world.judge.writes(process, side, witness);
      return port.transact(input);
    },
  };
}

export function readerOf(options: PortsOptions, side: Side): TwinReader {
  const { world, process, witness } = options;
  const port = destinationReaderPort(partsOf(options, side));
  return {
    async read(request) {
      const sentAtMs = world.scheduler.now();
      if (!isOfControl(request)) return port.read(request);
      if (world.isStruck('unreadable', side)) {
        await process.clock().sleep(5);
        world.note('copy unreadable');
        throw serviceError('AccessDeniedException');
      }
      const reply = await port.read(request);
      const sights = [{ sentAtMs, item: reply.items[0] }, ...(witness.seen.get(side) ?? [])];
      witness.seen.set(side, sights.slice(0, SIGHTS_MAX));
      return reply;
    },
    tableId: (table) => port.tableId(table),
  };
}

function isOfControl({ operation, input }: ReadRequest): boolean {
  return operation === 'GetItem' && input.Key?.['id']?.S?.endsWith('#control') === true;
}
