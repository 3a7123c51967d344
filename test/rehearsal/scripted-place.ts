// A place for rehearsals that does as a test says, on a clock that passes only while everything waits.

import type { Clock } from '../../src/ports.ts';
import type { FailureName, LoadItem, RehearsalPlace } from '../../src/rehearsal/ports.ts';

/** Those that sleep are woken in the order of their times. */
export function waitingClock(startMs = Date.UTC(2026, 0, 31, 12)): Clock {
  let nowMs = startMs;
  let isDue = false;
  const sleeping: Array<{ readonly atMs: number; readonly wake: () => void }> = [];
  const passOn = () => {
    isDue = false;
    const next = Math.min(...sleeping.map(({ atMs }) => atMs));
    const index = sleeping.findIndex(({ atMs }) => atMs === next);
    if (index === -1) return;
    nowMs = Math.max(nowMs, next);
    sleeping.splice(index, 1)[0]?.wake();
    arrange();
  };
  const arrange = () => {
    if (isDue) return;
    isDue = true;
    setImmediate(passOn);
  };
  return {
    now: () => nowMs,
    sleep: (ms) =>
      new Promise((wake) => {
        sleeping.push({ atMs: nowMs + ms, wake });
        arrange();
      }),
  };
}

export interface Script {
  /** Never fires. */
  readonly silent?: string;
  /** Fires only once its failure is over. */
  readonly late?: FailureName;
  /** Does not exist. */
  readonly missing?: string;
  /** Fires all the time. */
  readonly stuck?: string;
  /** Fires beside what must fire. */
  readonly more?: string;
  /** What the status never shows. */
  readonly unseen?: FailureName;
  /** What it does not heal from. */
  readonly unhealed?: FailureName;
  /** After which nothing is written any more. */
  readonly fencedAfter?: FailureName;
  /** Is not healthy even at the beginning. */
  readonly isSick?: boolean;
  readonly lettersLeft?: number;
  readonly differences?: number;
  readonly hasHeartbeat?: boolean;
  readonly isSwitched?: boolean;
  /** From which write on the table takes none. */
  readonly brokenFrom?: number;
}

const ALARMS = [
  'destination-denied',
  'destination-throttled',
  'heartbeat-missing',
  'dead-letters',
  'heartbeat-failing',
  'control-unreadable',
];

const SHOWN: Readonly<Record<FailureName, readonly [alarm: string | undefined, entry: string]>> = {
  'destination-denied': ['destination-denied', 'destination-denied'],
  'destination-throttled': ['destination-throttled', 'destination-throttled'],
  'function-disabled': ['heartbeat-missing', 'records-waiting'],
  'poison-records': ['dead-letters', 'dead-letters'],
  'source-lost': ['heartbeat-failing', 'region-lost'],
  'planned-switch': [undefined, 'planned-evacuation'],
};
const STOPPING: readonly FailureName[] = [
  'destination-denied',
  'destination-throttled',
  'function-disabled',
  'source-lost',
];
const SWITCH_MS = 40_000;

export class ScriptedPlace implements RehearsalPlace {
  readonly name = 'rehearsal-abcd';
  readonly regions = ['us-east-1', 'eu-west-1'] as const;
  readonly minuteMs = 1_000;
  readonly writesPerSecond = 20;
  readonly alarms: readonly string[];
  readonly hasHeartbeat: boolean;
  readonly isSwitched: boolean;
  /** What was asked of it, in order. */
  readonly calls: string[] = [];
  readonly #script: Script;
  readonly #clock: Clock;
  readonly #written: LoadItem[] = [];
  #now: FailureName | undefined;
  #sinceMs = 0;
  #endedMs = 0;
  #isFenced = false;
  #isLost = false;
  #hasLetters = false;
  #last: FailureName | undefined;
  /** What was written before has arrived. */
  #arrivedMs = Infinity;

  constructor(script: Script, clock: Clock) {
    [this.#script, this.#clock] = [script, clock];
    this.alarms = ALARMS.filter((name) => name !== script.missing);
    this.hasHeartbeat = script.hasHeartbeat ?? true;
    this.isSwitched = script.isSwitched ?? true;
  }

  async write(item: LoadItem): Promise<boolean> {
    if (item.n >= (this.#script.brokenFrom ?? Infinity)) throw new Error('the table is gone');
    const { fencedAfter } = this.#script;
    const isOver = fencedAfter !== undefined && this.#last === fencedAfter && !this.#now;
    if (this.#isFenced || isOver) return false;
    this.#written.push(item);
    if (item.isPoison === true) this.#hasLetters = true;
    return true;
  }

  async readTwin(key: string): Promise<LoadItem | undefined> {
    const hasArrived = ({ writtenAtMs }: LoadItem) => writtenAtMs < this.#arrivedMs;
    return this.#written.findLast((item) => item.key === key && hasArrived(item));
  }

  async firing(): Promise<string[]> {
    const { silent, stuck, more, late } = this.#script;
    const isLate = this.#clock.now() - this.#sinceMs >= 2 * this.minuteMs;
    const isOver =
      this.#now === undefined && this.#last === late && this.#clock.now() > this.#endedMs;
    const failure = isOver ? late : this.#now === late ? undefined : this.#now;
    const [alarm] = failure === undefined || !isLate ? [] : SHOWN[failure];
    return [alarm, stuck, alarm && more].filter(
      (name) => name !== undefined && name !== silent && this.alarms.includes(name),
    ) as string[];
  }

  async status() {
    const { unseen, unhealed, isSick = false } = this.#script;
    if (isSick) return { level: 'stuck', text: 'the destination denies' };
    const failure = this.#now ?? (this.#hasLetters ? 'poison-records' : undefined);
    // Cut off, the status says so only once the operator has switched.
    const isShown = failure !== unseen && (failure !== 'source-lost' || this.#isLost);
    if (failure !== undefined && isShown)
      return { level: 'stuck', text: `by ${failure}`, runbook: SHOWN[failure][1] };
    if (this.#last !== undefined && this.#last === unhealed)
      return { level: 'behind', text: 'by 3 min' };
    return { level: 'healthy', text: 'p99 latency is 850 ms' };
  }

  async inject(failure: Exclude<FailureName, 'planned-switch'>) {
    this.calls.push(`inject ${failure}`);
    this.#begin(failure);
    return async () => {
      this.calls.push(`take back ${failure}`);
      this.#end();
    };
  }

  async redrive(): Promise<number> {
    this.calls.push('redrive');
    this.#hasLetters = false;
    return this.#script.lettersLeft ?? 0;
  }

  switchOver() {
    return this.#switch('planned-switch', { rpoSeconds: 0, isProven: true, rtoSeconds: 41 });
  }

  async failOverWithoutSource() {
    this.#isLost = true;
    return this.#switch(undefined, { rpoSeconds: 1.2, isProven: false, rtoSeconds: 26 });
  }

  async rejoin(): Promise<void> {
    this.calls.push('rejoin');
    await this.#clock.sleep(SWITCH_MS);
    this.#isLost = false;
  }

  async compare(): Promise<number> {
    this.calls.push('compare');
    return this.#script.differences ?? 0;
  }

  async #switch(name: FailureName | undefined, outcome: object) {
    this.calls.push(name ?? 'fail over');
    if (name !== undefined) this.#begin(name);
    this.#isFenced = true;
    await this.#clock.sleep(SWITCH_MS);
    this.#isFenced = false;
    if (name !== undefined) this.#end();
    const fixed = { rpoSeconds: 0, isProven: true, rtoSeconds: 41 };
    return { to: 'eu-west-1', ...fixed, ...outcome };
  }

  #begin(failure: FailureName): void {
    [this.#now, this.#last, this.#sinceMs] = [failure, failure, this.#clock.now()];
    if (STOPPING.includes(failure)) this.#arrivedMs = this.#clock.now();
  }

  #end(): void {
    [this.#now, this.#arrivedMs] = [undefined, Infinity];
    this.#endedMs = this.#clock.now();
  }
}
