// What operators are promised stands once, in docs/guarantees.md: the README repeats it word for word, each
// promise names tests that exist, and prices are those that are counted.

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { countCosts } from '../bench/costs.ts';
import schema from '../ferry.schema.json' with { type: 'json' };
import { CHECKED_TIMEOUT_SECONDS_MAX, LIST_PRICES, lookAgainSeconds } from '../src/config/names.ts';
import { SYSTEMIC_ITEMS_MIN, SYSTEMIC_SHARE_MIN } from '../src/replicate/systemic-rejection.ts';

const guarantees = readFileSync('docs/guarantees.md', 'utf8');
const readme = readFileSync('README.md', 'utf8');
const promised = section(readme, 'What it guarantees');

/** From a heading to the next one of its level or a higher one. */
function section(markdown: string, title: string): string {
  const start = new RegExp(`^(#+) ${title}$`, 'm').exec(markdown);
  const [heading = '', marks = ''] = start ?? [];
  const body = markdown.slice((start?.index ?? markdown.length) + heading.length);
  return body.split(new RegExp(`^#{1,${marks.length}} `, 'm'))[0] ?? '';
}

/** Without line breaks and emphasis. */
function plain(markdown: string): string {
  return markdown.replaceAll('**', '').replaceAll(/\s+/g, ' ').trim();
}

/** The entries of a list, each with its lines joined. */
function entries(markdown: string, mark: RegExp): string[] {
  return markdown
    .split(new RegExp(`^(?=${mark.source})`, 'm'))
    .filter((part) => part.match(mark)?.index === 0)
    .map((part) => part.split('\n\n')[0]?.replace(mark, '') ?? '');
}

const promises = entries(section(guarantees, 'Promises'), /\d+\. /);
const exceptions = entries(section(guarantees, 'Exceptions'), /\d+\. /);
const exceptionNames = exceptions.map((one) => /^\*\*(.+?)\.?\*\*/.exec(one)?.[1] ?? '');

describe('the README', () => {
  const bullets = entries(promised, /- /).map(plain);

  it('promises something', () => {
    expect(bullets.length).toBeGreaterThan(5);
  });

  it.each(bullets)('says what docs/guarantees.md says: %s', (bullet) => {
    expect(plain(guarantees)).toContain(bullet);
  });

  it('says how long a deleted item can be back, in the same words', () => {
    const delay = /`D` stands for .+? by default\./s.exec(promised)?.[0] ?? '';

    expect(delay).toContain(`${lookAgainSeconds(0)} s`);
    expect(delay).toContain(`${lookAgainSeconds(60)} s`);
    expect(plain(guarantees)).toContain(plain(delay));
  });

  it('names all exceptions, in their order', () => {
    const [, list = ''] = /There are eight exceptions: (.+?)\./.exec(plain(promised)) ?? [];

    const names = exceptionNames.map((name) => `${name.charAt(0).toLowerCase()}${name.slice(1)}`);
    expect(list).toBe(names.join(', '));
  });
});

describe('docs/guarantees.md', () => {
  it.each(promises.map((promise) => [plain(promise).split('. ')[0] ?? '', promise] as const))(
    'names tests that exist: %s',
    (_summary, promise) => {
      const paths = [...promise.matchAll(/`(test\/[\w./-]+)`/g)].map(([, path = '']) => path);

      expect(paths.length).toBeGreaterThan(0);
      expect(paths.filter((path) => !path.endsWith('.test.ts') || !existsSync(path))).toEqual([]);
    },
  );

  it('lists every exception that we know', () => {
    expect(exceptionNames).toEqual([
      'Back for a while',
      'Later than D',
      'Catching up with a copy',
      'Written by another writer',
      'At least once',
      'Lost records',
      'Redrive without the source',
      'Sequence numbers',
    ]);
  });

  it('has a promise for each exception, and an exception for each that a promise refers to', () => {
    const references = promises.flatMap((promise) =>
      [...promise.matchAll(/Exceptions? ([\d, and]+)\./g)].flatMap(([, list = '']) =>
        [...list.matchAll(/\d+/g)].map(([number]) => Number(number)),
      ),
    );

    const numbers = [...new Set(references)].toSorted((a, b) => a - b);
    expect(numbers).toEqual(exceptions.map((_, index) => index + 1));
  });

  it('describes all kinds of tombstones', () => {
    const { tombstones } = schema.definitions.replication.properties;
    const described = entries(section(guarantees, 'Tombstones'), /- /);

    expect(described.map((one) => /^`([\w-]+)`/.exec(one)?.[1])).toEqual(tombstones.enum);
    expect(described[0]).toContain('the default');
    expect(tombstones.description).toContain(`Default: ${tombstones.enum[0]}`);
  });

  it('has the numbers that the code has', () => {
    const systemic = plain(section(guarantees, 'Systemic rejections'));

    expect(systemic).toContain(`at least ${SYSTEMIC_SHARE_MIN * 100} %`);
    expect(systemic).toContain(`at least ${SYSTEMIC_ITEMS_MIN} different items`);
    expect(plain(guarantees)).toContain(`timeout of at most ${CHECKED_TIMEOUT_SECONDS_MAX} s`);
  });
});

/** Rows of the tables of a section, by their first cell. */
function tableRows(title: string): Map<string, string[]> {
  const lines = section(guarantees, title)
    .split('\n')
    .filter((line) => line.startsWith('| '));
  return new Map(
    lines.map((line) => {
      const [, name = '', ...cells] = line.split('|').map((cell) => cell.trim());
      return [name, cells] as const;
    }),
  );
}

interface Units {
  /** As many times a plain write of the item. */
  readonly times: number;
  readonly plus: number;
  readonly reads: number;
}

/** `2× + 3`, `1× + 0.5 r` and the like, whatever is said beside it. */
function unitsIn(text: string): Units {
  const sum = { times: 0, plus: 0, reads: 0 };
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(×| r\b|)/g)) {
    const what = unit === '×' ? 'times' : unit === '' ? 'plus' : 'reads';
    sum[what] += Number(amount);
  }
  return sum;
}

describe('the prices', () => {
  const writes = [...tableRows('Tombstones')].filter(([, cells]) => cells[2]?.startsWith('$'));
  const prices = writes.flatMap(([write, [checked = '', strict = '', ...dollars]]) => [
    { write, mode: 'checked', units: checked, price: dollars[0] },
    { write, mode: 'strict', units: strict, price: dollars[1] },
  ]);

  it('are given for every kind of write', () => {
    expect(prices).toHaveLength(10);
  });

  it.each(prices)('in dollars follow from the units: $mode, $write', ({ units, price }) => {
    const { times, plus, reads } = unitsIn(units);

    const perUnit = (times + plus) * LIST_PRICES.writeUnit + reads * LIST_PRICES.readUnit;
    expect(price).toBe(`$${(Math.round(perUnit * 1e8) / 100).toFixed(2)}`);
  });

  it('in units are those that are counted', async () => {
    const counted = new Map(
      (await countCosts()).map(({ what, times, plus, readUnits: reads }) => [
        what,
        { times, plus, reads },
      ]),
    );

    for (const { documented, counted: what } of pricesOfWrites()) {
      expect({ what, units: documented }).toEqual({ what, units: counted.get(what) });
    }
  });
});

/** What the tables say, beside the name under which bench/costs.ts counts it. */
function pricesOfWrites(): Array<{ documented: Units; counted: string }> {
  const [writes, others] = [tableRows('Tombstones'), tableRows('Everything else')];
  const write = (name: string, mode: 0 | 1, counted: string) => ({
    documented: unitsIn(writes.get(name)?.[mode] ?? ''),
    counted,
  });
  const other = (name: string, counted: string) => ({
    documented: unitsIn(others.get(name)?.[0] ?? ''),
    counted,
  });
  const deleted = write('delete', 0, 'checked: delete');
  return [
    write('insert, at most 30 s old', 0, 'checked: insert, young'),
    write('insert, at most 30 s old', 1, 'strict: insert'),
    write('insert, older than 30 s', 0, 'checked: insert, older than 30 s'),
    write('insert, older than 30 s', 1, 'strict: insert'),
    write('update', 0, 'update'),
    write('update', 1, 'update'),
    write('update of an item that is not there', 0, 'update on an empty place'),
    write('update of an item that is not there', 1, 'update on an empty place'),
    // The look-again function reads, not the replicator that is counted here.
    { ...deleted, documented: { ...deleted.documented, reads: deleted.documented.reads - 1 } },
    write('delete', 1, 'strict: delete'),
    other('copy by a backfill, beside the stream', 'copy'),
    other(
      'repair of an item, or its re-synchronisation by another command',
      're-synchronise, different',
    ),
    other('redrive of a record', 'redrive of a put'),
    other('control row', 'cold start'),
  ];
}
