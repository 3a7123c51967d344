// The whole of a switch on one machine: two Regions, both directions between them, an application that moves from one to
// the other, and at the end a comparison of the tables.

import type { Side } from '../../config/identity.ts';
import type { StepResult, SwitchPhase, SwitchRequest } from '../../switching/step.ts';
import { type LivePage, openLivePage } from '../page/live-page.ts';
import type { Cleanup } from '../run/cleanup.ts';
import { compareTables } from '../run/compare-tables.ts';
import type { LocalWorldOptions } from '../run/local-place.ts';
import { type BothDirections, startBothDirections } from '../run/local-world.ts';
import { resultOf } from '../run/run-result.ts';
import {
  type LocalRunProgress,
  type LocalRunSummary,
  progressOf,
  summaryOf,
} from '../run/run-summary.ts';
import { createWorkload } from '../run/workload.ts';
import { seededRandom } from '../seeded-random.ts';
import { type Application, startApplication } from './application.ts';
import { phraseOf } from './phrases.ts';
import { planned, sourceLost, type StrandedOutcome, type SwitchOutcome } from './story.ts';
import { type SwitchScene, switchingView } from './switch-view.ts';

export interface FailoverOptions extends LocalWorldOptions {
  readonly writesPerSecond: number;
  /** Of writing: before, between and after the switches. */
  readonly durationSeconds: number;
  readonly items: number;
  readonly seed: number;
  /** Whether the source is lost, or the switch is planned. */
  readonly sourceLost: boolean;
  /** Ends the writing early. A switch that has begun comes to its end, and the tables are compared. */
  readonly stop: AbortSignal;
  readonly pagePort?: number | undefined;
  readonly onStarted: (both: BothDirections, pageUrl: string) => void;
  readonly onProgress: (progress: LocalRunProgress) => void;
  /** A line of the story, for people. */
  readonly onStory: (line: string) => void;
}

/** The last line of `ferry local --failover --json`. Fields are added, never renamed. */
export interface FailoverSummary extends LocalRunSummary {
  /** Records of Ferry's own writes, which the other direction has acknowledged. */
  readonly own: number;
  readonly strays: number;
  /** Records of the lost Region that its function has kept. */
  readonly strandedRecords: number;
  readonly switches: readonly SwitchOutcome[];
  /** Where the source was lost: its writes that the other side did not have, and what became of them. */
  readonly stranded?: StrandedOutcome;
}

const PROGRESS_INTERVAL_MS = 500;
/** Times of writing in a story. */
const CALMS = 3;

/** Runs until the story has ended, and leaves nothing behind, also when it fails. */
export async function failoverRun(options: FailoverOptions): Promise<FailoverSummary> {
  const { clock, pagePort, onStarted, onProgress } = options;
  const cleanups: Cleanup[] = [];
  try {
    const page = await openLivePage({ clock, port: pagePort });
    cleanups.push(() => page.close());
    const both = await startBothDirections(options, cleanups);
    cleanups.push(() => page.freeze());
    onStarted(both, page.url);
    const run = new FailoverRun(both, page, options);
    cleanups.push(() => run.stop());
    const timer = setInterval(() => onProgress(run.progress()), PROGRESS_INTERVAL_MS);
    cleanups.push(() => clearInterval(timer));
    const { outward, back } = both;
    const lost = [outward.source.lost, back.source.lost, outward.mapping.lost, back.mapping.lost];
    return await Promise.race([run.tell(), ...lost]);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

class FailoverRun {
  readonly #both: BothDirections;
  readonly #page: LivePage;
  readonly #options: FailoverOptions;
  readonly #startMs: number;
  readonly #applications: Application[] = [];
  readonly #switches: SwitchOutcome[] = [];
  #scene: Omit<SwitchScene, 'refused'> = {
    active: 'source',
    epoch: 1,
    isOpen: false,
    line: '',
    proof: undefined,
  };
  #phase: SwitchPhase | undefined;

  constructor(both: BothDirections, page: LivePage, options: FailoverOptions) {
    [this.#both, this.#page, this.#options] = [both, page, options];
    this.#startMs = options.clock.now();
  }

  async tell(): Promise<FailoverSummary> {
    const [page, both] = [this.#page, this.#both];
    const story = () => switchingView(both, { ...this.#scene, refused: this.#sum('refused') });
    page.show({ world: both.whole, story, writes: () => this.#sum('writes') });
    page.phase('writing');
    const stage = this.#stage();
    const stranded = this.#options.sourceLost ? await sourceLost(stage) : await planned(stage);
    const summary = await this.#settle(stranded);
    await page.end(resultOf(summary));
    return summary;
  }

  progress(): LocalRunProgress {
    return progressOf(this.#counted());
  }

  async stop(): Promise<void> {
    for (const application of this.#applications) await application.stop();
  }

  #stage() {
    const { durationSeconds } = this.#options;
    const first = this.#openApplication();
    const applications = { source: first, destination: first };
    return {
      ...this.#options,
      both: this.#both,
      applications,
      openApplication: () => this.#openApplication(),
      calmMs: (durationSeconds * 1000) / CALMS,
      say: (line: string) => this.#say(line),
      admit: async (side: Side, mayWrite: boolean) => {
        const { client, table } = this.#tableOf(side);
        this.#admit(side, mayWrite);
        await applications[side].moveTo(mayWrite ? { client, table } : undefined);
      },
      onStep: (step: StepResult, kind: SwitchRequest['kind']) => this.#onStep(step, kind),
      onSwitched: (outcome: SwitchOutcome) => {
        this.#switches.push(outcome);
        const { proof } = outcome;
        this.#scene = { ...this.#scene, proof, epoch: proof.epochs.opened ?? this.#scene.epoch };
      },
    };
  }

  #tableOf(side: Side) {
    const { outward } = this.#both;
    return { client: outward[side].client, table: outward.replication[side].table };
  }

  #admit(side: Side, isOpen: boolean): void {
    const { active, epoch } = this.#scene;
    if (active === side) this.#scene = { ...this.#scene, isOpen };
    else if (isOpen) this.#scene = { ...this.#scene, isOpen, active: side, epoch: epoch + 1 };
  }

  #openApplication(): Application {
    const { outward } = this.#both;
    const { seed, items, writesPerSecond, clock } = this.#options;
    const application = startApplication({
      nextWrite: createWorkload({
        random: seededRandom(seed + this.#applications.length),
        schema: outward.schema,
        // Of the others, what a lost Region has taken is not overtaken.
        items: Math.ceil(items / (this.#applications.length + 1)),
        timestampAttribute: outward.replication.timestampAttribute ?? '',
      }),
      writesPerSecond,
      clock,
    });
    this.#applications.push(application);
    return application;
  }

  #sum(what: 'writes' | 'refused'): number {
    return this.#applications.reduce((total, one) => total + one[what], 0);
  }

  #say(line: string): void {
    const { clock, onStory } = this.#options;
    const seconds = ((clock.now() - this.#startMs) / 1000).toFixed(1);
    onStory(`${seconds.padStart(6)} s  ${line}`);
    this.#scene = { ...this.#scene, line };
    this.#page.refresh();
  }

  #onStep({ phase }: StepResult, kind: SwitchRequest['kind']): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    const phrase = phraseOf(phase, kind);
    if (phrase !== undefined) this.#say(phrase);
  }

  /** Nothing writes any more: what is on its way arrives, and the tables are compared. */
  async #settle(stranded: StrandedOutcome | undefined): Promise<FailoverSummary> {
    const { outward, back, whole } = this.#both;
    this.#page.phase('settling');
    await this.stop();
    const isBack = this.#scene.active === 'destination';
    const [active, other] = isBack ? [back, outward] : [outward, back];
    await active.settled();
    // The first has written to its source.
    await other.settled();
    const durationSeconds = (this.#options.clock.now() - this.#startMs) / 1000;
    this.#page.phase('comparing');
    const report = await compareTables(active, this.#options.clock);
    const { tally } = whole;
    return {
      ...summaryOf(this.#counted(), { report, durationSeconds, redriven: undefined }),
      own: tally.sum('OwnRecords'),
      strays: tally.sum('StrayWrites'),
      strandedRecords: tally.sum('StrandedRecords'),
      switches: this.#switches,
      ...(stranded && { stranded }),
    };
  }

  #counted() {
    return {
      world: this.#both.whole,
      options: this.#options,
      writes: this.#sum('writes'),
      writesPerSecond: this.#applications[0]?.reachedRate ?? 0,
    };
  }
}
