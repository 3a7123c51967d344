import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createReportFile, keysOfReport } from '../../src/cli/report-file.ts';
import { differenceLine } from '../../src/verify/difference-report.ts';

const directory = mkdtempSync(join(tmpdir(), 'ferry-report-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const header = {
  ferry: 'differences' as const,
  replication: 'orders',
  source: 's',
  destination: 'd',
  startedAt: 'now',
};
const missing = (pk: string) =>
  differenceLine(
    {
      kind: 'missing',
      key: { pk: { S: pk } },
      attributes: [],
      source: undefined,
      destination: undefined,
    },
    { values: false },
  );

async function read(path: string) {
  const told = { unfinished: false };
  const keys: string[] = [];
  const expected = {
    replication: 'orders',
    keys: [{ name: 'pk', type: 'S' as const }],
    onUnfinished: () => (told.unfinished = true),
  };
  for await (const key of keysOfReport(path, expected)) keys.push(key['pk']?.S ?? '');
  return { keys, ...told };
}

describe('a report file', () => {
  it('is read as it was written, whatever the keys hold', async () => {
    const path = join(directory, 'report.jsonl');
    const names = ['plain', 'line\u2028separator', 'paragraph\u2029separator', 'new\nline', '"'];
    const file = createReportFile(path, header);
    for (const name of names) file.add(missing(name));
    file.finish({});

    expect(await read(path)).toEqual({ keys: names, unfinished: false });
    // Readers disagree about these two.
    expect(readFileSync(path, 'utf8')).not.toMatch(/[\u2028\u2029]/);
  });

  it('is in place only when it is whole, and two at once do not meet', () => {
    const path = join(directory, 'twice.jsonl');
    const older = `${JSON.stringify(header)}\n`;
    writeFileSync(path, older);
    const file = createReportFile(path, header);

    expect(readFileSync(path, 'utf8')).toBe(older);
    expect(file.partPath).toContain(String(process.pid));
    file.finish({});
    expect(readFileSync(path, 'utf8')).toContain('"summary"');
  });

  it('takes the place of no file that is no report', () => {
    const path = join(directory, 'ferry.json');
    writeFileSync(path, '{"replications":[]}');

    expect(() => createReportFile(path, header)).toThrow(/ferry.json is no report/);
    expect(readFileSync(path, 'utf8')).toBe('{"replications":[]}');
  });

  it('cannot take the place of a directory, which is told before any work', () => {
    expect(() => createReportFile(directory, header)).toThrow(/is a directory/);
  });

  it('cannot take the place of a device: it would be a file from then on', (context) => {
    if (!existsSync('/dev/null')) context.skip();
    // A link, so that a failure breaks nothing but this test's folder.
    const path = join(directory, 'null');
    symlinkSync('/dev/null', path);

    expect(() => createReportFile(path, header)).toThrow(/is a device or a pipe, not a file/);
    expect(readdirSync(directory).filter((name) => name.startsWith('null.'))).toEqual([]);
  });

  it('that was torn off is used as far as it goes, and said to be so', async () => {
    const path = join(directory, 'torn.jsonl');
    writeFileSync(
      path,
      [JSON.stringify(header), missing('a'), missing('b').slice(0, 12)].join('\n'),
    );

    expect(await read(path)).toEqual({ keys: ['a'], unfinished: true });
  });

  it.each([
    ['a line in the middle that is none', `${missing('a').slice(0, 9)}\n${missing('b')}`, /line 2/],
    [
      'a line that is not JSON, whose column is told and not its text',
      '{"kind":"missing","key":{"pk":{"S":"a"}} "secret"}\n{}',
      /: line 2 is not JSON, at column 42\.$/,
    ],
    ['a key of another type', '{"kind":"missing","key":{"pk":{"N":"1"}}}', /line 2/],
    ['a key of another table', '{"kind":"missing","key":{"id":{"S":"1"}}}', /line 2/],
  ])('is refused for %s', async (_, lines, expected) => {
    const path = join(directory, 'strange.jsonl');
    writeFileSync(path, `${JSON.stringify(header)}\n${lines}\n`);

    await expect(read(path)).rejects.toThrow(expected);
  });
});
