// `ferry teardown`: lists the resources that stay when the stacks of a replication are deleted, how to import them,
// and deletes them. It deletes only with --apply, and only empty or named resources.

import { openTeardown, type TeardownPlace } from '../composition/teardown-place.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { placeOf } from '../config/tables.ts';
import {
  destinationStack,
  fullName,
  IMPORT_IDENTIFIERS,
  type Leftover,
  sourceStack,
} from '../teardown/leftovers.ts';
import { FerryError } from '../errors.ts';
import { type Found, lookAround, tearDown, type TeardownContext } from '../teardown/teardown.ts';
import { wrongOption } from './arguments.ts';
import {
  type Call,
  exitCode,
  onReplication,
  printResult,
  untilInterrupted,
  withOpen,
} from './call.ts';
import type { Command } from './command.ts';
import { EXIT } from './output.ts';
import { replicationOptions } from './replication.ts';

export const teardownCommand: Command = {
  name: 'teardown',
  options: {
    ...replicationOptions,
    apply: { help: 'delete empty resources, and the resources that --delete names' },
    delete: {
      value: '[ACCOUNT/]REGION/NAME,…',
      help: 'also delete these queues, buckets or tables, with their data',
    },
    bucket: { value: 'NAME', help: 'the on-failure bucket, if it cannot be found' },
    json: { help: 'print the result as one line of JSON' },
  },
  run: (options, io) =>
    onReplication({ options, io }, HINT, (call) => {
      const opening = openTeardown(call.replication, call.sides, options.text('bucket'));
      return withOpen(opening, (place) => run({ ...call, place }));
    }),
};

const HINT = 'You can safely run the command again.';

interface TeardownCall extends Call {
  readonly place: TeardownPlace;
}

async function run(call: TeardownCall): Promise<number> {
  const { options, io, place } = call;
  const named = namesIn(options.text('delete'));
  requireKnown(named, place);
  const context = { ...place, named, stop: io.interrupted };
  if (options.has('apply')) return removeAll(call, context);
  const found = await lookAround(context);
  const facts = resultFacts(place, { apply: false, found, deleted: [] });
  printResult(call, facts, planLines(call, found));
  return exitCode(isGone(found, place));
}

/** Whether nothing is left, and everything could be listed. */
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
  throw wrongOption(
    `--delete names resources that this replication does not have: ${unknown.join(', ')}.`,
    `It can delete: ${known.join(', ')}.`,
  );
}

async function removeAll(call: TeardownCall, context: TeardownContext): Promise<number> {
  const { io, place, replication } = call;
  if (place.isDeployed) throw stillDeployed(replication);
  const deleted: string[] = [];
  const found = await untilInterrupted(io, () =>
    tearDown(context, (leftover) => {
      deleted.push(fullName(leftover));
      io.err(`Deleted the ${whatAndWhere(leftover)}.`);
    }),
  );
  if (found === undefined) {
    io.err(
      'Stopped. The resources that are named above are deleted. Run the command again for the others.',
    );
    return EXIT.differences;
  }
  printResult(call, resultFacts(place, { apply: true, found, deleted }), leftLines(call, found));
  return exitCode(isGone(found, place));
}

function destroyCommand({ name }: ReplicationConfig): string {
  // Otherwise the CDK deletes the stacks that need these, too: that of a fleet, and those of other readers.
  return `npx cdk destroy ${sourceStack(name)} ${destinationStack(name)} --exclusively`;
}

function stillDeployed(replication: ReplicationConfig): FerryError {
  return new FerryError(`The replicate function of ${replication.name} is still deployed.`, {
    code: 'teardown.deployed',
    hint: `Delete the stacks first: \`${destroyCommand(replication)}\`. Without --apply, teardown lists the resources that stay.`,
  });
}

function planLines(call: TeardownCall, found: readonly Found[]): string[] {
  const { replication, place } = call;
  const { isDeployed } = place;
  return [
    isDeployed
      ? `${replication.name} is deployed. These resources stay when \`${destroyCommand(replication)}\` deletes its stacks:`
      : `${replication.name} is not deployed in ${replication.source.region}. These resources exist:`,
    ...(found.length === 0 ? ['  none'] : found.flatMap(foundLines)),
    ...noteLines(call),
    'Nothing was changed. --apply deletes empty resources, and the resources that --delete names.',
    ...(isDeployed ? ['It refuses to run while the replication is deployed.'] : []),
  ];
}

function leftLines(call: TeardownCall, found: readonly Found[]): string[] {
  const first = found.length === 0 ? 'No resource is left.' : 'These resources are left:';
  return [first, ...found.flatMap(foundLines), ...noteLines(call)];
}

function whatAndWhere({ what, name, account, region }: Leftover): string {
  return `${what} ${name} (${account === undefined ? region : `${account}/${region}`})`;
}

function foundLines({ leftover, remains, decision }: Found): string[] {
  const { kind, stack, isCertain = true } = leftover;
  const holds = remains.holds === undefined ? 'empty' : `has ${remains.holds}`;
  const doubt = isCertain
    ? ''
    : '; the name is shortened, so another replication may own the resource';
  const fate =
    decision === 'delete'
      ? 'would be deleted'
      : `kept; \`--delete ${fullName(leftover)}\` deletes it`;
  return [
    `  ${whatAndWhere(leftover)}: ${holds}${doubt}; ${fate}`,
    `    import: \`npx cdk import ${stack}\`, ${IMPORT_IDENTIFIERS[kind]} ${remains.id}`,
  ];
}

function noteLines({ replication, place }: TeardownCall): string[] {
  const { source, destination } = replication;
  const own = [source, destination].filter(({ create }) => !create);
  return [
    ...(place.bucketProblem === undefined
      ? []
      : [
          `The buckets could not be listed (${place.bucketProblem}). Name the bucket with --bucket.`,
        ]),
    ...own.map(
      (table) => `Ferry did not create the table ${placeOf(table)}, and never deletes it.`,
    ),
    'CloudFormation deletes log groups, alarms, roles and functions with their stacks.',
  ];
}

interface Result {
  readonly apply: boolean;
  readonly found: readonly Found[];
  readonly deleted: readonly string[];
}

function resultFacts(place: TeardownPlace, { apply, found, deleted }: Result): object {
  return {
    apply,
    deployed: place.isDeployed,
    deleted,
    left: found.map(({ leftover, remains, decision }) => ({
      kind: leftover.kind,
      name: leftover.name,
      account: leftover.account,
      region: leftover.region,
      stack: leftover.stack,
      importIdentifier: { [IMPORT_IDENTIFIERS[leftover.kind]]: remains.id },
      holds: remains.holds ?? null,
      decision,
    })),
    bucketProblem: place.bucketProblem ?? null,
  };
}
