// What a rehearsal on AWS is said to cost, against the bill of `ferry cost` for its tables.

import { expect, it } from 'vitest';
import { alarmRules } from '../../src/alarms/alarm-rules.ts';
import { rehearsalEstimate } from '../../src/composition/rehearsal-estimate.ts';
import { scratchOf } from '../../src/composition/rehearsal-scratch.ts';
import { LISTED } from '../../src/cost/prices.ts';
import { EXISTING, replicationOf } from '../lib/stack-templates.ts';

const scratch = (changes: object) =>
  scratchOf(replicationOf({ ...EXISTING, ...changes }), 'rehearsal-ab2c');

it('counts the alarms that are deployed, for whole hours', () => {
  const plain = scratch({});
  const beating = scratch({ heartbeat: { key: { id: 'beat' } } });
  const [{ minutes, dollars = NaN }, more] = [plain, beating].map(rehearsalEstimate) as [
    ReturnType<typeof rehearsalEstimate>,
    ReturnType<typeof rehearsalEstimate>,
  ];

  const hours = Math.ceil(minutes[1] / 60);
  const { alarmMonth = NaN, metricMonth = NaN } = LISTED[plain.source.region]?.prices ?? {};
  const alarms = alarmRules(beating).length - alarmRules(plain).length;
  // A heartbeat has two metrics, and takes little else.
  const least = ((alarms * alarmMonth + 2 * metricMonth) * hours) / 730;
  expect(alarms).toBeGreaterThan(0);
  expect((more.dollars ?? NaN) - dollars).toBeGreaterThan(least);
  expect((more.dollars ?? NaN) - dollars).toBeLessThan(least * 1.5);
});

it('takes no transaction for the writes of the load, which are updates', () => {
  const { dollars } = rehearsalEstimate(scratch({ tombstones: 'strict' }));

  expect(dollars).toBeLessThanOrEqual(rehearsalEstimate(scratch({})).dollars ?? NaN);
});
