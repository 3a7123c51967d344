// The control keeper of a replication that can be switched: admits a batch under both copies of the control row, and
// has each of its records judged. It writes no row: that is for `ferry adopt`.

import { WRITE_TIME_MS } from '../config/names.ts';
import type { ControlCopies } from '../model/control-copies.ts';
import { newestEpoch } from '../model/control-row.ts';
import { seriesInEpoch } from '../model/guard.ts';
import type { TwinWriter } from '../ports.ts';
import type { ControlKeeper } from './control-keeper.ts';
import { type Lease, leasedWriter, LeaseLost, type Permit } from './lease.ts';
import { type SettleContext, settleForeign, whyHeld } from './settle-foreign.ts';

export interface SwitchedContext extends SettleContext {
  readonly lease: Lease;
  readonly twinWriter: TwinWriter;
}

export function switchedKeeper(context: SwitchedContext): ControlKeeper {
  const { lease, rules, twinWriter } = context;
  return {
    async admit(_, remainingMs) {
      const { copies, consent, failure } = await lease.look();
      const isUnreadable = consent.kind === 'held' && (failure !== undefined || areNotRows(copies));
      const { own } = consent;
      if (own === undefined) return { kind: 'held', why: whyHeld(consent), failure, isUnreadable };
      const why = obstacleIn(copies, rules.reservedAttribute);
      if (why !== undefined) return { kind: 'held', why };
      const { n } = newestEpoch(own);
      const judging = { consent, own, region: rules.sourceRegion };
      const permit = inTime(lease.permit(n), remainingMs);
      return {
        kind: 'admitted',
        row: own,
        seriesOf: seriesInEpoch(n),
        switched: {
          twinWriter: leasedWriter(twinWriter, permit),
          settle: (parsed, batch) =>
            settleForeign(parsed, { ...batch, ...judging, failure, isUnreadable }, context),
        },
      };
    },
  };
}

function areNotRows({ source, destination }: ControlCopies): boolean {
  return source.kind !== 'row' || destination.kind !== 'row';
}

/** What holds a batch as a whole, whatever its records are. */
function obstacleIn(copies: ControlCopies, reservedAttribute: string): string | undefined {
  for (const found of [copies.source, copies.destination])
    if (found.kind === 'row' && found.row.reserved !== reservedAttribute)
      return 'the control row names another reserved attribute';
  const { destination } = copies;
  const isPaused = destination.kind === 'row' && destination.row.paused !== undefined;
  return isPaused ? 'the replication is paused' : undefined;
}

/** To read the copies takes time that the write may need. */
function inTime(permit: Permit, remainingMs: () => number): Permit {
  return () => {
    const renewed = permit();
    return renewed && withTimeLeft(renewed, remainingMs);
  };
}

async function withTimeLeft(renewed: Promise<void>, remainingMs: () => number): Promise<void> {
  await renewed;
  if (remainingMs() < WRITE_TIME_MS) throw new LeaseLost('the invocation has no time left');
}
