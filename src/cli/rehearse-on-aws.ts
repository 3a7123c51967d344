// `ferry rehearse` on AWS: what it would create, the rehearsal itself, and the removal of what an earlier one has left.

import type { CdkApp } from '../aws/cdk-app.ts';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { operatorSides } from '../composition/operator-access.ts';
import { rehearsalEstimate } from '../composition/rehearsal-estimate.ts';
import { openAwsRehearsal } from '../composition/rehearsal-on-aws.ts';
import type { CommandDone } from '../composition/rehearsal-place.ts';
import { rehearsalsAt, type Unremoved } from '../composition/rehearsal-removal.ts';
import {
  anyScratchOf,
  scratchName,
  scratchOf,
  scratchStacks,
} from '../composition/rehearsal-scratch.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { planOf } from '../rehearsal/failures.ts';
import { rehearse } from '../rehearsal/rehearse.ts';
import type { RehearsalReport } from '../rehearsal/report.ts';
import { placeOf } from '../config/tables.ts';
import { exitCode, type GivenCall, printResult } from './call.ts';
import { main } from './main.ts';
import { EXIT, type Io } from './output.ts';
import { selectedReplication } from './replication.ts';
import { listed } from './rows.ts';
import { explained } from './service-errors.ts';

const HINT =
  'Everything that a rehearsal makes has its name. `ferry rehearse --clean` lists what is left.';

/** Deploys a scratch replication. @default the CDK app of this package */
type CdkOf = (scratch: ReplicationConfig) => CdkApp;

/** @param show prints the report. @returns the exit code */
export async function rehearseOnAws(
  call: GivenCall,
  show: (report: RehearsalReport) => number,
  cdkOf?: CdkOf,
): Promise<number> {
  const chosen = await selectedReplication(call.options);
  // The scratch replication is found by its name alone.
  const run = () => {
    if (call.options.has('clean')) return clean(chosen, call, cdkOf);
    const scratch = scratchOf(chosen, scratchName(systemRandom));
    return call.options.has('apply')
      ? perform(scratch, { ...call, show, cdkOf })
      : preview(scratch, call);
  };
  return explained({ hint: HINT, replications: [chosen], apply: call.options.has('apply') }, run);
}

function preview(scratch: ReplicationConfig, call: GivenCall): Promise<number> {
  const { minutes, dollars } = rehearsalEstimate(scratch);
  const { source, destination, heartbeat, switching } = scratch;
  const plan = planOf({
    hasHeartbeat: heartbeat !== undefined,
    isSwitched: switching !== undefined,
  });
  const stacks = scratchStacks(scratch);
  const [least, most] = minutes;
  const cost = dollars === undefined ? 'an unknown price' : `about $${dollars.toFixed(2)}`;
  printResult(
    call,
    {
      apply: false,
      tables: [source, destination].map(placeOf),
      stacks: stacks.map(({ name, region }) => ({ name, region })),
      failures: plan.failures.map(({ name }) => name),
      notRehearsed: plan.notRehearsed,
      minutes: { least, most },
      dollars: dollars ?? null,
    },
    [
      `A rehearsal would create ${placeOf(source)} and ${placeOf(destination)}, and these stacks:`,
      ...listed(stacks.map(({ name, region }) => [name, region])),
      'The last four letters of the name are other ones each time.',
      'It would write to these tables only, and act out these failures:',
      ...listed(plan.failures.map(({ name, does }) => [name, does])),
      ...listed(plan.notRehearsed.map(({ name, why }) => [name, `not rehearsed, because ${why}`])),
      `It takes ${least} to ${most} minutes, because real alarms need real minutes, and costs ${cost}.`,
      'At the end, also after Ctrl-C, it removes everything that it has created.',
      'Nothing was created. Run `ferry rehearse --apply`.',
    ],
  );
  return Promise.resolve(EXIT.done);
}

interface RehearsalCall extends GivenCall {
  readonly show: (report: RehearsalReport) => number;
  readonly cdkOf: CdkOf | undefined;
}

async function perform(
  scratch: ReplicationConfig,
  { io, show, cdkOf }: RehearsalCall,
): Promise<number> {
  const { interrupted: stop, clock = systemClock } = io;
  const rehearsal = await openAwsRehearsal(optionsOf(scratch, io, cdkOf));
  let code: number = EXIT.differences;
  let left: readonly Unremoved[] = [];
  try {
    io.err(`Creates ${scratch.name}, which takes about five minutes.`);
    const place = await rehearsal.deploy();
    code = show(await rehearse(place, { clock, stop, say: io.err }));
  } catch (error) {
    if (!stop.aborted) throw error;
    io.err('Stopped.');
  } finally {
    io.err(`Removes ${scratch.name}, which takes about five minutes.`);
    if (stop.aborted) io.err('Another Ctrl-C leaves it to `ferry rehearse --clean --apply`.');
    left = await rehearsal.remove();
    for (const line of leftLines(left)) io.err(line);
  }
  return left.length > 0 && code === EXIT.done ? EXIT.differences : code;
}

function optionsOf(scratch: ReplicationConfig, io: Io, cdkOf?: CdkOf) {
  const { environment, interrupted: stop, clock = systemClock } = io;
  return {
    scratch,
    environment,
    clock,
    stop,
    ferry: (...args: readonly string[]) => commandOf(args, io),
    onLine: io.status,
    onRemoved: (what: string) => io.err(`Removed the ${what}.`),
    cdk: cdkOf?.(scratch),
  };
}

/** As an operator would type it. */
async function commandOf(args: readonly string[], io: Io): Promise<CommandDone> {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await main(args, {
    ...io,
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    status: () => undefined,
  });
  const facts = JSON.parse(out.at(-1) ?? '{}') as CommandDone['facts'];
  return { exitCode, facts, text: err.join('\n') };
}

/** Without --apply, only lists. */
async function clean(
  chosen: ReplicationConfig,
  call: GivenCall,
  cdkOf: CdkOf | undefined,
): Promise<number> {
  const { io } = call;
  const apply = call.options.has('apply');
  const { environment } = io;
  const names = await rehearsalsAt(await operatorSides(chosen, { apply, environment }));
  const left: Unremoved[] = [];
  for (const name of apply ? names : []) {
    io.err(`Removes ${name}.`);
    const rehearsal = await openAwsRehearsal(optionsOf(anyScratchOf(chosen, name), io, cdkOf));
    left.push(...(await rehearsal.remove()));
  }
  const { source, destination } = chosen;
  const regions = `${source.region} and ${destination.region}`;
  const found = names.length === 0 ? 'No rehearsal has' : `${names.join(', ')} have`;
  printResult(call, { apply, rehearsals: names, left }, [
    `${found} resources in ${regions}.`,
    ...leftLines(left),
    ...(apply || names.length === 0
      ? []
      : ['Nothing was removed. If none of them is running, add --apply.']),
  ]);
  return exitCode(names.length === 0 || (apply && left.length === 0));
}

function leftLines(left: readonly Unremoved[]): string[] {
  if (left.length === 0) return [];
  return [
    'These resources could not be removed. `ferry rehearse --clean --apply` tries it again, or run:',
    ...left.flatMap(({ what, why, command }) => [`  ${what}: ${why}`, `    ${command}`]),
  ];
}
