// The page for Prometheus, read by the rules of the text format, version 0.0.4, by a parser that knows nothing of Ferry.

import { expect, it } from 'vitest';
import { RUN_METRIC_UNITS } from '../../src/config/names.ts';
import {
  PROMETHEUS_TYPE,
  PrometheusFigures,
  prometheusText,
  type ShownReplication,
} from '../../src/run/prometheus.ts';

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

/** @throws Error where the text breaks a rule of the format. */
function parse(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line must end with a line feed');
  const families = new Map<string, Family>();
  const helps = new Map<string, string>();
  const closed = new Set<string>();
  const seen = new Set<string>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const [, keyword, about = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      if (helps.has(about)) throw new Error(`a second HELP of ${about}`);
      if (/\\[^\\n]/.test(rest)) throw new Error(`a wrong escape in ${line}`);
      helps.set(about, rest);
    } else if (keyword === 'TYPE') {
      if (families.has(about)) throw new Error(`a second TYPE of ${about}`);
      if (!/^(counter|gauge|histogram|summary|untyped)$/.test(rest)) throw new Error(line);
      closed.add(current);
      current = about;
      families.set(about, { type: rest, help: helps.get(about) ?? '', samples: [] });
    } else {
      const sample = sampleIn(line);
      const family = families.get(current);
      const base =
        family?.type === 'histogram'
          ? sample.name.replace(/_(bucket|sum|count)$/, '')
          : sample.name;
      if (family === undefined || base !== current || closed.has(base))
        throw new Error(`${sample.name} is not with its TYPE`);
      const unique = JSON.stringify([sample.name, Object.entries(sample.labels).join()]);
      if (seen.has(unique)) throw new Error(`a second line of ${unique}`);
      seen.add(unique);
      family.samples.push(sample);
    }
  }
  return families;
}

function sampleIn(line: string): Sample {
  const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\{(.*)\} (\S+)$/.exec(line);
  if (match === null) throw new Error(`no sample: ${line}`);
  const [, name = '', inner = '', number = ''] = match;
  const labels: Record<string, string> = {};
  let rest = inner;
  while (rest !== '') {
    const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^\\"]|\\[\\"n])*)"(?:,|$)/.exec(rest);
    if (label === null) throw new Error(`no label: ${rest}`);
    const [whole, key = '', value = ''] = label;
    if (key in labels) throw new Error(`a second label ${key}`);
    labels[key] = value.replaceAll(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
    rest = rest.slice(whole.length);
  }
  const value = number === '+Inf' ? Infinity : Number(number);
  if (Number.isNaN(value)) throw new Error(`no number: ${number}`);
  return { name, labels, value };
}

const OWN = { ferry_lease_held: 1, ferry_keeping_up: 0, ferry_iterator_age_seconds: 1.5 };

function shown(
  name: string,
  figures = new PrometheusFigures({ replication: name }),
): ShownReplication {
  return { figures, own: OWN };
}

function figuresOf(labels: Readonly<Record<string, string>>, ...values: object[]) {
  const figures = new PrometheusFigures(labels);
  for (const one of values) figures.add(one, 0);
  return figures;
}

it('is a page of the format with HELP and TYPE for each metric, also before the first batch', () => {
  const families = parse(prometheusText([shown('orders'), shown('books')], 0));

  expect(PROMETHEUS_TYPE).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(families.size).toBe(Object.keys(RUN_METRIC_UNITS).length + Object.keys(OWN).length);
  for (const [name, { type, help, samples }] of families) {
    expect(`${name}: ${help}`).not.toBe(`${name}: `);
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    expect(new Set(samples.map(({ labels }) => labels['replication']))).toEqual(
      new Set(['orders', 'books']),
    );
  }
});

it('counts, and shows the highest of the last minute of what does not add up', () => {
  const figures = figuresOf(
    { replication: 'orders' },
    { AppliedRecords: 2, OldestUnappliedAge: 9_000 },
  );
  figures.add({ AppliedRecords: 3, OldestUnappliedAge: 1_500, PendingRecords: 7 }, 50_000);
  const at = (nowMs: number) => {
    const families = parse(prometheusText([shown('orders', figures)], nowMs));
    return (name: string) => families.get(name)?.samples[0]?.value;
  };

  expect(at(55_000)('ferry_applied_records_total')).toBe(5);
  expect(at(55_000)('ferry_oldest_unapplied_age_seconds')).toBe(9);
  expect(at(55_000)('ferry_pending_records')).toBe(7);
  expect(at(70_000)('ferry_oldest_unapplied_age_seconds')).toBe(1.5);
  expect(at(200_000)('ferry_oldest_unapplied_age_seconds')).toBe(0);
  expect(at(200_000)('ferry_iterator_age_seconds')).toBe(1.5);
});

it('has latencies as a histogram in seconds, whose buckets add up', () => {
  const latencies = [10, 50, 51, 400, 1_000, 2_500, 90_000_000];
  const figures = figuresOf({ replication: 'orders' }, { ReplicationLatency: latencies });
  const { type, samples = [] } =
    parse(prometheusText([shown('orders', figures)], 0)).get('ferry_replication_latency_seconds') ??
    {};

  expect(type).toBe('histogram');
  const buckets = samples.filter(({ name }) => name.endsWith('_bucket'));
  const limits = buckets.map(({ labels }) => Number(labels['le']?.replace('+Inf', 'Infinity')));
  expect(limits).toEqual(limits.toSorted((a, b) => a - b));
  expect(limits.at(-1)).toBe(Infinity);
  for (const [index, limit] of limits.entries())
    expect(buckets[index]?.value).toBe(latencies.filter((ms) => ms / 1000 <= limit).length);
  const [sum, count] = ['sum', 'count'].map((end) =>
    samples.find(({ name }) => name.endsWith(end)),
  );
  expect(count?.value).toBe(latencies.length);
  expect(sum?.value).toBeCloseTo(latencies.reduce((all, ms) => all + ms / 1000, 0));
});

it('escapes labels', () => {
  const odd = 'a "b" \\ c\nd, e="f"} 1';
  const families = parse(prometheusText([shown('orders', figuresOf({ replication: odd }))], 0));

  for (const { samples } of families.values()) expect(samples[0]?.labels['replication']).toBe(odd);
});
