// `ferry teardown`: what stays of a replication when its stacks are deleted, how to take it into a new stack, and
// how to delete it. It deletes only with --apply, and only what is empty or named.

import { environmentEndpoint } from '../aws/endpoints.ts';
import { openTeardown, type TeardownPlace } from '../composition/teardown-place.ts';
import type { ReplicationConfig } from '../config/config.ts';
import {
  destinationStack,
  fullName,
  IMPORT_IDENTIFIERS,
  sourceStack,
} from '../teardown/leftovers.ts';
import { FerryError, UsageError } from '../errors.ts';
import { type Found, lookAround, tearDown, type TeardownContext } from '../teardown/teardown.ts';
import type { Command, ParsedOptions } from './command.ts';
import { EXIT, type Io } from './output.ts';
import { replicationFrom, replicationOptions } from './replication.ts';
import { explained } from './service-errors.ts';

export const teardownCommand: Command = {
  name: 'teardown',
  options: {
    ...replicationOptions,
    apply: { help: 'delete what is empty, and what --delete names' },
    delete: {
      value: 'REGION/NAME,…',
      help: 'also delete these queues, buckets or tables, with their data',
    },
    bucket: { value: 'NAME', help: 'the on-failure bucket, if it cannot be found' },
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    const replication = replicationFrom(options.text('config') ?? '', options);
    const objectEndpoint = environmentEndpoint('S3', io.environment);
    return explained({ hint: HINT, replications: [replication] }, async () => {
      const place = await openTeardown({
        replication,
        bucket: options.text('bucket'),
        objectEndpoint,
      });
      try {
        return await run({ options, io, replication, place });
      } finally {
        place.close();
      }
    });
  },
};

const HINT = 'Running it again is safe.';

interface Call {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
  readonly place: TeardownPlace;
}

async function run(call: Call): Promise<number> {
  const { options, io, place } = call;
  const named = namesIn(options.text('delete'));
  requireKnown(named, place);
  const context = { ...place, named, stop: io.interrupted };
  if (options.has('apply')) return removeAll(call, context);
  const found = await lookAround(context);
  if (options.has('json')) io.out(resultJson(call, { apply: false, found, deleted: [] }));
  else for (const line of planLines(call, found)) io.out(line);
  return isGone(found, place) ? EXIT.done : EXIT.differences;
}

/** Whether nothing is left, as far as everything could be looked at. */
function isGone(found: readonly Found[], { bucketProblem }: TeardownPlace): boolean {
  return found.length === 0 && bucketProblem === undefined;
}

function namesIn(text: string | undefined): ReadonlySet<string> {
  return new Set((text ?? '').split(',').filter((name) => name !== ''));
}

function requireKnown(named: ReadonlySet<string>, { leftovers }: TeardownPlace): void {
  const known = leftovers.map(fullName);
  const unknown = [...named].filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new UsageError(
    `--delete names what this replication does not keep: ${unknown.join(', ')}.`,
    {
      code: 'usage.options',
      hint: `It can delete: ${known.join(', ')}.`,
    },
  );
}

async function removeAll(call: Call, context: TeardownContext): Promise<number> {
  const { options, io, place, replication } = call;
  if (place.isDeployed) throw stillDeployed(replication);
  const deleted: string[] = [];
  try {
    const found = await tearDown(context, (leftover) => {
      const { what, name, region } = leftover;
      deleted.push(fullName(leftover));
      io.err(`Deleted the ${what} ${name} (${region}).`);
    });
    if (options.has('json')) io.out(resultJson(call, { apply: true, found, deleted }));
    else for (const line of leftLines(call, found)) io.out(line);
    return isGone(found, place) ? EXIT.done : EXIT.differences;
  } catch (error) {
    if (error !== io.interrupted.reason) throw error;
    io.err('Stopped. What is named above is deleted. Run it again for the rest.');
    return EXIT.differences;
  }
}

function destroyCommand({ name }: ReplicationConfig): string {
  return `npx cdk destroy ${sourceStack(name)} ${destinationStack(name)}`;
}

function stillDeployed(replication: ReplicationConfig): FerryError {
  return new FerryError(`The replicate function of ${replication.name} is still deployed.`, {
    code: 'teardown.deployed',
    hint: `Delete the stacks first: \`${destroyCommand(replication)}\`. Without --apply, teardown lists what will stay.`,
  });
}

function planLines(call: Call, found: readonly Found[]): string[] {
  const { replication, place } = call;
  const first = place.isDeployed
    ? `${replication.name} is deployed. This stays when its stacks are deleted by \`${destroyCommand(replication)}\`:`
    : `${replication.name} is not deployed in ${replication.source.region}. This is there:`;
  return [
    first,
    ...(found.length === 0 ? ['  nothing'] : found.flatMap(foundLines)),
    ...noteLines(call),
    place.isDeployed
      ? 'Nothing was changed. With --apply, it refuses as long as the replication is deployed. Afterwards it deletes what is empty, and what --delete names.'
      : 'Nothing was changed. With --apply, it deletes what is empty, and what --delete names.',
  ];
}

function leftLines(call: Call, found: readonly Found[]): string[] {
  if (found.length === 0) return ['Nothing of it is left.', ...noteLines(call)];
  return ['This is left:', ...found.flatMap(foundLines), ...noteLines(call)];
}

function foundLines({ leftover, remains, decision }: Found): string[] {
  const { kind, what, name, region, stack, isCertain = true } = leftover;
  const holds = remains.holds === undefined ? 'empty' : `has ${remains.holds}`;
  const doubt = isCertain ? '' : '; its name is shortened, so it may be of another replication';
  const fate =
    decision === 'delete' ? 'would be deleted' : `kept, unless \`--delete ${fullName(leftover)}\``;
  return [
    `  ${what} ${name} (${region}): ${holds}${doubt}; ${fate}`,
    `    import: \`npx cdk import ${stack}\`, ${IMPORT_IDENTIFIERS[kind]} ${remains.id}`,
  ];
}

function noteLines({ replication, place }: Call): string[] {
  const { source, destination } = replication;
  const own = [source, destination].filter(({ create }) => !create);
  return [
    ...(place.bucketProblem === undefined
      ? []
      : [`Buckets could not be listed (${place.bucketProblem}). Name the bucket with --bucket.`]),
    ...own.map(
      ({ region, table }) =>
        `The table ${region}/${table} was not created by Ferry, and is never deleted.`,
    ),
    'Log groups, alarms, roles and functions are deleted with their stacks.',
  ];
}

interface Result {
  readonly apply: boolean;
  readonly found: readonly Found[];
  readonly deleted: readonly string[];
}

function resultJson({ replication, place }: Call, { apply, found, deleted }: Result): string {
  return JSON.stringify({
    replication: replication.name,
    apply,
    deployed: place.isDeployed,
    deleted,
    left: found.map(({ leftover, remains, decision }) => ({
      kind: leftover.kind,
      name: leftover.name,
      region: leftover.region,
      stack: leftover.stack,
      importIdentifier: { [IMPORT_IDENTIFIERS[leftover.kind]]: remains.id },
      holds: remains.holds ?? null,
      decision,
    })),
    bucketProblem: place.bucketProblem ?? null,
  });
}
