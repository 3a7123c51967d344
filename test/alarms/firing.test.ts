// Whether an alarm fires, as CloudWatch would say it of the same datapoints.

import { expect, it } from 'vitest';
import { alarmRules } from '../../src/alarms/alarm-rules.ts';
import { isFiring, type Points } from '../../src/alarms/firing.ts';
import type { AlarmRule } from '../../src/alarms/rule.ts';
import { BEATING, replicationOf } from '../lib/stack-templates.ts';

const MINUTE_MS = 60_000;
const NOW_MS = Date.UTC(2026, 0, 31, 12, 0, 30);

const rules = alarmRules(replicationOf(BEATING));

function rule(anchor: string, changes: Partial<AlarmRule> = {}): AlarmRule {
  const found = rules.find((one) => one.anchor === anchor);
  if (found === undefined) throw new Error(`no rule ${anchor}`);
  return { ...found, ...changes };
}

/** A value each, the last one of the minute that has begun. */
function lastMinutes(...values: Array<number | undefined>): Points {
  const startMs = NOW_MS - (NOW_MS % MINUTE_MS);
  return values.flatMap((value, index) =>
    value === undefined
      ? []
      : [[startMs - (values.length - 1 - index) * MINUTE_MS, value] as const],
  );
}

const denied = rule('destination-denied');
const silent = rule('heartbeat-missing');
const daily = rule('destination-denied', {
  metric: { ...denied.metric, periodSeconds: 86_400 },
  threshold: 10,
  minutes: 1,
  periods: 1,
});

it.each<readonly [string, AlarmRule, Points, boolean]>([
  ['nothing was published', denied, [], false],
  ['one minute of two', denied, lastMinutes(3), false],
  ['two minutes', denied, lastMinutes(3, 1), true],
  ['two minutes with gaps between', denied, lastMinutes(3, undefined, undefined, 1), true],
  ['values below the threshold', denied, lastMinutes(0, 0, 0), false],
  ['the oldest minute that counts', denied, lastMinutes(3, ...without(8), 1), true],
  ['a minute that counts no more', denied, lastMinutes(3, ...without(9), 1), false],
  ['silence before the first datapoint', silent, [], false],
  ['silence after it', silent, lastMinutes(0, ...without(5)), true],
  ['a datapoint in time', silent, lastMinutes(0, ...without(4)), false],
  ['an age that is too high', silent, lastMinutes(300_000), true],
  ['sums of a day', daily, lastMinutes(4, 4, 3), true],
  ['sums of a day, too low', daily, lastMinutes(4, 4, 1), false],
])('%s', (_, one, points, fires) => {
  expect(isFiring(one, points, NOW_MS)).toBe(fires);
});

function without(minutes: number): undefined[] {
  return Array.from({ length: minutes });
}
