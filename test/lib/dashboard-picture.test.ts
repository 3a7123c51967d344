// The picture of the dashboard: nothing of the dashboard is missing in it, and its figures are right.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scaleTo, tickText } from '../../lib/dashboard-picture/axis.ts';
import {
  type GraphWidgetBody,
  parseDashboardBody,
  type TextWidgetBody,
} from '../../lib/dashboard-picture/dashboard-body.ts';
import { dashboardSvg } from '../../lib/dashboard-picture/dashboard-svg.ts';
import { evaluate } from '../../lib/dashboard-picture/metric-math.ts';
import { sampleDashboard } from '../../lib/dashboard-picture/sample-dashboard.ts';
import { SAMPLE_CAPTION, sampleData } from '../../lib/dashboard-picture/sample-data.ts';
import { MINUTES, sampleStory } from '../../lib/dashboard-picture/sample-story.ts';
import { shownSeries } from '../../lib/dashboard-picture/widget-series.ts';

const body = sampleDashboard();
const sample = sampleData();
const svg = dashboardSvg({ body, sample, caption: SAMPLE_CAPTION });
const words = wordsOf(svg);
const graphs = body.widgets.filter((one): one is GraphWidgetBody => one.type === 'metric');
const texts = body.widgets.filter((one): one is TextWidgetBody => one.type === 'text');

/** What a reader can read of a picture. */
function wordsOf(picture: string): string {
  return [...picture.matchAll(/<text[^>]*>(.*?)<\/text>/g)]
    .map(([, content = '']) => content.replaceAll(/<[^>]+>/g, ''))
    .join(' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

describe('metric math', () => {
  const series: Readonly<Record<string, ReadonlyArray<number | undefined>>> = {
    a: [1, undefined, 3],
    b: [10, 20, undefined],
    none: [undefined, undefined, undefined],
  };
  const find = (id: string) => series[id] ?? [];

  it.each([
    ['a', [1, undefined, 3]],
    ['7', [7, 7, 7]],
    ['a + b', [11, undefined, undefined]],
    ['b - a', [9, undefined, undefined]],
    ['a * 2', [2, undefined, 6]],
    ['b / 4', [2.5, 5, undefined]],
    ['b / 0', [undefined, undefined, undefined]],
    ['1 + a * 2', [3, undefined, 7]],
    ['(1 + a) * 2', [4, undefined, 8]],
    ['10 - 4 - 3', [3, 3, 3]],
    ['16 / 4 / 2', [2, 2, 2]],
    ['FILL(a, 0)', [1, 0, 3]],
    ['FILL(a, 0) + FILL(b, 0)', [11, 20, 3]],
    ['(FILL(a, 0) + FILL(b, 0)) * 0.5', [5.5, 10, 1.5]],
    ['MAX([a, b])', [10, 20, 3]],
    ['MAX([FILL(a, 0), FILL(b, 0)])', [10, 20, 3]],
    ['MAX([none, none])', [undefined, undefined, undefined]],
    ['FILL(none, 0) * 0.000000400002', [0, 0, 0]],
  ])('%s', (expression, expected) => {
    expect(evaluate(expression, find, 3)).toEqual(expected);
  });

  it.each(['RATE(a)', 'a +', '(a', 'FILL(a)', 'a b', 'MAX(a)', '[a, b]', 'a % 2', ''])(
    'refuses "%s", of which it knows nothing, by name',
    (expression) => {
      expect(() => evaluate(expression, find, 3)).toThrow(
        `Cannot evaluate the metric math "${expression}"`,
      );
    },
  );
});

describe('a scale', () => {
  it.each([
    [0, [0, 1]],
    [1, [0, 0.25, 0.5, 0.75, 1, 1.25]],
    [60, [0, 20, 40, 60, 80]],
    [600_000, [0, 200_000, 400_000, 600_000, 800_000]],
    [0.00012, [0, 0.00005, 0.0001, 0.00015]],
  ])('for %d has round steps, and shows all', (highest, ticks) => {
    expect(scaleTo(highest)).toEqual({ max: ticks.at(-1), ticks });
    expect(scaleTo(highest).max).toBeGreaterThan(highest);
  });

  it.each([
    [0, '0'],
    [0.25, '0.25'],
    [1_500, '1.5k'],
    [2_000_000, '2M'],
  ])('writes %d as %s', (value, expected) => {
    expect(tickText(value)).toBe(expected);
  });
});

describe('a dashboard in a template', () => {
  it('is read with names of resources in the place of what a deployment knows', () => {
    const property = {
      'Fn::Join': [
        '',
        ['{"widgets":"', { Ref: 'Fn1' }, ',', { 'Fn::GetAtt': ['Queue', 'Name'] }, '"}'],
      ],
    };

    expect(parseDashboardBody(property)).toEqual({ widgets: 'Fn1,Queue.Name' });
  });

  it('is refused where something else would be missing in the picture', () => {
    expect(() => parseDashboardBody({ 'Fn::Sub': '${X}' })).toThrow('cannot be resolved');
  });
});

describe('the sample story', () => {
  const story = sampleStory();
  const total = (of: (minute: (typeof story)[number]) => number) =>
    story.reduce((sum, minute) => sum + of(minute), 0);

  it('lets every record end once', () => {
    for (const { finished, applied, coalesced, deadLettered, superseded } of story) {
      const { redelivery, newer, deleted } = superseded;
      expect(applied + coalesced + deadLettered + redelivery + newer + deleted).toBe(finished);
      expect(applied).toBeGreaterThanOrEqual(0);
    }
    expect(story.at(-1)?.waiting).toBe(0);
  });

  it('has an outage of ten minutes, in which nothing ends and what waits grows old', () => {
    const out = story.filter(({ isOut }) => isOut);

    expect(out).toHaveLength(10);
    expect(out.every(({ finished, retried }) => finished === 0 && retried > 0)).toBe(true);
    expect(out.at(-1)?.oldestMs).toBe(600_000);
    expect(story.filter(({ isCatchingUp }) => isCatchingUp).length).toBeGreaterThan(3);
  });

  it('has dead letters that are gone half an hour later, and conflicts', () => {
    const waiting = story.filter(({ deadLetters }) => deadLetters === 3);

    expect(total(({ deadLettered }) => deadLettered)).toBe(3);
    expect(waiting).toHaveLength(30);
    expect(story.at(-1)?.deadLetters).toBe(0);
    expect(total(({ superseded }) => superseded.newer)).toBeGreaterThan(100);
  });

  it('tells no latency of minutes in which nothing arrived, and a long one behind them', () => {
    const query = { namespace: 'Ferry', name: 'ReplicationLatency', dimensions: [], stat: 'p99' };
    const latencies = sample(query);

    const from = story.findIndex(({ isOut }) => isOut);
    expect(latencies.slice(from, from + 10)).toEqual(Array.from({ length: 10 }));
    expect(latencies[from + 10]).toBeGreaterThan(590_000);
    expect(latencies.at(-1)).toBeLessThan(3_000);
  });

  it('knows each metric of the dashboard, and refuses others', () => {
    for (const graph of graphs)
      for (const { values } of shownSeries(graph, sample)) expect(values).toHaveLength(MINUTES);
    const unknown = { namespace: 'Ferry', name: 'Unheard', dimensions: [], stat: 'Sum' };
    expect(() => sample(unknown)).toThrow('no sample data for Ferry Unheard');
  });
});

describe('the picture', () => {
  it.each(graphs.map((graph) => [graph.properties.title, graph] as const))(
    'has "%s" with every label, axis and line',
    (title, { properties: { metrics, annotations, yAxis } }) => {
      const labels = metrics.flatMap((row) => {
        const look = row.at(-1) as { label?: string; visible?: boolean };
        return look.visible === false ? [] : [look.label ?? 'a label'];
      });
      const lines = (annotations?.horizontal ?? []).map(({ label }) => label ?? 'a label');
      const axes = [yAxis?.left?.label, yAxis?.right?.label].flatMap((label) => label ?? []);

      for (const part of [title, ...labels, ...lines, ...axes]) expect(words).toContain(part);
      expect(labels.length).toBeGreaterThan(0);
      expect(axes.length).toBeGreaterThan(0);
    },
  );

  it('has every text, with links and code but without their marks', () => {
    expect(texts).toHaveLength(6);
    for (const { properties } of texts) {
      const read = properties.markdown
        .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
        .replaceAll(/^#+ |`/gm, '')
        .replaceAll('\n', ' ');
      expect(words).toContain(read);
    }
  });

  it('has a curve, or its points, for every series with values', () => {
    const drawn = graphs.flatMap((graph) =>
      shownSeries(graph, sample).filter(({ values }) => values.some((one) => one !== undefined)),
    );

    const curves = svg.match(/class="curve"|<circle/g) ?? [];
    expect(curves.length).toBeGreaterThanOrEqual(drawn.length);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('cuts off no text: none has more lines than its widget has room for', () => {
    const cut = [...svg.matchAll(/<svg x=.*? height="([\d.]+)">\n(.*?)<\/svg>/gs)].filter(
      ([, height, content = '']) =>
        [...content.matchAll(/ y="([\d.]+)"/g)].some(([, y]) => Number(y) > Number(height)),
    );

    expect(svg.match(/<svg x=/g)).toHaveLength(texts.length);
    expect(cut).toEqual([]);
  });

  it('is well-formed XML that needs nothing from elsewhere', () => {
    expect(wellFormed(svg)).toBe(true);
    expect(svg).not.toMatch(/href|url\(|<script|<image|@import/);
    expect(svg.length).toBeLessThan(400 * 1024);
  });

  it('escapes what has a meaning in XML', () => {
    const place = { x: 0, y: 0, width: 24, height: 6 };
    const properties = { title: 'a < b & "c"', metrics: [['N', 'M', { label: '<&>' }]] as const };
    const text = { markdown: '# <h> & `c<d`' };
    const picture = dashboardSvg({
      body: {
        widgets: [
          { type: 'metric', ...place, properties },
          { type: 'text', ...place, properties: text },
        ],
      },
      sample: () => [1, undefined, 3],
      caption: '<caption>',
    });

    expect(wellFormed(picture)).toBe(true);
    expect(wordsOf(picture)).toContain('a < b & "c"');
    expect(wordsOf(picture)).toContain('<&>');
    expect(wordsOf(picture)).toContain('<h> & c<d');
  });

  it('says of a graph without figures that it has none', () => {
    const properties = { title: 'Nothing', metrics: [['N', 'M', { label: 'm' }]] as const };
    const widget = { type: 'metric', x: 0, y: 0, width: 8, height: 6, properties } as const;

    const picture = dashboardSvg({
      body: { widgets: [widget] },
      sample: () => [undefined],
      caption: 'x',
    });

    expect(wordsOf(picture)).toContain('No data');
  });

  it('is the same each time, and the same as in docs/', () => {
    expect(dashboardSvg({ body, sample: sampleData(), caption: SAMPLE_CAPTION })).toBe(svg);
    expect(
      readFileSync('docs/dashboard.svg', 'utf8') === svg,
      'Draw it again: npm run dashboard',
    ).toBe(true);
  });
});

describe('bin/dashboard-picture.ts', () => {
  it('draws into the file that it is told', () => {
    const directory = mkdtempSync(join(tmpdir(), 'ferry-picture-'));
    const out = join(directory, 'picture.svg');
    const args = ['--import', 'tsx', 'bin/dashboard-picture.ts', '--out', out];
    try {
      const { status } = spawnSync(process.execPath, args, { timeout: 150_000 });

      expect(status).toBe(0);
      expect(readFileSync(out, 'utf8')).toBe(svg);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

/** Every element is closed by its own name, every attribute quoted, every "&" a reference. */
function wellFormed(xml: string): boolean {
  const open: string[] = [];
  const parts = xml.split(/(<[^>]*>)/).filter((part) => part !== '');
  return (
    parts.every((part) => {
      if (/&(?!(amp|lt|gt|quot);)/.test(part)) return false;
      if (!part.startsWith('<')) return open.length > 0 || part.trim() === '';
      const [, closing, name = '', rest = '', empty] =
        /^<(\/?)([a-z]+)((?: [\w:-]+="[^"<]*")*)(\/?)>$/i.exec(part) ?? [];
      if (name === '') return false;
      if (closing === '/') return rest === '' && open.pop() === name;
      if (empty === '') open.push(name);
      return true;
    }) && open.length === 0
  );
}
