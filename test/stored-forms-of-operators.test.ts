// What operators' commands store, across releases: the forms of 0.2.0, which have no format, are read; what this release
// writes has one; a newer one is refused, and nothing of it is used.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type BackfillRun,
  noCounts,
  parseRun,
  parseSegment,
  runRow,
  segmentRow,
} from '../src/backfill/checkpoint.ts';
import { planBackfill } from '../src/backfill/run.ts';
import { reportLines } from '../src/bulk/reports.ts';
import { bulkInput, parseBulkTask, reportPrefix } from '../src/bulk/task.ts';
import { keysOfReport } from '../src/cli/report-file.ts';
import { historyLine, parseHistoryLine } from '../src/history/entry.ts';
import { newReport } from '../src/redrive/report.ts';
import { partLine, RedriveReports } from '../src/redrive/worker-reports.ts';
import {
  headerLine,
  mentionLine,
  parseReportLine,
  rejectedLine,
  summaryLine,
} from '../src/verify/difference-report.ts';
import type { WriteRequest } from '../src/model/write-request.ts';
import type { Item, ObjectStore } from '../src/ports.ts';
import { SETTINGS } from './fixtures/records.ts';
import { invocation, NOW_MS } from './fixtures/replication.ts';

const NEWER = 2;
const key = { pk: { S: 'a' } };

describe('the row of a backfill', () => {
  const run: BackfillRun = {
    run: 'ab12',
    totalSegments: 4,
    streamArn: 'arn:stream',
    destination: 'arn:table (id)',
    startedAt: '2026-01-31T12:00:00.000Z',
  };
  /** As 0.2.0 wrote it. */
  const earlier: Item = {
    id: { S: 'orders#backfill' },
    run: { S: 'ab12' },
    totalSegments: { N: '4' },
    streamArn: { S: 'arn:stream' },
    destination: { S: 'arn:table (id)' },
    startedAt: { S: '2026-01-31T12:00:00.000Z' },
    expiresAt: { N: '1777636801' },
  };
  const newer = { ...earlier, format: { N: String(NEWER) } };
  const plan = (row: Item, restart: boolean) => {
    const { clock, random, twinWriter } = invocation();
    const ledger = { get: async () => row };
    const stop = new AbortController().signal;
    const context = { rules: SETTINGS, ledger, twinWriter, clock, random, stop };
    return planBackfill({ ...run, run: 'fresh' }, restart, context);
  };

  it('is gone on with as 0.2.0 wrote it', async () => {
    expect(await plan(earlier, false)).toEqual({ run, resumed: true });
  });

  it('is written with a format, and read back', () => {
    const row = rowOf(runRow(run, SETTINGS, { nowMs: NOW_MS, overwrite: 'always' }));

    expect(row).toEqual({ ...earlier, expiresAt: row['expiresAt'], format: { N: '1' } });
    expect(parseRun(row)).toEqual(run);
  });

  it('holds a projection beside what 0.2.0 wrote: a reader that does not know it reads the rest', () => {
    const digest = 'd'.repeat(64);
    const projected = { ...run, projection: digest, reproject: true };

    const row = rowOf(runRow(projected, SETTINGS, { nowMs: NOW_MS, overwrite: 'always' }));

    const { projection, reproject, ...known } = row;
    expect({ projection, reproject }).toEqual({
      projection: { S: digest },
      reproject: { BOOL: true },
    });
    expect(parseRun(row)).toEqual(projected);
    expect(parseRun(known)).toEqual(run);
  });

  it('is refused in a newer format, unless a restart forgets it', async () => {
    await expect(plan(newer, false)).rejects.toMatchObject({
      code: 'backfill.unreadable',
      message: expect.stringContaining('its format is 2; this release reads 1') as string,
    });
    expect(await plan(newer, true)).toMatchObject({ run: { run: 'fresh' }, resumed: false });
  });
});

describe('the row of a segment', () => {
  const progress = { counts: { ...noCounts(), items: 7 }, done: false, next: key };
  const written = rowOf(segmentRow(progress, { run: 'ab12', segment: 3 }, SETTINGS, NOW_MS));

  it('counts nothing for what 0.2.0 did not count', () => {
    const { leftOut: _, rewritten: __, removed: ___, ...known } = written['counts']?.M ?? {};

    expect(parseSegment({ ...written, counts: { M: known } })).toEqual(progress);
  });

  it('is read as 0.2.0 wrote it', () => {
    const { format: _, ...earlier } = written;

    expect(parseSegment(earlier)).toEqual(progress);
  });

  it('is written with a format, and read back', () => {
    expect(written).toMatchObject({ format: { N: '1' } });
    expect(parseSegment(written)).toEqual(progress);
  });

  it.each([{ N: String(NEWER) }, { S: 'one' }])('is refused with the format %j', (format) => {
    expect(() => parseSegment({ ...written, format })).toThrow(/its format is (2|unreadable)/);
  });
});

describe('the report of a comparison', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ferry-stored-forms-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'report.jsonl');
  const header = {
    ferry: 'differences' as const,
    replication: 'orders',
    source: 's',
    destination: 'd',
    startedAt: 'now',
  };
  const keysOf = async (lines: readonly string[]) => {
    writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
    const keys: Item[] = [];
    const onUnfinished = () => expect.unreachable('it has its summary');
    const expected = { replication: 'orders', keys: [{ name: 'pk', type: 'S' as const }] };
    for await (const found of keysOfReport(path, { ...expected, onUnfinished })) keys.push(found);
    return keys;
  };
  const mention = mentionLine('in-flight', key);

  it('lists a key the same, with a reason or without', () => {
    expect(parseReportLine(mentionLine('unreadable', key))).toEqual({ kind: 'key', key });
    expect(parseReportLine(mentionLine('unreadable', key, 'ProjectionFailed'))).toEqual({
      kind: 'key',
      key,
      reason: 'ProjectionFailed',
    });
  });

  it('may name a projection in its header', () => {
    const projected = { ...header, projection: 'd'.repeat(64) };

    expect(parseReportLine(headerLine(projected))).toMatchObject({
      kind: 'header',
      header: projected,
    });
  });

  it('is read as 0.2.0 wrote it', async () => {
    const lines = [JSON.stringify(header), mention, JSON.stringify({ summary: { items: 1 } })];

    expect(await keysOf(lines)).toEqual([key]);
  });

  it('is written with a format, and read back', async () => {
    const lines = [headerLine(header), mention, summaryLine({ items: 1 })];

    expect(lines.map((line) => (JSON.parse(line) as { format?: number }).format)).toEqual([
      1,
      undefined,
      1,
    ]);
    expect(await keysOf(lines)).toEqual([key]);
  });

  it('is refused in a newer format', async () => {
    const lines = [JSON.stringify({ ...header, format: NEWER }), mention];

    await expect(keysOf(lines)).rejects.toMatchObject({
      code: 'report.unusable',
      message: `${path} cannot be used as a report: its format is 2; this release reads 1.`,
    });
  });
});

describe('the reports of a bulk run', () => {
  const linesOf = async (body: string) => {
    const lines = [];
    for await (const { line } of reportLines('run', bucketOf(body))) lines.push(line);
    return lines;
  };
  const sumOf = (line: string) => new RedriveReports('run', bucketOf(line)).sum();
  const report = { ...newReport(), found: 3, applied: 3 };

  it('are read as 0.2.0 wrote them', async () => {
    const rejected = { kind: 'rejected', key, reason: 'because' };
    const body = [rejected, { summary: { items: 1 } }].map((line) => JSON.stringify(line));

    expect(await linesOf(body.join('\n'))).toEqual([
      { kind: 'key', key, reason: 'because' },
      { kind: 'summary', summary: { items: 1 } },
    ]);
    expect(await sumOf(JSON.stringify({ summary: report }))).toMatchObject({ found: 3 });
    expect(await sumOf(JSON.stringify({ part: report }))).toMatchObject({ found: 3, applied: 3 });
  });

  it('are written with a format, and read back', async () => {
    const rejected = rejectedLine({ key, reason: 'because' });

    expect(JSON.parse(rejected)).toMatchObject({ kind: 'rejected', format: 1 });
    expect(parseReportLine(rejected)).toEqual({ kind: 'key', key, reason: 'because' });
    expect(JSON.parse(partLine(report))).toMatchObject({ format: 1, part: { found: 3 } });
    expect(await sumOf(partLine(report))).toMatchObject({ found: 3, applied: 3 });
    expect(await sumOf(summaryLine(report))).toMatchObject({ found: 3, applied: 3 });
  });

  it('are refused in a newer format', async () => {
    const newer = JSON.stringify({ format: NEWER, summary: report });

    await expect(linesOf(newer)).rejects.toMatchObject({ code: 'bulk.report-format' });
    await expect(sumOf(newer)).rejects.toMatchObject({ code: 'bulk.report-format' });
  });
});

describe('the input of a bulk run', () => {
  const task = {
    operation: 'verify' as const,
    run: 'r',
    totalSegments: 4,
    settleMs: 0,
    values: false,
  };

  it('is worked on as a command of 0.2.0 began it', () => {
    expect(parseBulkTask({ segment: 1, task })).toMatchObject({ segment: 1, task });
  });

  it('has a format, and is worked on', () => {
    const input = bulkInput({ segments: [1], workers: 2, task });

    expect(input).toEqual({ segments: [1], workers: 2, task: { ...task, format: 1 } });
    expect(parseBulkTask({ segment: 1, ...input })).toMatchObject({ segment: 1, task });
  });

  it('is refused in a newer format', () => {
    const event = { segment: 1, task: { ...task, format: NEWER } };

    expect(() => parseBulkTask(event)).toThrow(
      'The input of the bulk run cannot be read: its format is 2; this release reads 1.',
    );
  });
});

function rowOf(request: WriteRequest): Item {
  if (request.operation !== 'PutItem') throw new Error(`${request.operation} stores no row`);
  return request.input.Item ?? {};
}

/** With one report of the run called "run". */
function bucketOf(body: string): ObjectStore {
  const key = `${reportPrefix('run')}0.jsonl`;
  return {
    put: async () => undefined,
    delete: async () => undefined,
    get: async () => body,
    async *list() {
      yield [{ key, sizeBytes: body.length, storedAtMs: 0 }];
    },
  };
}

describe('a line of the history', () => {
  const line =
    '{"format":1,"startedAt":"2026-01-31T12:00:00.000Z","endedAt":"2026-01-31T12:00:09.000Z","by":"arn","command":"pause","replication":"orders","options":{},"counts":{"lagMs":3},"outcome":"done","version":"0.3.0"}';

  it('is read as this release writes it, with fields of later ones beside', () => {
    const later = line.replace(/}$/, ',"more":1}');
    const [now, then] = [line, later].map(parseHistoryLine);

    if (now?.kind !== 'entry') throw new Error('it is unreadable');
    expect(historyLine(now.entry)).toBe(line);
    expect(then).toMatchObject({ kind: 'entry', entry: { command: 'pause' } });
  });

  it('is left out in a newer format', () => {
    const newer = line.replace('"format":1', `"format":${NEWER}`);

    const problem = 'its format is 2; this release reads 1';
    expect(parseHistoryLine(newer)).toEqual({ kind: 'unreadable', problem });
  });
});
