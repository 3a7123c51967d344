// The settings of comparisons on a schedule.

import { Type } from 'typebox';
import { defaulted, flag, group, integer } from './schema-forms.ts';

const { String: Text } = Type;

export const reconcile = group(
  'reconcile',
  'Compares both tables on a schedule, as `ferry verify` does, and repairs differences if you want it. Results are metrics, alarms, and reports in the on-failure bucket. `ferry status` shows the last run.',
  {
    every: defaulted(
      Text({
        pattern: '^([1-9]|[1-8][0-9]|90) days?$',
        default: '7 days',
        description:
          '1 day to 90 days. The time from the start of one run to the start of the next one.',
        examples: ['7 days', '1 day'],
      }),
    ),
    sample: defaulted(
      Text({
        // Not 0: a run that compares nothing would find no difference.
        pattern: '^(?!0(\\.0+)?%)(100|[1-9]?[0-9](\\.[0-9]{1,3})?)%$',
        default: '100%',
        description:
          'A percentage, at least 0.001%. The share of the items that is compared. Each run draws other items, and states how sure it is.',
        examples: ['100%', '1%'],
      }),
    ),
    repair: flag(
      false,
      'Whether a run repairs the differences that it has found, after a second look at each. It never overwrites a newer item.',
    ),
    repairItemsMax: integer(
      [1, 10_000, 1_000],
      'Maximum number of items that a run repairs. If it finds more differences, it repairs none, and the alarm stays.',
    ),
    // A page of a scan takes up to 256, and has to fit into one invocation.
    maxReadUnits: integer([50, 100_000, 500], 'Maximum read capacity to use on each side, in RCU.'),
  },
);
