// `ferry teardown`: lists the resources that stay when the stacks of a replication are deleted, how to import them,
// and deletes them. It deletes only with --apply, and only empty or named resources.

import { openTeardown, type TeardownPlace } from '../composition/teardown-place.ts';
import { bothWays } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { fullName } from '../teardown/leftovers.ts';
import { FerryError } from '../errors.ts';
import { lookAround, tearDown, type TeardownContext } from '../teardown/teardown.ts';
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
import {
  destroyCommand,
  leftLines,
  planLines,
  resultFacts,
  type TeardownResult,
  whatAndWhere,
} from './teardown-result.ts';

export const teardownCommand: Command = {
  name: 'teardown',
  options: {
    ...replicationOptions,
    apply: { help: 'delete empty resources, and the resources that --delete names' },
    delete: {
      value: '[ACCOUNT/]REGION/NAME,…',
      help: 'also delete these queues, buckets or tables, with their data',
    },
    bucket: {
      value: 'NAME',
      help: 'the on-failure bucket, if it cannot be found; NAME,NAME: that of the other direction, too',
    },
    json: { help: 'print the result as one line of JSON' },
  },
  run: (options, io) =>
    onReplication({ options, io }, HINT, (call) => {
      const needs = { apply: options.has('apply'), environment: io.environment };
      const buckets = bucketsIn(call);
      const opening = openTeardown(call.replication, call.sides, { ...needs, buckets });
      return withOpen(opening, (place) => run({ ...call, place }));
    }),
};

const HINT = 'You can safely run the command again.';

interface TeardownCall extends Call {
  readonly place: TeardownPlace;
}

function bucketsIn({ options, replication }: Call): string[] {
  const names = [...namesIn(options.text('bucket'))];
  if (names.length <= bothWays(replication).length) return names;
  throw wrongOption(
    `--bucket names ${names.length} buckets, and each direction of ${replication.name} has one.`,
    'Name one for each direction.',
  );
}

async function run(call: TeardownCall): Promise<number> {
  const { options, io, place } = call;
  const named = namesIn(options.text('delete'));
  requireKnown(named, place);
  const context = { ...place, named, stop: io.interrupted };
  if (options.has('apply')) return removeAll(call, context);
  const found = await lookAround(context);
  const result = { apply: false, found, deleted: [], fences: await place.fences() };
  printResult(call, resultFacts(place, result), planLines(call, result));
  return exitCode(isGone(result, place));
}

/** Whether nothing is left, and everything could be listed. */
function isGone({ found, fences }: TeardownResult, { bucketProblem }: TeardownPlace): boolean {
  return found.length + fences.length === 0 && bucketProblem === undefined;
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
      call.note?.({ deleted });
      io.err(`Deleted the ${whatAndWhere(leftover)}.`);
    }),
  );
  if (found === undefined) {
    io.err(
      'Stopped. The resources that are named above are deleted. Run the command again for the others.',
    );
    return EXIT.differences;
  }
  const result = { apply: true, found, deleted, fences: await place.fences() };
  printResult(call, resultFacts(place, result), leftLines(call, result));
  return exitCode(isGone(result, place));
}

function stillDeployed(replication: ReplicationConfig): FerryError {
  return new FerryError(`The replicate function of ${replication.name} is still deployed.`, {
    code: 'teardown.deployed',
    hint: `Delete the stacks first: \`${destroyCommand(replication)}\`. Without --apply, teardown lists the resources that stay.`,
  });
}
