// Mistakes of who writes, and of what judges records.

import { seriesInEpoch } from '../../../src/model/guard.ts';
import type { ControlKeeper } from '../../../src/replicate/control-keeper.ts';
import type { Lease, Permit } from '../../../src/replicate/lease.ts';
import type { SwitchMutant } from './mutants.ts';
import { withoutComparison } from './mutations.ts';

/** Looks once, and goes on for as long as it likes. */
const once = (permit: Permit): Permit => {
  let isGood = false;
  const noted = async (renewed: Promise<void>) => {
    await renewed;
    isGood = true;
  };
  return () => {
    if (isGood) return undefined;
    const renewed = permit();
    if (renewed === undefined) isGood = true;
    return renewed && noted(renewed);
  };
};

const never: Permit = () => undefined;

type Admitted = Extract<Awaited<ReturnType<ControlKeeper['admit']>>, { kind: 'admitted' }>;

const admitting =
  (change: (admission: Admitted) => Admitted) =>
  (keeper: ControlKeeper): ControlKeeper => ({
    async admit(arns, remainingMs) {
      const admission = await keeper.admit(arns, remainingMs);
      return admission.kind === 'admitted' ? change(admission) : admission;
    },
  });

/** Judges records by what the copies once were; who writes looks anew. */
function judgingByOld(lease: Lease): Lease {
  let first: ReturnType<Lease['look']> | undefined;
  return { ...lease, look: () => (first ??= lease.look()) };
}

/** What has a version is Ferry's own. */
const ownByAttribute = admitting((admission) => {
  const { switched } = admission;
  if (switched === undefined) return admission;
  return {
    ...admission,
    switched: {
      ...switched,
      async settle(parsed, batch) {
        const settled = await switched.settle(parsed, batch);
        const records = settled.records.map((one) => {
          const { record } = one;
          const isOwn = 'newImage' in record && record.newImage['_ferry'] !== undefined;
          return one.kind === 'record' && isOwn
            ? { kind: 'settled' as const, record, outcome: { kind: 'own' as const } }
            : one;
        });
        return { ...settled, records };
      },
    },
  };
});

/** Ledgers of both sides hold versions of either stream, whose labels say nothing of the order of epochs. */
const inTheFirstEpoch = admitting((admission) => ({ ...admission, seriesOf: seriesInEpoch(1) }));

export const MUTANTS_OF_THE_LEASE: readonly SwitchMutant[] = [
  {
    name: 'lease looked at when an invocation begins',
    caughtBy: 7,
    seedsMax: 50,
    leaseOf: (lease) => ({ ...lease, permit: (epoch) => once(lease.permit(epoch)) }),
  },
  {
    name: 'no lease for redrive and backfill',
    caughtBy: 8,
    seedsMax: 20,
    permit: () => never,
  },
  {
    name: "lease of the destination's copy alone",
    caughtBy: 1,
    seedsMax: 20,
    lease: (setup) => ({
      ...setup,
      copies: { source: setup.copies.destination, destination: setup.copies.destination },
    }),
  },
  {
    name: "lease of the source's copy alone",
    caughtBy: 1,
    seedsMax: 20,
    lease: (setup) => ({
      ...setup,
      copies: { source: setup.copies.source, destination: setup.copies.source },
    }),
  },
  {
    name: 'age of the lease by a clock that stops',
    caughtBy: 1,
    seedsMax: 20,
    lease: (setup) => ({ ...setup, clock: { now: setup.monotonicMs } }),
  },
  {
    name: 'age of the lease by a clock that is set',
    caughtBy: 54,
    seedsMax: 2_000,
    lease: (setup) => ({ ...setup, monotonicMs: () => setup.clock.now() }),
  },
  {
    name: 'own writes acknowledged without a lease',
    caughtBy: 2,
    seedsMax: 100,
    leaseOf: judgingByOld,
  },
  {
    name: 'own writes told by their versions',
    caughtBy: 2,
    seedsMax: 20,
    control: ownByAttribute,
  },
  {
    name: 'versions without epochs',
    caughtBy: 1,
    seedsMax: 20,
    control: inTheFirstEpoch,
  },
  {
    name: 'strays looked for without old images',
    caughtBy: 4,
    seedsMax: 200,
    replicate: (replicate) => (records, context) =>
      replicate(records.map(withoutOldImage), context),
  },
  {
    name: 'mapping enabled by the switch, from LATEST',
    caughtBy: 2,
    seedsMax: 50,
    isEnabledLate: true,
  },
  {
    name: 'control rows without compare-and-set',
    caughtBy: 2,
    seedsMax: 20,
    rewrite: withoutComparison,
  },
];

function withoutOldImage(record: unknown): unknown {
  const { dynamodb, ...rest } = record as { dynamodb: { OldImage?: unknown } };
  const { OldImage: _, ...change } = dynamodb;
  return { ...rest, dynamodb: change };
}
