// The alarms of a template -> the lines of the runbook that say when each fires.

import { METRIC_UNITS, RECONCILE_METRIC_UNITS } from '../../src/config/names.ts';
import type { Resources } from './sample-templates.ts';

interface AlarmProperties {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly MetricName: string;
  readonly Statistic?: string;
  readonly ExtendedStatistic?: string;
  readonly Period: number;
  readonly Threshold: number;
  readonly DatapointsToAlarm: number;
  readonly EvaluationPeriods: number;
  readonly TreatMissingData: string;
}

/** By the anchor of their entry. */
export function alarmLines(resources: Resources): ReadonlyMap<string, readonly string[]> {
  const alarms = Object.values(resources)
    .filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm')
    .map(({ Properties }) => Properties as unknown as AlarmProperties);
  const anchors = new Set(alarms.map(anchorOf));
  const linesOf = (anchor: string) =>
    alarms.filter((alarm) => anchorOf(alarm) === anchor).map(alarmLine);
  return new Map([...anchors].map((anchor) => [anchor, linesOf(anchor)]));
}

function anchorOf({ AlarmName, AlarmDescription }: AlarmProperties): string {
  const anchor = /#([a-z-]+)$/.exec(AlarmDescription)?.[1];
  if (anchor === undefined) throw new Error(`The description of ${AlarmName} names no entry.`);
  return anchor;
}

function alarmLine(alarm: AlarmProperties): string {
  const { AlarmName, MetricName, Threshold, DatapointsToAlarm, EvaluationPeriods, Period } = alarm;
  const unit = new Map([
    [60, 'minutes'],
    [3_600, 'hours'],
  ]).get(Period);
  if (unit === undefined) throw new Error(`${AlarmName} looks at neither minutes nor hours.`);
  const limit = amount(MetricName, Threshold);
  const often = `in ${DatapointsToAlarm} of ${EvaluationPeriods} ${unit}`;
  const silence =
    alarm.TreatMissingData === 'missing'
      ? `, or there is none for ${EvaluationPeriods} ${unit}`
      : '';
  return `- \`${AlarmName}\` fires if ${statistic(alarm)} \`${MetricName}\` is ${limit} or more ${often}${silence}.`;
}

function statistic({ AlarmName, Statistic, ExtendedStatistic = '' }: AlarmProperties): string {
  if (Statistic === 'Sum') return 'the sum of';
  if (Statistic === 'Maximum') return 'the maximum of';
  if (/^p\d+$/.test(ExtendedStatistic)) return `the ${ExtendedStatistic} of`;
  throw new Error(`${AlarmName} has a statistic without words.`);
}

const MILLISECONDS = new Set([
  'IteratorAge',
  ...Object.entries({ ...METRIC_UNITS, ...RECONCILE_METRIC_UNITS }).flatMap(([name, unit]) =>
    unit === 'Milliseconds' ? name : [],
  ),
]);

function amount(metricName: string, threshold: number): string {
  if (MILLISECONDS.has(metricName)) return duration(threshold / 1000);
  return metricName.startsWith('ApproximateAge') ? duration(threshold) : String(threshold);
}

/** "1 h 2 min 5 s". */
function duration(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor((seconds % 86_400) / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [seconds % 60, 's'],
  ] as const;
  return parts.flatMap(([count, unit]) => (count === 0 ? [] : `${count} ${unit}`)).join(' ');
}

const BLOCK = /<!-- fires -->\n(?:.*\n)*?<!-- end of fires -->/;

/**
 * The runbook with current lines in the entries that have a place for them.
 * @throws Error where an alarm has no entry, or its entry no place.
 */
export function withAlarmLines(runbook: string, resources: Resources): string {
  const lines = new Map(alarmLines(resources));
  const [head = '', ...entries] = runbook.split(/^(?=## )/m);
  const current = entries.map((entry) => {
    const anchor = /^## (.+)$/m.exec(entry)?.[1]?.toLowerCase().replaceAll(' ', '-') ?? '';
    const own = lines.get(anchor);
    if (own === undefined) return entry;
    if (!BLOCK.test(entry)) throw new Error(`The entry #${anchor} has no place for its alarms.`);
    lines.delete(anchor);
    return entry.replace(BLOCK, ['<!-- fires -->', ...own, '<!-- end of fires -->'].join('\n'));
  });
  if (lines.size > 0) throw new Error(`The runbook has no entry for ${[...lines.keys()].join()}.`);
  return head + current.join('');
}
