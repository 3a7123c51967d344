// What a run with switches shows, act by act: a planned switch there and back, or the loss of a Region and its return.

import type { Side } from '../../config/identity.ts';
import { counted } from '../../text/number-text.ts';
import { readCopy } from '../../switching/copies.ts';
import type { SwitchProof } from '../../switching/proof.ts';
import {
  runStranded,
  type StrandedReport,
  type StrandedRequest,
} from '../../switching/stranded-run.ts';
import type { Application } from './application.ts';
import { atPorts, runSwitch, type SwitcherOptions } from './switcher.ts';

const NAP_MS = 100;

export interface Stage extends SwitcherOptions {
  /** Who writes to each table: one that moves, or one on each side. */
  readonly applications: Record<Side, Application>;
  /** Another one, which writes nowhere at first. */
  readonly openApplication: () => Application;
  /** Of writing between two switches. */
  readonly calmMs: number;
  /** Ends it early. A switch that has begun comes to its end. */
  readonly stop: AbortSignal;
  readonly say: (line: string) => void;
  readonly onSwitched: (outcome: SwitchOutcome) => void;
}

export interface SwitchOutcome {
  readonly to: string;
  readonly rtoSeconds: number;
  /** By the application, from its fence until it could write again. */
  readonly writesRefused: number;
  /** 0 if it is proven; an estimate where a Region was lost; null where not even that is known. */
  readonly rpoSeconds: number | null;
  readonly proof: SwitchProof;
}

export async function planned(stage: Stage): Promise<undefined> {
  await stage.admit('source', true);
  await calm(stage, 'source');
  await switchTo('destination', stage);
  await calm(stage, 'destination');
  await switchTo('source', stage);
  await calm(stage, 'source');
}

/** Found, and what became of it. */
export type StrandedOutcome = Pick<
  StrandedReport,
  'arrived' | 'stranded' | 'overtaken' | 'undecided' | 'replayed' | 'dropped'
>;

/** @returns what the lost Region had left behind. */
export async function sourceLost(stage: Stage): Promise<StrandedOutcome> {
  const { both, applications, say, stop, clock } = stage;
  const { outward, back } = both;
  const [lost, active] = [outward.source.region, back.source.region];
  await stage.admit('source', true);
  await calm(stage, 'source');
  // Without a change that has arrived, nothing would be known of the last ones.
  while (!stop.aborted && outward.tally.sum('AppliedRecords') === 0) await clock.sleep(NAP_MS);
  say(`The Regions are cut off from each other. The application in ${lost} writes on.`);
  const heals = [outward, back].map(({ faults }) => faults.inject({ kind: 'outage' }));
  applications.destination = stage.openApplication();
  await switchTo('destination', stage, 'lost');
  say(`Applications write in both Regions, and ${lost} does not know that it is lost.`);
  await calm(stage, 'destination');
  for (const heal of heals) heal();
  say(`The Regions reach each other again. The application in ${lost} is stopped.`);
  await runSwitch('rejoin', 'destination', stage);
  const { arrived, stranded, overtaken } = await decide('list', stage);
  say(
    `${counted(stranded, 'write')} of ${lost} stranded, ${overtaken} overtaken by newer ones of ${active}, ${arrived} arrived.`,
  );
  const { replayed, dropped, undecided } = await decide('replay', stage);
  say(`${counted(replayed, 'stranded write')} put into ${active}, as an application would.`);
  await calm(stage, 'destination');
  return { arrived, stranded, overtaken, undecided, replayed, dropped };
}

async function calm({ both, say, calmMs, stop, clock }: Stage, side: Side): Promise<void> {
  const { region } = both.outward[side];
  say(`The application writes in ${region}.`);
  const untilMs = clock.now() + calmMs;
  while (!stop.aborted && clock.now() < untilMs) await clock.sleep(NAP_MS);
}

async function switchTo(side: Side, stage: Stage, kind: 'switch' | 'lost' = 'switch') {
  const { both, applications, say, onSwitched } = stage;
  const to = both.outward[side].region;
  const { refused } = applications[side];
  say(`Switches to ${to}${kind === 'lost' ? ', without the other Region' : ''}.`);
  const proof = await runSwitch(kind, side, stage);
  if (proof === undefined) throw new Error('a switch without a proof');
  const writesRefused = applications[side].refused - refused;
  const { rtoSeconds = 0, rpo } = proof;
  const estimate = rpo.seconds === null ? 'unknown' : `about ${rpo.seconds} s`;
  const recovery = rpo.proven ? `RPO ${rpo.seconds} s, proven` : `RPO ${estimate}`;
  say(
    `${to} is active. ${recovery}. RTO ${rtoSeconds} s, ${counted(writesRefused, 'write')} refused.`,
  );
  onSwitched({ to, rtoSeconds, writesRefused, rpoSeconds: rpo.seconds, proof });
}

function decide(action: StrandedRequest['action'], stage: Stage): Promise<StrandedReport> {
  return atPorts('destination', stage, {}, async (ports) => {
    const found = await readCopy(ports.target, ports);
    if (found.kind !== 'row') throw new Error(`the copy of the active side is ${found.kind}`);
    const events = { onWrite: () => undefined, onUnreadable: () => undefined };
    return runStranded({ action, apply: true }, { row: found.row, ports }, events);
  });
}
