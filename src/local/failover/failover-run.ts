// The whole of a switch on one machine: two Regions, both directions between them, an application that moves from one to
// the other, and at the end a comparison of the tables.

import type { Side } from '../../config/identity.ts';
import type { StepResult, SwitchPhase, SwitchRequest } from '../../switching/step.ts';
import type { LivePage } from '../page/live-page.ts';
import { compareTables } from '../run/compare-tables.ts';
import type { BothDirections } from '../run/local-world.ts';
import { resultOf } from '../run/run-result.ts';
import {
  type LocalRunProgress,
  type LocalRunSummary,
  progressOf,
  summaryOf,
} from '../run/run-summary.ts';
import { sayer, type StoryOptions, storyRun } from '../run/story-run.ts';
import { createWorkload } from '../run/workload.ts';
import { seededRandom } from '../seeded-random.ts';
import { type Application, startApplication } from './application.ts';
import { phraseOf } from './phrases.ts';
import { planned, sourceLost, type StrandedOutcome, type SwitchOutcome } from './story.ts';
import { type SwitchScene, switchingView } from './switch-view.ts';

/** They write before, between and after the switches. */
export interface FailoverOptions extends StoryOptions {
  /** Whether the source is lost, or the switch is planned. */
  readonly sourceLost: boolean;
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

/** Times of writing in a story. */
const CALMS = 3;

/** Runs until the tables are compared. A switch that has begun comes to its end. */
export function failoverRun(options: FailoverOptions): Promise<FailoverSummary> {
  return storyRun(options, (both, page, cleanups) => {
    const run = new FailoverRun(both, page, options);
    cleanups.push(() => run.stop());
    return run;
  });
}

class FailoverRun {
  readonly #both: BothDirections;
  readonly #page: LivePage;
  readonly #options: FailoverOptions;
  readonly #sayer: ReturnType<typeof sayer>;
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
    this.#sayer = sayer(options, page);
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
    this.#scene = { ...this.#scene, line };
    this.#sayer.say(line);
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
    const durationSeconds = this.#sayer.seconds();
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
