// The resource policy of a table, as far as fences go: a change is in force for each request after a while of its own.

export interface PolicyState {
  /** Applications are refused. */
  readonly fence: boolean;
  /** The function that writes to this table is refused. */
  readonly inbound: boolean;
}

interface Version extends PolicyState {
  readonly atMs: number;
}

export class TablePolicy {
  revision = 0;
  readonly #versions: Version[] = [{ atMs: -Infinity, fence: false, inbound: false }];

  state(): PolicyState {
    return this.#versions.at(-1) ?? { fence: false, inbound: false };
  }

  set(state: PolicyState, atMs: number): void {
    this.revision += 1;
    this.#versions.push({ ...state, atMs });
  }

  /** Since when the last change of the fence is there. */
  fencedSinceMs(): number {
    const last = this.#versions.findLastIndex(({ fence }) => !fence);
    return this.#versions[last + 1]?.atMs ?? Infinity;
  }

  /** As a request sees it that meets the policy of a moment. */
  at(ms: number): PolicyState {
    return this.#versions.findLast(({ atMs }) => atMs <= ms) ?? this.state();
  }
}
