// The whole of a replication in both directions on one machine: applications that write on both sides, both functions,
// what operators do about writes that are not replicated, and at the end a comparison of the tables and of the counts.

import type { LivePage } from '../page/live-page.ts';
import { TimedWriter } from '../latency/timed-writer.ts';
import { injectScheduled } from '../faults/fault-schedule.ts';
import type { Percentiles } from '../cloudwatch/metrics-tally.ts';
import type { Cleanup } from '../run/cleanup.ts';
import type { BothDirections } from '../run/local-world.ts';
import { type LocalRunProgress, progressOf, summaryOf } from '../run/run-summary.ts';
import { sayer, type StoryOptions, storyRun } from '../run/story-run.ts';
import { BOTH_FAULTS } from './fault-schedule.ts';
import { bothResult, type BothSummary } from './both-summary.ts';
import { bothView } from './both-view.ts';
import { openTraffic } from './open-traffic.ts';
import { openOperator, type Operator } from './operator.ts';
import { settleBoth } from './settle.ts';
import type { Traffic } from './traffic.ts';

export interface BothOptions extends StoryOptions {
  /** Injects faults while the applications write. */
  readonly faults: boolean;
}

/** Runs until the tables are compared. `writesPerSecond` is that of both sides together. */
export function bothRun(options: BothOptions): Promise<BothSummary> {
  return storyRun(options, (both, page, cleanups) => {
    const operator = openOperator(both, options.credentials, cleanups);
    return new BothRun({ both, page, operator, options }, cleanups);
  });
}

interface Stage {
  readonly both: BothDirections;
  readonly page: LivePage;
  readonly operator: Operator;
  readonly options: BothOptions;
}

class BothRun {
  readonly #stage: Stage;
  readonly #traffic: Traffic;
  readonly #sayer: ReturnType<typeof sayer>;
  readonly #latencies: Readonly<Record<'outward' | 'back', () => Percentiles | undefined>>;
  #latency: Record<'outward' | 'back', Percentiles | undefined>;
  #line = '';
  #writesPerSecond = 0;

  constructor(stage: Stage, cleanups: Cleanup[]) {
    this.#stage = stage;
    const { both, options } = stage;
    this.#traffic = openTraffic(both, options, cleanups);
    this.#sayer = sayer(options, stage.page);
    const { outward, back } = both;
    this.#latencies = { outward: outward.tally.latencyReader(), back: back.tally.latencyReader() };
    this.#latency = { outward: undefined, back: undefined };
  }

  progress(): LocalRunProgress {
    const { outward, back } = this.#latencies;
    this.#latency = {
      outward: outward() ?? this.#latency.outward,
      back: back() ?? this.#latency.back,
    };
    return progressOf(this.#counted());
  }

  async tell(): Promise<BothSummary> {
    const { both, page } = this.#stage;
    const story = () => bothView(both, { line: this.#line, latency: this.#latency });
    page.show({ world: both.whole, story, writes: () => this.#traffic.writes });
    page.phase('writing');
    this.#say('Applications write in both Regions.');
    await Promise.all([this.#write(), this.#injectFaults()]);
    const summary = await this.#settle();
    await page.end(bothResult(summary));
    return summary;
  }

  async #write(): Promise<void> {
    const { writesPerSecond, durationSeconds, clock, stop } = this.#stage.options;
    const writer = new TimedWriter({
      rate: writesPerSecond,
      planned: Math.round(writesPerSecond * durationSeconds),
      endMs: clock.now() + durationSeconds * 1000,
      clock,
      stop,
      send: () => this.#traffic.next(),
    });
    await writer.run();
    await this.#traffic.end();
    this.#writesPerSecond = writer.reachedRate;
  }

  async #injectFaults(): Promise<void> {
    const { both, options } = this.#stage;
    if (!options.faults) return;
    await injectScheduled({
      ...options,
      schedule: BOTH_FAULTS,
      world: both,
      durationMs: options.durationSeconds * 1000,
      onFault: (line) => this.#say(line),
    });
  }

  async #settle(): Promise<BothSummary> {
    const { both, page, operator, options } = this.#stage;
    page.phase('settling');
    this.#say('No application writes any more.');
    const { clock } = options;
    const end = await settleBoth({
      both,
      operator,
      clock,
      traffic: this.#traffic,
      onStory: (line) => this.#say(line),
      onComparing: () => page.phase('comparing'),
    });
    const { report, ...counts } = end;
    const durationSeconds = this.#sayer.seconds();
    const { tally } = both.whole;
    return {
      ...summaryOf(this.#counted(), { report, durationSeconds, redriven: undefined }),
      mode: both.outward.replication.twoWay?.mode ?? 'stamped',
      own: tally.sum('OwnRecords'),
      strays: tally.sum('StrayWrites'),
      conflicts: tally.sum('Conflicts'),
      applicationWrites: this.#traffic.writes,
      strayWritesMade: this.#traffic.strays,
      ...counts,
    };
  }

  #say(line: string): void {
    this.#line = line;
    this.#sayer.say(line);
  }

  #counted() {
    return {
      world: this.#stage.both.whole,
      options: this.#stage.options,
      writes: this.#traffic.writes,
      writesPerSecond: this.#writesPerSecond,
    };
  }
}
