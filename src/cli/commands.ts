// All commands. Each is loaded when it is called, because loading all of them takes most of a second.

import type { Command } from './command.ts';

export interface ListedCommand {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** In the order of the overview. */
export const COMMANDS: readonly ListedCommand[] = [
  {
    name: 'init',
    summary: 'Check two tables for a replication, and write ferry.json.',
    load: async () => (await import('./init.ts')).initCommand,
  },
  {
    name: 'local',
    summary: 'Replicate a workload between two embedded DynamoDB Regions, then compare the tables.',
    load: async () => (await import('./local.ts')).local,
  },
  {
    name: 'status',
    summary: 'Show whether the twin is behind, by how much, why, and what to do.',
    load: async () => (await import('./status.ts')).statusCommand,
  },
  {
    name: 'run',
    summary: 'Replicate in this process, without a deployed function, until SIGTERM or Ctrl-C.',
    load: async () => (await import('./run.ts')).runCommand,
  },
  {
    name: 'backfill',
    summary:
      'Copy the existing items of the source, beside live traffic. Without --apply, only estimate.',
    load: async () => (await import('./backfill.ts')).backfillCommand,
  },
  {
    name: 'verify',
    summary: 'Compare source and destination, and read every difference twice.',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    name: 'repair',
    summary:
      'Repair the differences that `ferry verify` found, without overwriting newer items. Without --apply, change nothing.',
    load: async () => (await import('./repair.ts')).repairCommand,
  },
  {
    name: 'merge',
    summary:
      'Make both tables of a replication in both directions equal, by their versions. Without --apply, change nothing.',
    load: async () => (await import('./merge.ts')).mergeCommand,
  },
  {
    name: 'conflicts',
    summary:
      'List the writes that have lost against the other Region, and those that are not replicated.',
    load: async () => (await import('./conflicts.ts')).conflictsCommand,
  },
  {
    name: 'conflicts show',
    summary: 'Show one of these writes, and what has won over it.',
    load: async () => (await import('./conflicts.ts')).conflictsShowCommand,
  },
  {
    name: 'conflicts restore',
    summary: 'Write it again, if what has won is still there. Without --apply, change nothing.',
    load: async () => (await import('./conflicts.ts')).conflictsRestoreCommand,
  },
  {
    name: 'projection test',
    summary: 'Apply the projection to some items of the source, and show them before and after.',
    load: async () => (await import('./projection-test.ts')).projectionTestCommand,
  },
  {
    name: 'redrive',
    summary:
      'Apply dead letters and failed batches again, without overwriting newer items. Without --apply, change nothing.',
    load: async () => (await import('./redrive.ts')).redriveCommand,
  },
  {
    name: 'adopt',
    summary:
      'Let the configured stream write to the twin, after a change of the source or a new twin. Without --apply, change nothing.',
    load: async () => (await import('./adopt.ts')).adoptCommand,
  },
  {
    name: 'pause',
    summary: 'Pause a replication. Changes wait in the stream for up to 24 hours.',
    load: async () => (await import('./pause.ts')).pauseCommand,
  },
  {
    name: 'resume',
    summary: 'Resume a paused replication, from the oldest waiting change.',
    load: async () => (await import('./resume.ts')).resumeCommand,
  },
  {
    name: 'drain',
    summary:
      'Compare the twin with the stream beside live traffic. With --apply, refuse writes and prove that all have arrived.',
    load: async () => (await import('./drain.ts')).drainCommand,
  },
  {
    name: 'failover',
    summary:
      'Activate the configured destination, without losing a write. Without --apply, only check.',
    load: async () => (await import('./failover.ts')).failoverCommand,
  },
  {
    name: 'failback',
    summary: 'Activate the configured source again. Without --apply, only check.',
    load: async () => (await import('./failover.ts')).failbackCommand,
  },
  {
    name: 'rejoin',
    summary:
      'Take a Region back that was lost, and keep what was written there. Without --apply, change nothing.',
    load: async () => (await import('./rejoin.ts')).rejoinCommand,
  },
  {
    name: 'stranded list',
    summary: 'List the writes of a lost Region that the active one does not have.',
    load: async () => (await import('./stranded.ts')).strandedListCommand,
  },
  {
    name: 'stranded replay',
    summary:
      'Put stranded writes into the active table, where it is unchanged. Without --apply, change nothing.',
    load: async () => (await import('./stranded.ts')).strandedReplayCommand,
  },
  {
    name: 'stranded drop',
    summary: 'Decide that stranded writes are not wanted. Without --apply, change nothing.',
    load: async () => (await import('./stranded.ts')).strandedDropCommand,
  },
  {
    name: 'rehearse',
    summary:
      'Rehearse failures and switches on tables made for it, and report what fired and what healed.',
    load: async () => (await import('./rehearse.ts')).rehearseCommand,
  },
  {
    name: 'teardown',
    summary:
      'List the resources that stay when the stacks are deleted, show how to import them, and delete them.',
    load: async () => (await import('./teardown.ts')).teardownCommand,
  },
  {
    name: 'history',
    summary: 'Show who has changed data with which command, how much, and how it ended.',
    load: async () => (await import('./history.ts')).historyCommand,
  },
  {
    name: 'config',
    summary:
      'Print the configuration of a file or of a deployed replication, as written or with every value.',
    load: async () => (await import('./config.ts')).configCommand,
  },
  {
    name: 'permissions',
    summary: 'Print the least IAM policies for functions, operators and deployments.',
    load: async () => (await import('./permissions.ts')).permissionsCommand,
  },
  {
    name: 'cost',
    summary:
      'Estimate what a replication costs a month, beside a global table, or compare with what it has used.',
    load: async () => (await import('./cost.ts')).costCommand,
  },
  {
    name: 'latency',
    summary: 'Measure the time from a write to its item at the twin, at several write rates.',
    load: async () => (await import('./latency.ts')).latencyCommand,
  },
];
