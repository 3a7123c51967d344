// The policies that `ferry permissions` prints are those of the templates, and what CloudFormation is allowed is what
// the templates need.

import { rmSync } from 'node:fs';
import type { CloudFormationStackArtifact } from 'aws-cdk-lib/cx-api';
import { afterAll, describe, expect, it } from 'vitest';
import { buildApp } from '../../lib/app.ts';
import { directionsOf } from '../../src/config/directions.ts';
import { partitionOf } from '../../src/config/partition.ts';
import type { Config } from '../../src/config/schema.ts';
import { ownersOf } from '../../src/permissions/arns.ts';
import { functionSets, operatorSets, type PermissionSet } from '../../src/permissions/policies.ts';
import {
  destinationTypes,
  fleetTypes,
  RESOURCE_TYPES,
  sourceTypes,
  SWITCH_TYPES,
} from '../../src/permissions/resource-types.ts';
import { emptyApp, temporary } from '../lib/stack-templates.ts';
import { CASES } from './cases.ts';

/** CloudFormation gives it its name. */
const BUCKET = 'arn:aws:s3:::bucket';

afterAll(() => rmSync(temporary, { recursive: true }));

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: object;
}

interface Resource {
  readonly Type: string;
  readonly Properties: {
    readonly RoleName?: string;
    readonly ManagedPolicyName?: string;
    readonly Description?: string;
    readonly Policies?: ReadonlyArray<{
      readonly PolicyDocument: { readonly Statement: readonly Statement[] };
    }>;
    readonly PolicyDocument?: { readonly Statement: readonly Statement[] };
    readonly AssumeRolePolicyDocument?: { readonly Statement: readonly object[] };
    readonly [property: string]: unknown;
  };
}

type Resources = Readonly<Record<string, Resource>>;

/** Synthesised with every check, which stops at a finding. */
function synthesized(config: Config): readonly CloudFormationStackArtifact[] {
  const known = made.get(config);
  if (known !== undefined) return known;
  const app = emptyApp();
  buildApp(app, config);
  const { stacks } = app.synth();
  made.set(config, stacks);
  return stacks;
}

const made = new Map<Config, readonly CloudFormationStackArtifact[]>();

const resourcesOf = ({ template }: CloudFormationStackArtifact) =>
  (template as { Resources: Resources }).Resources;

describe.each(CASES)('%s', (_, config) => {
  const stacks = synthesized(config);
  const stack = (name: string) => stacks.filter((one) => one.stackName === name).map(resourcesOf);

  it('has in each stack the types of resources that CloudFormation may make there', () => {
    const isOfFleet = config.fleet !== undefined;
    for (const replication of config.replications.flatMap(directionsOf)) {
      const { name } = replication;
      expect(typesIn(stack(`ferry-${name}-source`))).toEqual(
        sorted(sourceTypes(replication, isOfFleet)),
      );
      expect(typesIn(stack(`ferry-${name}-destination`))).toEqual(
        sorted(destinationTypes(replication)),
      );
    }
    for (const { template } of stacks.filter((one) => one.stackName.startsWith('ferry-switch-')))
      expect(typesIn([(template as { Resources: Resources }).Resources])).toEqual(
        sorted(SWITCH_TYPES),
      );
    for (const { stackName, template } of stacks) {
      const region = /^ferry-fleet-(.*)$/.exec(stackName)?.[1];
      if (region === undefined) continue;
      const members = config.replications
        .flatMap(directionsOf)
        .filter(({ source }) => source.region === region);
      expect(members.length).toBeGreaterThan(0);
      expect(typesIn([(template as { Resources: Resources }).Resources])).toEqual(
        sorted(fleetTypes(members, config.fleet?.email)),
      );
    }
  });

  it.each(config.replications.flatMap(directionsOf))(
    'prints the policies that the roles of $name have',
    (replication) => {
      const known = { bucket: BUCKET };
      const printed = [
        ...functionSets(replication, known),
        ...operatorSets(replication, known),
      ].filter(({ role }) => role !== undefined);
      const owners = ownersOf(replication);
      const deployed = (['source', 'destination'] as const).flatMap((side) => {
        const place = { region: replication[side].region, account: owners[side].account };
        return stack(`ferry-${replication.name}-${side}`).flatMap((all) => rolesIn(all, place));
      });
      const byTitle = (one: PermissionSet) =>
        deployed.filter(
          ({ names }) => names.includes(one.role ?? '') || names.includes(one.title.toLowerCase()),
        );

      expect(printed).toHaveLength(deployed.length);
      for (const one of printed) {
        const [role, ...others] = byTitle(one);
        expect(others).toEqual([]);
        expect(permissionsOf(one.policy.Statement as readonly Statement[])).toEqual(
          role?.permissions,
        );
        const trust =
          one.trust === undefined ? role?.trust : JSON.stringify(one.trust.Statement[0]);
        expect(role?.trust).toEqual(trust);
      }
    },
  );
});

describe('a source in another account', () => {
  const [, config] = CASES.find(([name]) => name.startsWith('two accounts with')) ?? [];
  const [replication] = config?.replications ?? [];
  if (config === undefined || replication === undefined) throw new Error('The case is missing.');
  const stacks = synthesized(config).map(resourcesOf);
  const roles = stacks
    .flatMap((all) => Object.values(all))
    .filter(({ Type }) => Type === 'AWS::IAM::Role')
    .map(({ Properties }) => Properties);
  const named = (name: string) => roles.find(({ RoleName }) => RoleName === `ferry-orders-${name}`);

  it('has a writer role for sessions of one hour', () => {
    for (const name of ['writer', 'reader'])
      expect(named(name)).toMatchObject({ MaxSessionDuration: 3_600 });
  });

  it('is trusted by the names that its roles really have, and by no pattern', () => {
    const trusted = ['writer', 'reader'].flatMap((name) => {
      const [statement] = named(name)?.AssumeRolePolicyDocument?.Statement ?? [];
      const { Principal, Condition } = statement as {
        Principal: { AWS: string };
        Condition: { ArnEquals: { 'aws:PrincipalArn': string[] } };
      };
      expect(Principal.AWS).toBe('arn:aws:iam::111122223333:root');
      return Condition.ArnEquals['aws:PrincipalArn'];
    });

    const prefix = 'arn:aws:iam::111122223333:role/';
    expect(sorted(trusted)).toEqual(
      sorted(
        ['replicate', 'look-again', 'bulk', 'heartbeat', 'operator', 'operator-read'].map(
          (name) => `${prefix}ferry-orders-${name}`,
        ),
      ),
    );
    for (const arn of trusted)
      expect(roles.map(({ RoleName }) => `${prefix}${RoleName}`)).toContain(arn);
  });

  it('has no rights at the destination but to assume these roles', () => {
    const ofSource = roles.filter(({ RoleName }) => !/-(?:writer|reader)$/.test(RoleName ?? ''));
    const there = ofSource.map(({ Policies }) =>
      (JSON.stringify(Policies).match(/[^"]*444455556666[^"]*/g) ?? []).join(' '),
    );

    expect(there).toHaveLength(9);
    expect(there.filter((text) => text !== '').toSorted()).toEqual([
      ':iam::444455556666:role/ferry-orders-reader',
      ...Array.from({ length: 5 }, () => ':iam::444455556666:role/ferry-orders-writer'),
    ]);
  });
});

it('has an output with the policy for the user of another partition', () => {
  const [, config] = CASES.find(([name]) => name === 'another partition') ?? [];
  if (config === undefined) throw new Error('The case is missing.');
  const outputs = synthesized(config).flatMap(({ template }) =>
    Object.entries((template as { Outputs?: Record<string, { Value: unknown }> }).Outputs ?? {}),
  );

  expect(Object.fromEntries(outputs)['WriterPolicyArn']).toMatchObject({
    Value: { Ref: expect.stringMatching(/^WriterPolicy/) as string },
  });
});

it('has a row for each type of resource, and for no other', () => {
  const types = CASES.flatMap(([, config]) => typesIn(synthesized(config).map(resourcesOf)));

  expect(sorted(types)).toEqual(Object.keys(RESOURCE_TYPES).toSorted());
});

function sorted(types: readonly string[]): string[] {
  return [...new Set(types)].toSorted();
}

function typesIn(templates: readonly Resources[]): string[] {
  expect(templates.length).toBeGreaterThan(0);
  return sorted(templates.flatMap((all) => Object.values(all).map(({ Type }) => Type)));
}

interface Role {
  /** The role's, and what its description says of it. */
  readonly names: readonly string[];
  readonly permissions: readonly string[];
  readonly trust: string;
}

function rolesIn(resources: Resources, where: Omit<Place, 'resources'>): Role[] {
  const place = { ...where, resources };
  return Object.entries(resources)
    .filter(([, { Type }]) => ['AWS::IAM::Role', 'AWS::IAM::ManagedPolicy'].includes(Type))
    .map(([, { Properties }]) => {
      const {
        RoleName,
        ManagedPolicyName,
        Description = '',
        Policies,
        PolicyDocument,
      } = Properties;
      const documents = Policies?.map((one) => one.PolicyDocument) ?? [PolicyDocument];
      const statements = documents.flatMap((one) => one?.Statement ?? []);
      const trust = Properties.AssumeRolePolicyDocument?.Statement[0];
      return {
        names: [RoleName, ManagedPolicyName, Description.replace(/^Ferry [\w-]+: /, '')].filter(
          (one) => one !== undefined,
        ),
        permissions: permissionsOf(resolved(statements, place) as Statement[]),
        trust: JSON.stringify(ordered(resolved(trust, place))),
      };
    });
}

/** One line for each action on each resource. */
function permissionsOf(statements: readonly Statement[]): string[] {
  const lines = statements.flatMap(({ Action, Resource, Condition }) =>
    [Action]
      .flat()
      .flatMap((action) =>
        [Resource]
          .flat()
          .map((one) => `${action} ${String(one)} ${JSON.stringify(Condition ?? {})}`),
      ),
  );
  return sorted(lines);
}

/** In the order in which trust policies are printed. */
function ordered(statement: unknown): object | undefined {
  if (statement === undefined) return undefined;
  const { Effect, Principal, Action, Condition } = statement as Record<string, unknown>;
  return { Effect, Principal, Action, ...(Condition !== undefined && { Condition }) };
}

interface Place {
  readonly resources: Resources;
  readonly region: string;
  readonly account: string;
}

/** The same value with text in place of references, by the names that the resources have. */
function resolved(value: unknown, place: Place): unknown {
  const inside = (one: unknown): unknown => resolved(one, place);
  if (Array.isArray(value)) return value.map(inside);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value) as Array<[string, unknown]>;
  const [[kind, content] = ['', '']] = members;
  if (kind === 'Ref') return referred(content as string, place);
  if (kind === 'Fn::GetAtt') return arnOf((content as [string, string])[0], place);
  if (kind === 'Fn::Join') {
    const [separator, parts] = content as [string, unknown[]];
    return parts.map(inside).join(separator);
  }
  // Of a table that the stack of the other direction creates.
  if (kind === 'Fn::ImportValue')
    return `arn:${partitionOf(place.region).name}:dynamodb:${place.region}:${place.account}:table/OrdersTwin/stream/*`;
  if (kind.startsWith('Fn::')) throw new Error(`What does ${kind} stand for?`);
  return Object.fromEntries(members.map(([name, one]) => [name, inside(one)]));
}

function referred(id: string, { region, account }: Place): string {
  if (id === 'AWS::Partition') return partitionOf(region).name;
  if (id === 'AWS::AccountId') return account;
  throw new Error(`What is ${id}?`);
}

/** In ARNs, between service and name. */
const KINDS: Readonly<
  Record<string, readonly [service: string, before: string, name: string, after: string]>
> = {
  'AWS::SQS::Queue': ['sqs', '', 'QueueName', ''],
  'AWS::Logs::LogGroup': ['logs', 'log-group:', 'LogGroupName', ':*'],
  'AWS::Lambda::Function': ['lambda', 'function:', 'FunctionName', ''],
  'AWS::DynamoDB::GlobalTable': ['dynamodb', 'table/', 'TableName', '/stream/*'],
};

function arnOf(id: string, { resources, region, account }: Place): string {
  const { Type, Properties } = resources[id] ?? { Type: 'none', Properties: {} };
  if (Type === 'AWS::S3::Bucket') return BUCKET;
  const [service, before, name, after] = KINDS[Type] ?? [];
  if (name === undefined) throw new Error(`What is the ARN of ${id}, a ${Type}?`);
  const resource = `${before}${String(Properties[name])}${after}`;
  return `arn:${partitionOf(region).name}:${service}:${region}:${account}:${resource}`;
}
