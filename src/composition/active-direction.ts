// Which direction of a replication a command is about: the one whose source is active now, as both copies of the control
// row say, unless the operator names one.

import type { Sides } from '../aws/access.ts';
import { otherDirection } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { FerryError } from '../errors.ts';
import { whatHappened } from '../failures/what-happened.ts';
import { activeRegion, type DirectionState, type RegionCopies } from '../model/active-region.ts';
import type { FoundControl } from '../model/control-row.ts';
import { retry } from '../pacing/retry.ts';
import { utcTime } from '../status/pause.ts';
import type { Environment } from './keyring.ts';
import { operatorSides } from './operator-access.ts';
import { retriesUntil } from './pair-work.ts';
import { controlNow } from './pause-place.ts';

/** `out` is that of the configuration, from its source to its destination. */
export type DirectionName = 'out' | 'back';

/** One direction, as a replication of its own. */
export interface Direction {
  readonly direction: DirectionName;
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
  readonly state: DirectionState;
}

export interface DirectionNeeds {
  /** @default the one whose source is active */
  readonly wanted?: DirectionName | undefined;
  /** Whether the command is going to change anything. */
  readonly apply: boolean;
  readonly environment: Environment;
  /** Ends the waiting. */
  readonly stop: AbortSignal;
}

/**
 * @param replication as the configuration has it.
 * @throws FerryError `switching.unclear` or `switching.apart`, which say what is known.
 */
export async function openDirection(
  replication: ReplicationConfig,
  sides: Sides,
  { wanted, apply, environment, stop }: DirectionNeeds,
): Promise<Direction> {
  const state = activeRegion(await readCopies(replication, sides, stop));
  const direction = wanted ?? activeDirection(replication, state);
  if (direction === 'out') return { direction, replication, sides, state };
  const back = otherDirection(replication);
  const needs = { apply, environment };
  return { direction, replication: back, sides: await operatorSides(back, needs), state };
}

/** @param stop without it, a request that fails is not repeated. */
export async function readCopies(
  replication: ReplicationConfig,
  sides: Sides,
  stop?: AbortSignal,
): Promise<RegionCopies> {
  const back = otherDirection(replication);
  const exchanged = { source: sides.destination, destination: sides.source };
  const look = async (one: ReplicationConfig, places: Sides) => {
    const read = () => controlNow(one, places);
    const found = stop === undefined ? read() : retry(read, retriesUntil(stop));
    return { region: one.destination.region, found: await seen(found, stop) };
  };
  return Promise.all([look(back, exchanged), look(replication, sides)]);
}

async function seen(found: Promise<FoundControl>, stop: AbortSignal | undefined) {
  try {
    return await found;
  } catch (error) {
    stop?.throwIfAborted();
    // Nothing is deployed yet, or not with switching.
    if (error instanceof Error && error.name === 'ResourceNotFoundException')
      return { kind: 'missing' } as const;
    return { kind: 'unreached', why: whatHappened(error) } as const;
  }
}

export function activeDirection(
  { source }: ReplicationConfig,
  state: DirectionState,
): DirectionName {
  if (state.kind === 'unwritten') return 'out';
  if (state.kind === 'unclear') throw unclear(state.why, 'switching.unclear');
  if (state.apart !== undefined) throw unclear(state.apart, 'switching.apart');
  return state.epoch.region === source.region ? 'out' : 'back';
}

/** `unless-switched`: it may while an adoption is opening an epoch. `unless-closing`: while a switch keeps it open. */
export type MayWrite = 'unless-changing' | 'unless-switched' | 'unless-closing';

/**
 * For a command that is going to write.
 * @throws FerryError `switching.lost` or `switching.lease`.
 */
export function requireFree(
  state: DirectionState,
  replication: ReplicationConfig,
  mayWrite: MayWrite = 'unless-changing',
): void {
  if (state.kind !== 'active') return;
  const { switch: record, lost, closing } = state;
  if (lost !== undefined)
    throw new FerryError(
      `${lost.region} was lost at ${utcTime(lost.sinceMs)}, and has not rejoined ${replication.name}.`,
      {
        code: 'switching.lost',
        hint: `Nothing was changed. When ${lost.region} is back, run \`ferry rejoin\`.`,
      },
    );
  const isChanging = {
    'unless-changing': closing || record !== undefined,
    'unless-switched': record !== undefined,
    'unless-closing': closing,
  };
  if (!isChanging[mayWrite]) return;
  const by =
    record === undefined
      ? 'an epoch is being opened, or `ferry adopt` has not ended'
      : `${record.by} has been switching it to ${record.target} since ${utcTime(record.startedAtMs)} (${record.step})`;
  throw new FerryError(`${replication.name} cannot be written to now: ${by}.`, {
    code: 'switching.lease',
    hint: 'Nothing was changed. `ferry status` shows how far it is. Run the command again when it has ended.',
  });
}

function unclear(why: string, code: string): FerryError {
  return new FerryError(`It is not known which Region is active: ${why}.`, {
    code,
    hint: '`ferry status` shows both copies. Nothing was changed.',
  });
}
