// The fence of a table: by its resource policy, with a probe, or by the promise of an operator.

import { UsageError } from '../errors.ts';
import type { Clock, TablePolicy } from '../ports.ts';
import { isSamePolicy, policyWith, type PolicyWish, statementsOf } from './fence-policy.ts';
import type { Fence, FenceWish } from './ports.ts';

export interface PolicyFenceSetup {
  readonly tableArn: string;
  readonly policy: TablePolicy;
  /** ARNs of the roles that write in spite of the fence. */
  readonly exempt: readonly string[];
  /** ARNs of the roles of the functions that replicate to the table. */
  readonly inbound: readonly string[];
  /** Sends one. */
  readonly probe: () => Promise<'refused' | 'writable'>;
  readonly clock: Clock;
}

export interface PolicyFence extends Fence {
  /**
   * Before a switch begins.
   * @throws UsageError `fence.size`, `fence.policy` or `fence.probe` where the fence could not be raised.
   */
  check(): Promise<void>;
}

/** DynamoDB may show an earlier policy for a few seconds. */
const STALE_MS = 2_000;
/** Of policies that change in between, or that are shown too late. */
const TRIES_MAX = 6;
/** DynamoDB does not say how long it will refuse a change. */
const PAUSED_MS = 3_000;
/** Of a probe without an answer about the fence. */
const PROBES_MAX = 3;
const PROBE_AGAIN_MS = 500;

export function policyFence(setup: PolicyFenceSetup): PolicyFence {
  const { policy } = setup;
  let conflicts = 0;
  return {
    kind: 'policy',
    async set(wish, id, requireOwn = async () => undefined) {
      const found = await policy.read();
      const wanted = policyWith(found.policy, policyWish(setup, wish, id));
      if (wanted === found.policy) return 0;
      // Behind the read: what a run that has taken over writes from now on makes the change fail.
      await requireOwn();
      const outcome = await policy.replace(found, wanted);
      if (outcome === 'done')
        await undoneUnless(requireOwn, { setup, wish, before: found.policy, wanted });
      if (outcome === 'paused') return PAUSED_MS;
      conflicts = outcome === 'changed' ? conflicts + 1 : 0;
      if (conflicts === TRIES_MAX) throw conflict(setup);
      // Perhaps by a run that has taken the switch over: the caller asks for its record before it comes again.
      return outcome === 'changed' ? STALE_MS : 0;
    },
    probe: () => probed(setup),
    check: () => check(setup),
  };
}

interface Change {
  readonly setup: PolicyFenceSetup;
  readonly wish: FenceWish;
  readonly before: string | undefined;
  readonly wanted: string | undefined;
}

/**
 * A process that has slept between the look at its record and the change takes a refusal back, as long as the policy is
 * what it has written. The end of a refusal stays: another run that wanted it, too, may have found it there, and one that
 * wants a refusal writes its own.
 */
async function undoneUnless(requireOwn: () => Promise<void>, change: Change): Promise<void> {
  try {
    await requireOwn();
  } catch (error) {
    const { fenced, inboundRefused } = change.wish;
    const refuses = fenced === true || inboundRefused === true;
    if (refuses && error instanceof UsageError) await undo(change);
    throw error;
  }
}

async function undo({ setup: { policy, clock }, before, wanted }: Change): Promise<void> {
  for (let tries = 1; tries <= UNDO_MAX; tries += 1) {
    // By now, a read shows the change, and DynamoDB takes the next one at the earliest 15 seconds later.
    await clock.sleep(PAUSED_MS);
    const found = await policy.read();
    if (!isSamePolicy(found.policy, wanted)) return;
    if ((await policy.replace(found, before)) !== 'paused') return;
  }
}

/** For longer than DynamoDB refuses a change. */
const UNDO_MAX = 10;

/** A fence that is there already has passed. */
async function check(setup: PolicyFenceSetup): Promise<void> {
  const { policy, tableArn, clock } = setup;
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const found = await policy.read();
    policyWith(found.policy, policyWish(setup, { fenced: true, inboundRefused: true }, LONGEST_ID));
    if (statementsOf(found.policy, tableArn).includes('FerryFence')) return;
    if ((await probed(setup)) === 'writable') return;
    // Another run may be raising it.
    await clock.sleep(STALE_MS);
  }
  throw new UsageError(
    `The probe is denied to write to ${tableArn} although there is no fence, so that its denials would prove nothing.`,
    {
      code: 'fence.probe',
      hint: 'Look for another policy that denies it, or run the command with --fenced-by-application.',
    },
  );
}

/** For the size of the policy. */
const LONGEST_ID = 'x'.repeat(40);

function policyWish(
  { tableArn, exempt, inbound }: PolicyFenceSetup,
  { fenced, inboundRefused }: FenceWish,
  tag: string,
): PolicyWish {
  return {
    tableArn,
    tag,
    ...(fenced !== undefined && { fence: fenced ? exempt : 'none' }),
    ...(inboundRefused !== undefined && { inbound: inboundRefused ? inbound : 'none' }),
  };
}

async function probed({ probe, clock }: PolicyFenceSetup): Promise<'refused' | 'writable'> {
  for (let tries = 1; tries < PROBES_MAX; tries += 1) {
    try {
      return await probe();
    } catch (error) {
      if (error instanceof UsageError) throw error;
      await clock.sleep(PROBE_AGAIN_MS);
    }
  }
  return probe();
}

function conflict({ tableArn }: PolicyFenceSetup): UsageError {
  return new UsageError(
    `Another program keeps changing the resource policy of ${tableArn}: it was another one after each of ${TRIES_MAX} reads.`,
    {
      code: 'fence.conflict',
      hint: 'Stop what changes the policy, such as a deployment, and run the command again: it goes on where it is.',
    },
  );
}

/**
 * An operator promises that no application writes. The policy gets no statement, and loses those of an earlier switch.
 * @param policy of the table; absent where it is not used at all.
 */
export function promisedFence(policy?: Fence): Fence {
  return {
    kind: 'application',
    async set({ fenced, inboundRefused }, id, requireOwn) {
      const wish = {
        ...(fenced === false && { fenced }),
        ...(inboundRefused === false && { inboundRefused }),
      };
      if (policy === undefined || Object.keys(wish).length === 0) return 0;
      return policy.set(wish, id, requireOwn);
    },
    async probe() {
      throw new Error('an application is not probed');
    },
  };
}
