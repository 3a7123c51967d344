// Practice: a local run that is kept, and every command that an operator has, against the file that it wrote. No
// credentials are set, as on a newcomer's machine.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { POISON_MARKER } from '../../src/local/faults/fault-schedule.ts';
import { ferry, inNewFolder, keptRun, LIMIT_MS, press, WAIT, write } from './fixtures/kept-run.ts';

const folder = inNewFolder();

const POISONED = ['a', 'b', 'c'];
/** Nothing else writes: a difference that is seen twice is one. */
const SOON = ['--settle', '1'];

describe('ferry local --keep', () => {
  it(
    'leaves its dead letters to `ferry redrive`, and its tables to every other command',
    async () => {
      const run = await keptRun();
      const { config, pageUrl } = run;
      const done = { exitCode: 0, err: '' };

      expect(await ferry(config, 'verify')).toMatchObject({ exitCode: 0 });
      expect(await ferry(config, 'backfill')).toMatchObject(done);
      expect(await ferry(config, 'backfill', '--apply')).toMatchObject({ exitCode: 0 });
      expect(await ferry(config, 'adopt')).toMatchObject({
        exitCode: 0,
        out: expect.stringContaining('There is nothing to adopt'),
      });

      await press(pageUrl, '/faults/poison/on');
      await write(config, POISONED, { tag: { S: JSON.parse(POISON_MARKER) as string } });
      const waiting = async () => (await ferry(config, 'redrive', '--json')).out;
      await expect.poll(waiting, WAIT).toMatch(/"matched":3\b/);
      await press(pageUrl, '/faults/poison/off');
      expect(await ferry(config, 'status')).toMatchObject({
        exitCode: 3,
        out: expect.stringMatching(/^ +dead letters +3\b/m),
      });
      expect(await ferry(config, 'redrive', '--apply')).toMatchObject({ exitCode: 0 });

      const equal = { exitCode: 0, out: expect.stringContaining('The tables are equal') };
      expect(await ferry(config, 'verify')).toMatchObject(equal);
      expect(await run.end()).toMatchObject({ exitCode: 0 });
      // The file goes with the tables that it names.
      expect(existsSync(config)).toBe(false);
    },
    2 * LIMIT_MS,
  );

  it(
    'can be paused and resumed, and nothing is lost',
    async () => {
      const config = join(folder(), 'practice.json');
      // Of another emulator, where nothing answers: what the file names comes first.
      vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:9');
      const run = await keptRun('--write-config', config);

      expect(await ferry(config, 'pause', '--apply')).toMatchObject({ exitCode: 0 });
      await write(config, ['d', 'e'], { tag: { S: 'plain' } });
      expect(await ferry(config, 'status')).toMatchObject({
        exitCode: 3,
        out: expect.stringContaining('paused since'),
      });
      const report = join(folder(), 'report.jsonl');
      expect(await ferry(config, 'verify', ...SOON, '--report', report)).toMatchObject({
        exitCode: 3,
        out: expect.stringMatching(/missing +2\b/),
      });
      expect(await ferry(config, 'repair', ...SOON, '--report', report)).toMatchObject({
        exitCode: 3,
        out: expect.stringMatching(/to write +2\b/),
      });

      expect(await ferry(config, 'resume', '--apply')).toMatchObject({ exitCode: 0 });
      const again = async () =>
        (await ferry(config, 'verify', ...SOON, '--report', report)).exitCode;
      await expect.poll(again, WAIT).toBe(0);
      expect((await ferry(config, 'status')).out).not.toContain('paused since');
      expect(await run.end()).toMatchObject({ exitCode: 0 });
      expect(existsSync(config)).toBe(false);
    },
    2 * LIMIT_MS,
  );
});
