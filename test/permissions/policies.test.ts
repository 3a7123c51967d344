// `ferry permissions` for each way to reach the destination: every policy, as it is printed.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { directionsOf, fileEntry } from '../../src/config/directions.ts';
import { withKnownAccounts } from '../../src/permissions/arns.ts';
import { deploySets } from '../../src/permissions/deploy-needs.ts';
import {
  functionSets,
  operatorSets,
  type PermissionSet,
  switchSets,
} from '../../src/permissions/policies.ts';
import { runHere } from '../fixtures/two-regions.ts';
import { CASES } from './cases.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-permissions-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(CASES)('%s', (name, { fleet, replications: configured }) => {
  const config = { fleet, replications: withKnownAccounts(configured) };
  const replications = config.replications.flatMap(directionsOf);

  it('for functions', () => {
    expect(replications.map((one) => printed(functionSets(one)))).toMatchSnapshot();
  });

  it('for operators', () => {
    expect(replications.map((one) => printed(operatorSets(one)))).toMatchSnapshot();
  });

  it('for what switches many tables', () => {
    expect(printed(switchSets(config.replications))).toMatchSnapshot();
  });

  it('for a deployment', () => {
    expect(printed(deploySets(config))).toMatchSnapshot();
  });

  it('in policies that IAM takes', () => {
    const sets = [
      ...replications.flatMap((one) => [...functionSets(one), ...operatorSets(one)]),
      ...switchSets(config.replications),
      ...deploySets(config),
    ];
    for (const { title, policy } of sets) {
      // Of a managed policy, without white space.
      expect({ title, length: JSON.stringify(policy).length < 6_144 }).toEqual({
        title,
        length: true,
      });
      expect(policy.Statement.length).toBeGreaterThan(0);
      for (const statement of policy.Statement)
        expect(statement).not.toHaveProperty('Resource', '');
    }
  });

  it('by the command, for whom it is asked', async () => {
    const file = join(folder, `${name.replaceAll(/\W+/g, '-')}.json`);
    const entries = new Map(configured.map(fileEntry).map((one) => [one.name, one]));
    writeFileSync(file, JSON.stringify({ fleet, replications: [...entries.values()] }));
    const all = await runHere(['permissions', '--config', file]);
    const json = await runHere(['permissions', '--config', file, '--for', 'operator', '--json']);

    expect(all.exitCode).toBe(0);
    expect(all.out).toContain('# deployment');
    const [policies = '', note] = all.out.split('${AWS::AccountId} stands for');
    expect(note !== undefined).toBe(policies.includes('${AWS::AccountId}'));
    const { chapters } = JSON.parse(json.out) as {
      chapters: Array<{ for: string; policies: object[] }>;
    };
    expect(chapters.map((chapter) => chapter.for)).toEqual(replications.map(() => 'operator'));
    expect(chapters.map(({ policies }) => policies)).toEqual(
      JSON.parse(JSON.stringify(replications.map((one) => operatorSets(one)))),
    );
  });
});

it('has several policies where one cannot name all tables', () => {
  const [, config] = CASES.find(([name]) => name === 'one account that is not named') ?? [];
  const [orders] = config?.replications ?? [];
  if (orders === undefined) throw new Error('The case is missing.');
  const replications = Array.from({ length: 100 }, (_, index) => ({
    ...orders,
    name: `orders-${index}`,
    stateTable: `ferry-orders-${index}-state`,
    destination: { ...orders.destination, table: `Orders-${'x'.repeat(200)}-${index}` },
  }));

  const sets = deploySets({ replications });

  const titles = sets.map(({ title }) => title);
  expect(titles.length).toBeGreaterThan(4);
  expect(new Set(titles).size).toBe(titles.length);
  for (const { policy } of sets) expect(JSON.stringify(policy).length).toBeLessThanOrEqual(6_144);
  const allowed = JSON.stringify(sets);
  for (const { stateTable, destination } of replications)
    for (const table of [stateTable, destination.table])
      expect(allowed).toContain(`table/${table}"`);
});

it('allows a pattern of names where IAM would not take them all', () => {
  const [, config] = CASES.find(([name]) => name === 'one account') ?? [];
  const [orders] = config?.replications ?? [];
  if (orders === undefined) throw new Error('The case is missing.');
  const replications = Array.from({ length: 20 }, (_, index) => ({
    ...orders,
    name: `orders-${index}`,
    stateTable: `ferry-orders-${index}-state`,
  }));

  const sets = deploySets({ replications });

  for (const { policy } of sets) expect(JSON.stringify(policy).length).toBeLessThan(6_144);
  const policies = JSON.stringify(sets);
  expect(policies).toContain('function:ferry-*"');
  for (const { stateTable } of replications) expect(policies).toContain(`table/${stateTable}"`);
});

it('refuses an audience that there is not', async () => {
  const { exitCode, err } = await runHere(['permissions', '--for', 'operators']);

  expect(exitCode).toBe(2);
  expect(err).toContain(
    '--for must be one of operator, function, deploy, run, rehearse, got "operators"',
  );
});

/** One line for each action, so that a change shows what is allowed. */
function printed(sets: readonly PermissionSet[]): string[] {
  return sets.flatMap(({ title, account, role = '', policy, trust }) => [
    `${title} in ${account} ${role}`.trimEnd(),
    ...policy.Statement.flatMap(lines),
    ...(trust === undefined ? [] : [`  trusts ${JSON.stringify(trust.Statement)}`]),
  ]);
}

function lines(statement: object): string[] {
  const { Action, Resource, Condition } = statement as Record<string, string | string[]>;
  const condition = Condition === undefined ? '' : ` if ${JSON.stringify(Condition)}`;
  return [Resource].flat().map((one) => `  ${[Action].flat().join(' ')} on ${one}${condition}`);
}
