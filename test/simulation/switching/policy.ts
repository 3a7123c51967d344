// The resource policy of a table: a change is refused for a while after another one, seen by readers a little later, and
// in force for each request after a while of its own.

import type { FoundPolicy } from '../../../src/ports.ts';
import { statementsOf } from '../../../src/switching/fence-policy.ts';
import { SECOND } from '../plan.ts';

export interface PolicyState {
  /** Applications are refused. */
  readonly fence: boolean;
  /** The function that writes to this table is refused. */
  readonly inbound: boolean;
}

interface Version extends PolicyState {
  readonly atMs: number;
  readonly policy: string | undefined;
}

const PAUSE_MS = 15 * SECOND;
const NONE: Version = { atMs: -Infinity, policy: undefined, fence: false, inbound: false };

export class SimulatedPolicy {
  readonly #arn: string;
  readonly #versions: Version[] = [NONE];

  constructor(arn: string) {
    this.#arn = arn;
  }

  state(): PolicyState {
    return this.#latest();
  }

  /** As a request meets it that sees the policy of a moment. */
  at(ms: number): PolicyState {
    return this.#versions.findLast(({ atMs }) => atMs <= ms) ?? NONE;
  }

  /** As a reader sees it that has the policy of a moment. */
  read(ms: number): FoundPolicy {
    const index = this.#versions.findLastIndex(({ atMs }) => atMs <= ms);
    const policy = this.#versions[index]?.policy;
    return { policy, revisionId: policy === undefined ? undefined : `${index}` };
  }

  replace(
    found: FoundPolicy,
    policy: string | undefined,
    nowMs: number,
  ): 'done' | 'changed' | 'paused' {
    const latest = this.#latest();
    const revisionId =
      latest.policy === undefined ? undefined : `${this.#versions.lastIndexOf(latest)}`;
    if (revisionId !== found.revisionId) return 'changed';
    if (nowMs - latest.atMs < PAUSE_MS) return 'paused';
    const names: readonly string[] = statementsOf(policy, this.#arn);
    const [fence, inbound] = [names.includes('FerryFence'), names.includes('FerryInbound')];
    this.#versions.push({ atMs: nowMs, policy, fence, inbound });
    return 'done';
  }

  #latest(): Version {
    return this.#versions.at(-1) ?? NONE;
  }
}
