// What operators are promised stands once, in docs/guarantees.md: the README repeats it word for word, each
// promise names tests that exist, and prices follow from the units beside them.

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import schema from '../ferry.schema.json' with { type: 'json' };
import { CHECKED_TIMEOUT_SECONDS_MAX, LIST_PRICES, lookAgainSeconds } from '../src/contract.ts';
import { SYSTEMIC_ITEMS_MIN, SYSTEMIC_SHARE_MIN } from '../src/core/systemic-rejection.ts';

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
      'Written by somebody else',
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

  it('describes both kinds of tombstones', () => {
    const { tombstones } = schema.definitions.replication.properties;
    const described = entries(section(guarantees, 'Tombstones'), /- /);

    expect(described.map((one) => /^`(\w+)`/.exec(one)?.[1])).toEqual(tombstones.enum);
    expect(described[0]).toContain('the default');
    expect(tombstones.default).toBe(tombstones.enum[0]);
  });

  it('has the numbers that the code has', () => {
    const systemic = plain(section(guarantees, 'Systemic rejections'));

    expect(systemic).toContain(`at least ${SYSTEMIC_SHARE_MIN * 100} %`);
    expect(systemic).toContain(`at least ${SYSTEMIC_ITEMS_MIN} different records`);
    expect(plain(guarantees)).toContain(`timeout of at most ${CHECKED_TIMEOUT_SECONDS_MAX} s`);
  });
});

describe('the prices of tombstones', () => {
  const rows = section(guarantees, 'Tombstones')
    .split('\n')
    .filter((line) => line.startsWith('| ') && line.includes('$'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .flatMap(([, write = '', checked = '', strict = '', checkedPrice = '', strictPrice = '']) => [
      { write, mode: 'checked', units: checked, price: checkedPrice },
      { write, mode: 'strict', units: strict, price: strictPrice },
    ]);

  it('are given for every kind of write', () => {
    expect(rows.length).toBeGreaterThanOrEqual(10);
  });

  it.each(rows)('follow from the units: $mode, $write', ({ units, price }) => {
    expect(price).toBe(perMillion(units));
  });
});

/** What a million writes cost whose items take one write unit: `2× + 3 + 0.5 r` and the like. */
function perMillion(text: string): string {
  const dollars = text.split(' + ').reduce((sum, part) => {
    const amount = Number.parseFloat(part);
    return sum + amount * (part.endsWith(' r') ? LIST_PRICES.readUnit : LIST_PRICES.writeUnit);
  }, 0);
  return `$${(Math.round(dollars * 1e8) / 100).toFixed(2)}`;
}
