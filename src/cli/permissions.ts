// `ferry permissions`: prints the least IAM policies for a configuration, ready to be pasted.

import { scratchOf } from '../composition/rehearsal-scratch.ts';
import { directionsOf } from '../config/directions.ts';
import type { Config } from '../config/schema.ts';
import { UNKNOWN_ACCOUNT, withKnownAccounts } from '../permissions/arns.ts';
import { deploySets } from '../permissions/deploy-needs.ts';
import {
  functionSets,
  type Known,
  operatorSets,
  type PermissionSet,
  switchSets,
} from '../permissions/policies.ts';
import { ANY_REHEARSAL, rehearsalSets } from '../permissions/rehearsal-needs.ts';
import { runSets } from '../permissions/run-needs.ts';
import { policyText } from '../permissions/statement.ts';
import { printResult, titleOf } from './call.ts';
import { wrongOption } from './arguments.ts';
import type { Command, ParsedOptions } from './command.ts';
import { EXIT } from './output.ts';
import { configIn, deploymentAt, replicationsOptions } from './replication.ts';

const DEPLOYED = ['operator', 'function', 'deploy'] as const;
/** Processes and rehearsals are beside a deployment: their policies are printed only if that is asked for. */
const AUDIENCES = [...DEPLOYED, 'run', 'rehearse'] as const;
type Audience = (typeof AUDIENCES)[number];

/** The policies of one replication, or of a deployment. */
interface Chapter {
  readonly for: Audience;
  readonly replication?: string;
  readonly title: string;
  readonly policies: readonly PermissionSet[];
}

export const permissionsCommand: Command = {
  name: 'permissions',
  options: {
    ...replicationsOptions,
    for: { value: 'WHOM', help: `${AUDIENCES.join(', ')} (default: all but the last two)` },
    json: { help: 'print the policies as one line of JSON' },
  },
  async run(options, io) {
    const audiences = audiencesOf(options);
    const { config, known } = await chosenConfig(options);
    const chapters = audiences.flatMap((audience) => chaptersFor(audience, config, known));
    const notes = notesOn(chapters);
    printResult({ options, io }, { chapters, notes }, [
      ...chapters.flatMap(chapterLines),
      ...notes,
    ]);
    return EXIT.done;
  },
};

function audiencesOf(options: ParsedOptions): readonly Audience[] {
  const wanted = options.text('for');
  if (wanted === undefined) return DEPLOYED;
  const found = AUDIENCES.filter((one) => one === wanted);
  if (found.length > 0) return found;
  throw wrongOption(
    `--for must be one of ${AUDIENCES.join(', ')}, got "${wanted}".`,
    'Leave --for out for the policies of all of them, but those of `ferry run` and `ferry rehearse`.',
  );
}

interface Chosen {
  readonly config: Config;
  /** What only a deployed function knows. */
  readonly known: Known;
}

async function chosenConfig(options: ParsedOptions): Promise<Chosen> {
  const place = options.text('deployed');
  if (place === undefined) {
    const config = configIn(options);
    const replications = withKnownAccounts(config.replications);
    return { config: { ...config, replications }, known: {} };
  }
  const { replication, streamArn, onFailureBucket } = await deploymentAt(place, options);
  const [, partition] = streamArn.split(':');
  const known = { stream: streamArn, bucket: `arn:${partition}:s3:::${onFailureBucket}` };
  return { config: { replications: [replication] }, known };
}

function chaptersFor(audience: Audience, config: Config, known: Known): Chapter[] {
  if (audience === 'deploy')
    return [{ for: audience, title: 'deployment', policies: deploySets(config) }];
  if (audience === 'rehearse')
    return config.replications.map((replication) => ({
      for: audience,
      replication: replication.name,
      title: `rehearsals of ${titleOf(replication)}`,
      policies: rehearsalSets(scratchOf(replication, ANY_REHEARSAL)),
    }));
  const all = config.replications.flatMap(directionsOf).map((replication) => ({
    for: audience,
    replication: replication.name,
    title: `${TITLES[audience]} of ${titleOf(replication)}`,
    // Of the deployed direction alone.
    policies: SETS[audience](replication, config.replications.includes(replication) ? known : {}),
  }));
  const switches = audience === 'function' ? switchSets(config.replications) : [];
  if (switches.length === 0) return all;
  return [...all, { for: audience, title: 'functions that switch', policies: switches }];
}

const TITLES = { operator: 'operators', function: 'functions', run: 'processes' } as const;
const SETS = { operator: operatorSets, function: functionSets, run: runSets } as const;

function chapterLines({ title, policies }: Chapter): string[] {
  return [`# ${title}`, '', ...policies.flatMap(policyLines)];
}

function policyLines({ title, account, role, policy, trust }: PermissionSet): string[] {
  const name = role === undefined || title.endsWith(role) ? '' : ` (${role})`;
  return [
    `## ${title}${name}, in account ${account}`,
    '',
    policyText(policy),
    '',
    ...(trust === undefined ? [] : ['Trust policy:', '', policyText(trust), '']),
  ];
}

function notesOn(chapters: readonly Chapter[]): string[] {
  return JSON.stringify(chapters).includes(UNKNOWN_ACCOUNT)
    ? [
        `${UNKNOWN_ACCOUNT} stands for the account, which the configuration does not name. Replace it, or set "account" on both sides.`,
      ]
    : [];
}
