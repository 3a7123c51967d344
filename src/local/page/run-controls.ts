// The buttons of the live page: faults that are switched on and off, and a redrive. Closed, they do
// nothing, and no fault is on: a run must be able to end, and its tables be compared in peace.

import { grouped } from '../../text/number-text.ts';
import { describeError } from '../../errors.ts';
import type { RedriveReport } from '../../redrive/report.ts';
import type { FaultProxy } from '../faults/fault-proxy.ts';
import { POISON_MARKER } from '../faults/fault-schedule.ts';
import type { Fault } from '../faults/faults.ts';
import { stayed } from '../../redrive/report.ts';
import type { LocalRedrive } from '../run/local-redrive.ts';
import { type ControlsView, FAULT_NAMES, type FaultName } from './page-view.ts';

export interface RunControlsOptions {
  readonly faults: FaultProxy;
  readonly redrive: LocalRedrive;
  readonly onChange: () => void;
  readonly onProblem: (problem: string) => void;
}

const FAULTS: Readonly<Record<FaultName, Fault>> = {
  throttle: { kind: 'throttle', share: 0.5 },
  outage: { kind: 'outage' },
  poison: { kind: 'poison', marker: POISON_MARKER },
};

/** Bounds a redrive of given-up batches while new ones keep coming. */
const REDRIVE_MS_MAX = 60_000;

export class RunControls {
  readonly #options: RunControlsOptions;
  readonly #takeBacks = new Map<FaultName, () => void>();
  #isOpen = false;
  #used = false;
  #redriving: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  #redriveResult = '';

  constructor(options: RunControlsOptions) {
    this.#options = options;
  }

  view(): ControlsView {
    const isOn = (name: FaultName) => this.#takeBacks.has(name);
    return {
      open: this.#isOpen,
      faults: { throttle: isOn('throttle'), outage: isOn('outage'), poison: isOn('poison') },
      redriving: this.#redriving !== undefined,
      redriveResult: this.#redriveResult,
    };
  }

  /** Whether anything was ever switched on or redriven. */
  used(): boolean {
    return this.#used;
  }

  /** Safe to repeat. @returns false while closed. */
  setFault(name: FaultName, on: boolean): boolean {
    if (!this.#isOpen) return false;
    this.#used = true;
    if (!on) this.#takeBack(name);
    else if (!this.#takeBacks.has(name)) {
      this.#takeBacks.set(name, this.#options.faults.inject(FAULTS[name]));
    }
    this.#options.onChange();
    return true;
  }

  /** Begins a redrive, unless one is under way. @returns false while closed. */
  redrive(): boolean {
    if (!this.#isOpen) return false;
    this.#used = true;
    if (this.#redriving === undefined) {
      const stop = new AbortController();
      this.#redriving = { stop, done: this.#redriveUntil(stop.signal) };
    }
    this.#options.onChange();
    return true;
  }

  open(): void {
    this.#isOpen = true;
    this.#options.onChange();
  }

  /** Takes every fault back, and resolves once no redrive is under way. */
  async close(): Promise<void> {
    this.#isOpen = false;
    for (const name of FAULT_NAMES) this.#takeBack(name);
    this.#options.onChange();
    this.#redriving?.stop.abort();
    await this.#redriving?.done;
  }

  #takeBack(name: FaultName): void {
    this.#takeBacks.get(name)?.();
    this.#takeBacks.delete(name);
  }

  async #redriveUntil(stop: AbortSignal): Promise<void> {
    this.#redriveResult = '';
    this.#redriveResult = await redriveOnce(this.#options, stop);
    this.#redriving = undefined;
    this.#options.onChange();
  }
}

/** @returns what it did, for people. Never rejects. */
async function redriveOnce(
  { redrive, onProblem }: RunControlsOptions,
  stop: AbortSignal,
): Promise<string> {
  try {
    const late = AbortSignal.timeout(REDRIVE_MS_MAX);
    return redriveResultOf(await redrive.applyToWaiting(AbortSignal.any([stop, late])));
  } catch (error) {
    onProblem(`redrive: ${describeError(error)}`);
    return 'The redrive failed; what it did not finish is where it was.';
  }
}

/** One sentence about a redrive. Names and counts only. */
export function redriveResultOf(report: RedriveReport): string {
  const { applied, superseded, resynchronized, failures } = report;
  const left = stayed(report);
  if (report.found + left === 0) return 'Nothing was waiting for a redrive.';
  const why = Object.keys(failures).slice(0, 3).join(', ');
  return [
    `Redriven: ${grouped(applied)} applied, ${grouped(superseded)} superseded by something newer, `,
    ...(resynchronized > 0 ? [`${grouped(resynchronized)} read from the source, `] : []),
    `${grouped(left)} left${left > 0 && why !== '' ? ` (${why})` : ''}.`,
  ].join('');
}
