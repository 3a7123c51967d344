// The alarms of a local rehearsal: the rules of a deployment, on the figures of the run.

import { alarmRules } from '../../alarms/alarm-rules.ts';
import { isFiring } from '../../alarms/firing.ts';
import type { AlarmRule, MetricReference } from '../../alarms/rule.ts';
import type { ReplicationConfig } from '../../config/schema.ts';
import type { FigureTime } from '../cloudwatch/figure-time.ts';
import type { LocalWorld } from '../run/local-world.ts';
import { HEARTBEAT_ERRORS } from './beats.ts';

export type RulesOf = (replication: ReplicationConfig) => readonly AlarmRule[];

export class LocalAlarms {
  readonly #worlds: ReadonlyArray<readonly [LocalWorld, readonly AlarmRule[]]>;
  readonly #time: FigureTime;

  constructor(worlds: readonly LocalWorld[], time: FigureTime, rulesOf: RulesOf = alarmRules) {
    this.#worlds = worlds.map((world) => [world, rulesOf(withLongInvocations(world.replication))]);
    this.#time = time;
  }

  get names(): string[] {
    return [...new Set(this.#worlds.flatMap(([, rules]) => rules.map(({ anchor }) => anchor)))];
  }

  /** Those that fire now, of any direction. */
  async firing(): Promise<string[]> {
    const names = new Set<string>();
    for (const [world, rules] of this.#worlds) {
      await this.#countLetters(world);
      for (const rule of rules) if (this.#fires(rule, world)) names.add(rule.anchor);
    }
    return [...names];
  }

  #fires(rule: AlarmRule, { history }: LocalWorld): boolean {
    const nowMs = this.#time.now();
    const points = history.points(keptAs(rule.metric), rule.metric.statistic, {
      fromMs: 0,
      toMs: nowMs + 1,
    });
    return isFiring(rule, points, nowMs);
  }

  /** SQS publishes it by the minute. */
  async #countLetters({ failures, history }: LocalWorld): Promise<void> {
    const size = await failures.queue.size();
    history.add('ApproximateNumberOfMessagesVisible', [size], this.#time.now());
  }
}

/** Retries and pauses do not shrink with the minutes of the alarms: an invocation is as long as several of them. */
const INVOCATION_SECONDS = 10 * 60;

/** The windows of the rules follow from the longest invocation. */
function withLongInvocations(replication: ReplicationConfig): ReplicationConfig {
  const settings = { ...replication.function, timeoutSeconds: INVOCATION_SECONDS };
  return { ...replication, function: settings };
}

/** Under which name the history has a metric. */
function keptAs({ of, name }: MetricReference): string {
  if (of === 'heartbeat function') return HEARTBEAT_ERRORS;
  return of === 'own' || of === 'function' || of === 'mapping' || of === 'dead-letter queue'
    ? name
    : `${of} ${name}`;
}
