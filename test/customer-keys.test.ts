// docs/customer-keys.md shows what the code does: its configuration, its settings, its key policies.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import schema from '../ferry.schema.json' with { type: 'json' };
import { keyPolicies } from '../src/permissions/key-policy.ts';
import { parseConfig } from '../src/config/config.ts';

const TIMEOUT_MS = 150_000;
const temporary = mkdtempSync(join(tmpdir(), 'ferry-keys-'));
afterAll(() => rmSync(temporary, { recursive: true }));

const page = readFileSync('docs/customer-keys.md', 'utf8');
const [configText = '', policiesText = ''] = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(
  ([, text]) => text,
);
const ACCOUNT = '111122223333';

describe('docs/customer-keys.md', () => {
  it('shows the key policies of the configuration that it shows', () => {
    const { replications } = parseConfig(JSON.parse(configText));

    const policies = Object.fromEntries(keyPolicies(replications, ACCOUNT));

    expect(policiesText).toBe(`${JSON.stringify(policies, undefined, 2)}\n`);
  });

  it('explains each statement', () => {
    const { replications } = parseConfig(JSON.parse(configText));
    const sids = [...keyPolicies(replications, ACCOUNT).values()].flat().map(({ Sid }) => Sid);

    expect(new Set(sids).size).toBe(4);
    for (const sid of sids) expect(page).toContain(`| \`${sid}\` | `);
  });

  it('lists each setting of a key', () => {
    const listed = [...page.matchAll(/^\| `((?:encryption|source|destination)\.\w+)` \|/gm)].map(
      ([, setting]) => setting,
    );

    const { encryption, source, destination } = schema.definitions;
    expect(listed).toEqual([
      ...Object.keys(encryption.properties).map((name) => `encryption.${name}`),
      'source.kmsKeyArn',
      'destination.kmsKeyArn',
    ]);
    expect(source.properties).toHaveProperty('kmsKeyArn');
    expect(destination.properties).toHaveProperty('kmsKeyArn');
  });
});

describe('npm run key-policy', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', 'bin/key-policy.ts', ...args], {
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
    });

  it(
    'prints what the page shows',
    () => {
      const config = join(temporary, 'ferry.json');
      writeFileSync(config, configText);

      const { status, stdout, stderr } = run('--account', ACCOUNT, '--config', config);

      expect(stderr).toBe('');
      expect(stdout).toBe(policiesText);
      expect(status).toBe(0);
    },
    TIMEOUT_MS,
  );

  it.each([
    ['without an account', [], '--account must be 12 digits, got ""'],
    ['with an option that there is not', ['--acount', ACCOUNT], 'There is no option --acount'],
    ['with a value of no option', [ACCOUNT], `There is no option ${ACCOUNT}`],
    ['without the file', ['--account', ACCOUNT, '--config', 'absent.json'], 'absent.json'],
  ])(
    'says what is wrong %s, and exits with 2',
    (_, args, message) => {
      const { status, stdout, stderr } = run(...args);

      expect(stderr).toContain(message);
      expect(stderr).toContain('\nHint: ');
      expect(stderr).not.toMatch(/^\s+at /m);
      expect(stdout).toBe('');
      expect(status).toBe(2);
    },
    TIMEOUT_MS,
  );
});
