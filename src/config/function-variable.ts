// The one environment variable of every function: its replication, and what only the deployment knows, as JSON. A
// deployment writes it. Functions and commands read it by the configuration's own schema and rules.

import { basename } from 'node:path';
import { FerryError } from '../errors.ts';
import { type FilledReplication, withDependentDefaults } from './dependent-defaults.ts';
import { FUNCTION_VARIABLE, VARIABLE_FORMAT } from './names.ts';
import { type Problem, problemList, ruleProblem, show } from './problems.ts';
import { replicationProblems } from './replication-rules.ts';
import { circleProblems } from './rules.ts';
import type { Deployment, ReplicationConfig, TableConfig } from './schema.ts';
import { schemaProblems } from './schema-check.ts';
import { withoutDefaults } from './without-defaults.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether release 0.2.0 deployed the function: it had a variable for each setting, and one of its own for bulk runs. */
export function isOlder(environment: Environment): boolean {
  return 'FERRY_SOURCE_REGION' in environment || 'FERRY_BULK_REPLICATION' in environment;
}

/** Values that are known at deployment may be in it: none of them needs escaping in JSON. */
export function functionVariables({ replication, ...places }: Deployment): Record<string, string> {
  // A profile is one of the operator's machine, and so is the path of a module.
  const side = <T extends TableConfig>(table: T) => ({ ...table, profile: undefined });
  const [source, destination] = [side(replication.source), side(replication.destination)];
  const { module } = replication.projection ?? {};
  const projection = module === undefined ? replication.projection : { module: basename(module) };
  const deployed = { ...places, replication: { ...replication, source, destination, projection } };
  return { [FUNCTION_VARIABLE]: JSON.stringify({ format: VARIABLE_FORMAT, ...deployed }) };
}

/** For a replication whose names are too long for Lambda's limit: what functions and commands use, without defaults. */
export function shortVariables({ replication, ...places }: Deployment): Record<string, string> {
  const { encryption: _, ...used } = replication;
  const { latencySeconds } = used.alarms;
  const { kinesisStreamArn, kinesisRetentionHours } = used.source;
  const side = ({ region, table, account, endpoint, credentials }: TableConfig) => {
    return { region, table, account, endpoint, credentials };
  };
  const { logRetentionDays: __, architecture: ___, runtime: ____, ...rest } = used.function;
  const alarms = { latencySeconds };
  const source = { ...side(used.source), kinesisStreamArn, kinesisRetentionHours };
  const sides = { source, destination: side(used.destination) };
  const short = { ...used, ...sides, alarms, function: rest };
  return functionVariables({
    ...places,
    replication: withoutDefaults(short) as ReplicationConfig,
  });
}

/**
 * Reads it back.
 * @param owner the function whose environment it is.
 * @throws FerryError `deployment.older`, `deployment.newer` or `deployment.invalid`, which names every problem.
 */
export function readDeployment(environment: Environment, owner = 'this function'): Deployment {
  if (isOlder(environment)) throw older(owner);
  const value = parse(environment[FUNCTION_VARIABLE], owner);
  refuse(schemaProblems(value, 'functionVariable').map(ofVariable), owner);
  const { format: _, ...written } = value as { readonly format: number } & Deployment;
  const deployment = { ...written, replication: wholeReplication(written) };
  refuse([...deploymentProblems(deployment)].map(ruleProblem), owner);
  return deployment;
}

function ofVariable({ text }: Problem): Problem {
  return ruleProblem(text.replace(/^the file\b/, 'the variable'));
}

interface Written {
  readonly replication: FilledReplication;
  readonly streamArn: string;
}

/** With what may be left out, such as the stream of an existing table. */
function wholeReplication({ replication, streamArn }: Written): ReplicationConfig {
  const { source } = replication;
  const isNamed = source.create || source.kinesisStreamArn !== undefined;
  return withDependentDefaults({
    ...replication,
    source: isNamed ? source : { streamArn, ...source },
  });
}

function* deploymentProblems({
  replication,
  lookAgainQueueUrl,
  projectionDigest,
}: Deployment): Generator<string> {
  yield* replicationProblems('replication', replication);
  // At synthesis, the names of tables may not be known.
  yield* circleProblems(new Map([['replication', replication]]));
  if (replication.tombstones === 'checked' && lookAgainQueueUrl === undefined)
    yield 'lookAgainQueueUrl is required with "checked" tombstones, and is missing';
  if ((replication.projection === undefined) !== (projectionDigest === undefined))
    yield `projectionDigest must be there exactly if there is a projection, got ${show(projectionDigest)}`;
}

function parse(text: string | undefined, owner: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    const got = text === undefined ? 'and is missing' : 'and is not JSON';
    refuse([ruleProblem(`it must hold the replication as JSON, ${got}`)], owner);
  }
  const { format } = (value ?? {}) as { readonly format?: unknown };
  if (typeof format === 'number' && format > VARIABLE_FORMAT) throw newer(format, owner);
  return value;
}

function refuse(problems: readonly Problem[], owner: string): void {
  if (problems.length === 0) return;
  throw new FerryError(`${FUNCTION_VARIABLE} of ${owner} has ${problemList(problems)}`, {
    code: 'deployment.invalid',
    hint: 'Deploy the function again with this release. In ferry.schema.json, the definition functionVariable describes the variable.',
  });
}

function older(owner: string): FerryError {
  return new FerryError(
    `The environment of ${owner} has a variable for each setting, as release 0.2.0 deployed it. This release reads ${FUNCTION_VARIABLE}.`,
    {
      code: 'deployment.older',
      hint: 'Deploy the function again with this release, or name its configuration with --config.',
    },
  );
}

function newer(format: number, owner: string): FerryError {
  return new FerryError(
    `${FUNCTION_VARIABLE} of ${owner} has format ${format}. This release reads format ${VARIABLE_FORMAT}.`,
    {
      code: 'deployment.newer',
      hint: 'Use the release that deployed the function, or a newer one.',
    },
  );
}
