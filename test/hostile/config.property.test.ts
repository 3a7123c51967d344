// Any configuration at all: a checked and frozen one, or a refusal that names place and value. Soon, and
// without touching what it was given.

// What a property demands depends on what was drawn; tallies make sure that each case has been met.
/* oxlint-disable vitest/no-conditional-expect */

import { basename } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { functionVariables, readDeployment } from '../../src/config/function-variable.ts';
import type { Deployment, ProjectionConfig } from '../../src/config/schema.ts';
import { schemaProblems } from '../../src/config/schema-check.ts';
import type { Item } from '../../src/model/attribute-value.ts';
import { ProjectionFailed } from '../../src/model/projection.ts';
import { rulesProjection } from '../../src/projection/rules-projection.ts';
import { UsageError } from '../../src/errors.ts';
import schema from '../../ferry.schema.json' with { type: 'json' };
import {
  anyJson,
  change,
  changed,
  expanded,
  hostileText,
  hostileValue,
  runs,
} from './arbitrary.ts';

const HASH = {
  attribute: 'profile.email',
  secret: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/hash-AbCdEf',
  versionId: '11111111-aaaa-4aaa-8aaa-111111111111',
};
const PROJECTION = {
  keepItems: {
    or: [
      { attribute: 'tenant', in: [{ S: 'eu' }, { N: '1' }, { NULL: true }, { SS: ['a', 'b'] }] },
      { not: { attribute: 'size', between: [{ N: '1' }, { N: '10.5' }] } },
      { and: [{ attribute: 'name', beginsWith: { B: 'AAE=' } }] },
      { attribute: 'note', exists: false },
      { attribute: 'body', equals: { M: { list: { L: [{ BOOL: true }, { BS: ['AAE='] }] } } } },
    ],
  },
  attributes: {
    keepOnly: ['profile', 'orders[*].card', String.raw`dotted\.name`],
    drop: ['profile.phones[0]'],
    hash: [HASH],
    rename: { 'profile.name': 'title', profile: 'person' },
    set: { region: { S: 'eu' }, 'person.age': { N: '7' } },
  },
};

const VALID = {
  defaults: {
    destination: { account: '111122223333' },
    source: { account: '111122223333', endpoints: { sqs: 'http://127.0.0.1:4566' } },
    alarms: { latencySeconds: 30 },
    dashboard: false,
  },
  fleet: { email: 'ops@example.com' },
  replications: [
    {
      name: 'orders',
      source: {
        region: 'us-east-1',
        table: 'Orders',
        create: true,
        partitionKey: { name: 'pk', type: 'S' },
        sortKey: { name: 'sk', type: 'N' },
      },
      destination: { region: 'eu-west-1', table: 'Orders' },
      reservedAttribute: '_ferry',
      timestampAttribute: 'at',
      heartbeat: { key: { pk: 'beat', sk: 0 } },
      tombstones: 'strict',
      systemicRejections: 'dead-letter',
      alarms: { runbook: 'https://runbook.example' },
      eventSource: { batchSize: 100, enabled: false },
      function: { concurrency: 10, timeoutSeconds: 900 },
      projection: PROJECTION,
      deadLetters: 'projected',
    },
    {
      name: 'users',
      source: {
        region: 'us-east-1',
        table: 'Users',
        streamArn:
          'arn:aws:dynamodb:us-east-1:111122223333:table/Users/stream/2026-01-31T12:00:00.000',
      },
      destination: { region: 'eu-west-1', table: 'Users' },
      projection: { module: './projections/users.mjs' },
    },
  ],
};

const hash = fc.array(change, { minLength: 1, maxLength: 1 }).map((all) => changed(HASH, all));

const projection = fc.oneof(
  fc.array(change, { minLength: 0, maxLength: 2 }).map((all) => changed(PROJECTION, all)),
  fc
    .oneof(hash, fc.constantFrom([], [HASH, HASH], {}, null))
    .map((one) => ({ attributes: { hash: one } })),
  fc.constantFrom({}, { S: '', N: '1' }, { L: [{}] }, { M: { a: { B: 1 } } }).map((value) => {
    return {
      attributes: { set: { a: value } },
      keepItems: { not: { attribute: 'a', in: [value] } },
    };
  }),
  fc.array(hostileText, { minLength: 1 }).map((drop) => ({ attributes: { drop } })),
  fc.tuple(hostileText, hostileText).map(([path, to]) => {
    const rules = { rename: Object.fromEntries([[path, to]]), drop: [to] };
    return { attributes: { ...rules, set: Object.fromEntries([[to, { S: path }]]) } };
  }),
  hostileText.map((module) => ({ module: `${module}.mjs` })),
  hostileValue,
);

const config = fc.oneof(
  { weight: 1, arbitrary: hostileValue },
  {
    weight: 4,
    arbitrary: fc
      .array(change, { minLength: 0, maxLength: 3 })
      .map((changes) => changed(VALID, changes)),
  },
  {
    weight: 2,
    arbitrary: projection.map((drawn) => {
      const [first] = VALID.replications;
      return { replications: [{ ...first, projection: drawn }] };
    }),
  },
  { weight: 1, arbitrary: fc.array(anyJson).map((replications) => ({ replications })) },
);

/** What a refusal says: a line for each problem, with the path of the value. */
const PROBLEM = /^ {2}(the file|defaults|fleet|replications?)\b/;

function outcomeOf(value: unknown): 'accepted' | 'refused' {
  try {
    expectWhole(parseConfig(value));
    return 'accepted';
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    expect(error.code).toBe('config.invalid');
    const [title, ...problems] = error.message.split('\n');
    expect(title).toBe(
      `ferry.json has ${problems.length === 1 ? '1 problem' : `${problems.length} problems`}:`,
    );
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(problem).toMatch(PROBLEM);
    return 'refused';
  }
}

/** Frozen to its leaves, and fit to be handed to a function and read there. */
function expectWhole(parsed: ReturnType<typeof parseConfig>): void {
  expect(unfrozen(parsed)).toBe(false);
  for (const replication of parsed.replications) {
    // What travels is JSON.
    const deployment = JSON.parse(
      JSON.stringify({
        replication,
        streamArn: replication.source.streamArn ?? 'known at deployment',
        deadLetterQueueUrl: 'http://127.0.0.1:1/queue',
        onFailureBucket: 'failures',
        lookAgainQueueUrl: 'http://127.0.0.1:1/look-again',
        projectionDigest: replication.projection && '0'.repeat(64),
      }),
    ) as Deployment;
    expect(readDeployment(functionVariables(deployment))).toEqual(withoutFolders(deployment));
    expectToProject(replication.projection);
  }
}

/** What is accepted is made into a function, and fails at an item only in one way. */
function expectToProject(projection: ProjectionConfig | undefined): void {
  if (projection === undefined || projection.module !== undefined) return;
  const compiled = rulesProjection(projection, () => 'the text of a secret');
  for (const item of ITEMS) {
    try {
      compiled.project({ ...KEY, ...item }, KEY);
    } catch (error) {
      expect(error).toBeInstanceOf(ProjectionFailed);
    }
  }
}

const KEY = { pk: { S: 'a' }, sk: { N: '1' } };
const ITEMS: readonly Item[] = [
  {},
  {
    tenant: { SS: ['b', 'a'] },
    size: { N: '10.50' },
    name: { B: new Uint8Array([0, 1, 2]) },
    profile: { M: { email: { S: 'e' }, name: { S: 'n' }, phones: { L: [{ S: '1' }] } } },
    orders: { L: [{ M: { card: { S: 'c' } } }, { NULL: true }] },
  },
  { tenant: { S: 'eu' }, profile: { S: 'text' }, orders: { M: {} }, title: { BOOL: true } },
];

function withoutFolders(deployment: Deployment): Deployment {
  const { replication } = deployment;
  const { module } = replication.projection ?? {};
  if (module === undefined) return deployment;
  return {
    ...deployment,
    replication: { ...replication, projection: { module: basename(module) } },
  };
}

function unfrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return !Object.isFrozen(value) || Object.values(value).some(unfrozen);
}

it('accepts or refuses whatever it is given, and leaves it as it was', () => {
  const tally = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(config, (drawn) => {
      const value = expanded(drawn);
      const before = JSON.stringify(value);
      tally[outcomeOf(value)] += 1;
      expect(JSON.stringify(value)).toBe(before);
    }),
    runs(150),
  );
  for (const count of Object.values(tally)) expect(count).toBeGreaterThan(5);
});

it('accepts or refuses any projection', () => {
  const [orders] = VALID.replications;
  const tally = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(projection, (drawn) => {
      tally[outcomeOf(expanded({ replications: [{ ...orders, projection: drawn }] }))] += 1;
    }),
    runs(400),
  );
  for (const count of Object.values(tally)) expect(count).toBeGreaterThan(30);
});

/** What Ajv finds, by the names from the file to the value or to the name that is wrong. */
function foundByAjv(value: unknown): string[] {
  if (validate(value)) return [];
  const errors = validate.errors ?? [];
  const mistyped = errors.filter(({ keyword }) => keyword === 'type');
  // Of a number that is no integer, Ajv checks the range, too.
  const first = errors.filter(
    (error) =>
      mistyped.includes(error) ||
      mistyped.every(({ instancePath }) => instancePath !== error.instancePath),
  );
  return first.map(({ instancePath, params }) => {
    const names = instancePath
      .split('/')
      .slice(1)
      .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
    const unknown = params['additionalProperty'] as string | undefined;
    return JSON.stringify(unknown === undefined ? names : [...names, unknown]);
  });
}

const validate = new Ajv({ allErrors: true, useDefaults: true, allowUnionTypes: true }).compile(
  schema,
);

it('finds by the schema what Ajv finds, and fills in the same defaults', () => {
  const tally = { sound: 0, unsound: 0 };
  fc.assert(
    fc.property(config, (drawn) => {
      // structuredClone has a smaller stack than JSON.
      const json = JSON.stringify(expanded(drawn));
      const [ours, theirs] = [JSON.parse(json), JSON.parse(json)] as unknown[];
      const found = schemaProblems(ours).map(({ at }) => JSON.stringify(at));

      expect(found.toSorted()).toEqual(foundByAjv(theirs).toSorted());
      expect(ours).toEqual(theirs);
      tally[found.length === 0 ? 'sound' : 'unsound'] += 1;
    }),
    runs(300),
  );
  for (const count of Object.values(tally)) expect(count).toBeGreaterThan(10);
});

it('names the setting that is wrong, and the value that it got', () => {
  const bad = hostileText.filter(
    (text) => !/^[a-z][a-z0-9-]{0,29}$|[\p{Cf}\p{Co}\p{Cn}]/u.test(text),
  );
  fc.assert(
    fc.property(bad, (name) => {
      const [first, second] = VALID.replications;
      const value = { replications: [{ ...first, name }, second] };
      const shown = JSON.stringify(name);
      const start = shown.length > 80 ? shown.slice(0, 77) : shown;
      expect(() => parseConfig(value)).toThrow(
        'replications.0.name: expected 1 to 30 lower-case letters',
      );
      expect(() => parseConfig(value)).toThrow(`got ${start}`);
    }),
    runs(15),
  );
});

const TABLES = ['Aaa', 'Bbb', 'ferry-x0-state'];
const side = fc.record({ table: fc.constantFrom(...TABLES), create: fc.boolean() });
const pairOfTables = fc.record({
  source: side,
  destination: side,
  stateTable: fc.option(fc.constantFrom(...TABLES), { nil: undefined }),
});
type PairOfTables = { source: Side; destination: Side; stateTable: string | undefined };
type Side = { table: string; create: boolean };

function replicationOf({ source, destination, stateTable }: PairOfTables, index: number): object {
  const [region, account] = ['us-east-1', '111122223333'];
  const keys = { partitionKey: { name: 'pk', type: 'S' } };
  const arn = `arn:aws:dynamodb:${region}:${account}:table/${source.table}/stream/2026`;
  return {
    name: `x${index}`,
    source: { region, ...source, ...(source.create ? keys : { streamArn: arn }) },
    destination: { region, ...destination, ...(destination.create && keys) },
    ...(stateTable !== undefined && { stateTable }),
  };
}

/** Said the other way round: of each table, how often it is created, written and kept for state. */
function mayStandTogether(pairs: readonly PairOfTables[]): boolean {
  const state = pairs.map(({ stateTable }, index) => stateTable ?? `ferry-x${index}-state`);
  return [...TABLES, 'ferry-x1-state', 'ferry-x2-state'].every((table) => {
    const uses = pairs.flatMap(({ source, destination }) => [source, destination]);
    const users = uses.filter((use) => use.table === table);
    const keeps = state.filter((one) => one === table).length;
    const sources = pairs.filter(({ destination }) => destination.table === table).length;
    const creations = users.filter(({ create }) => create).length;
    return keeps === 0 ? creations <= 1 && sources <= 1 : keeps === 1 && users.length === 0;
  });
}

/** Whether records come back to where they came from: after as many steps as there are pairs, all ways have been gone. */
function goesRound(pairs: readonly PairOfTables[]): boolean {
  return pairs.some(({ source }) => {
    let reached = new Set([source.table]);
    for (const _ of pairs) {
      reached = new Set(
        pairs
          .filter((pair) => reached.has(pair.source.table))
          .map((pair) => pair.destination.table),
      );
      if (reached.has(source.table)) return true;
    }
    return false;
  });
}

it('lets tables stand together where each is created once and has one role, and nowhere else', () => {
  const tally = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(pairOfTables, { minLength: 1, maxLength: 3 }), (pairs) => {
      const replications = pairs.map(replicationOf);
      const isFine = mayStandTogether(pairs) && !goesRound(pairs);
      expect(outcomeOf({ replications })).toBe(isFine ? 'accepted' : 'refused');
      tally[isFine ? 'accepted' : 'refused'] += 1;
    }),
    runs(400),
  );
  for (const count of Object.values(tally)) expect(count).toBeGreaterThan(10);
});

it('names two settings in every clash', () => {
  fc.assert(
    fc.property(fc.array(pairOfTables, { minLength: 2, maxLength: 3 }), (pairs) => {
      fc.pre(!mayStandTogether(pairs));
      expect(() => parseConfig({ replications: pairs.map(replicationOf) })).toThrow(
        /^ {2}replications\.\d\.(source|destination|stateTable)[. ].*us-east-1\/\S+ which .*replications\.\d\.(source|destination|stateTable)/m,
      );
    }),
    runs(100),
  );
});

it('takes as a heartbeat’s key what an IAM policy holds as it is, and nothing else', () => {
  const [, users] = VALID.replications;
  const tally = { accepted: 0, refused: 0 };
  const latin = fc.string({
    unit: fc.constantFrom('a', 'Z', '0', ' ', '-', '/', 'é', '*', '?', '$', '\u0007'),
  });
  fc.assert(
    fc.property(fc.oneof(latin, hostileText), (pk) => {
      const isFine =
        /^[\u0020-\u007e\u00a1-\u00ff]+$/.test(pk) && !/[*?$]/.test(pk) && pk.length <= 255;
      const outcome = isFine ? 'accepted' : 'refused';
      expect(outcomeOf({ replications: [{ ...users, heartbeat: { key: { pk } } }] })).toBe(outcome);
      tally[outcome] += 1;
    }),
    runs(150),
  );
  for (const count of Object.values(tally)) expect(count).toBeGreaterThan(10);
});

it.each(['__proto__', 'constructor', 'toString'])(
  'refuses "%s" as the reserved attribute, which every object seems to have',
  (reservedAttribute) => {
    const [first] = VALID.replications;

    expect(() => parseConfig({ replications: [{ ...first, reservedAttribute }] })).toThrow(
      `replications.0.reservedAttribute must not be a name that every JavaScript object has, got "${reservedAttribute}"`,
    );
  },
);

it('names a setting as the file has it, slashes and all', () => {
  const [first] = VALID.replications;
  const heartbeat = { key: { 'a/b~c': true } };

  expect(() => parseConfig({ replications: [{ ...first, heartbeat }] })).toThrow(
    'replications.0.heartbeat.key.a/b~c must be string,number, got true',
  );
});

it('tells each problem in one line, whatever the names hold', () => {
  const [first] = VALID.replications;
  const value = { replications: [{ ...first, 'a\n  replications.7: b\u001b[2J': 1 }] };

  expect(() => parseConfig(value)).toThrow(
    /^ferry.json has 1 problem:\n {2}replications\.0: "a\\u\{a\}[^\p{C}]*$/u,
  );
});

it('refuses a list without an end before it compares each with each', () => {
  const [, users] = VALID.replications;
  const chain = Array.from({ length: 5_000 }, (_, index) => ({
    ...users,
    name: `r${index}`,
    source: {
      region: 'us-east-1',
      table: `T${index}-x`,
      create: true,
      partitionKey: { name: 'pk', type: 'S' },
    },
    destination: { region: 'us-east-1', table: `T${index + 1}-x` },
  }));

  expect(() => parseConfig({ replications: chain })).toThrow(/must NOT have more than 100 items/);
});

it('refuses nesting without an end', () => {
  let replications: unknown = [];
  for (let level = 0; level < 100_000; level += 1) replications = [replications];

  expect(() => parseConfig({ replications })).toThrow(UsageError);
});
