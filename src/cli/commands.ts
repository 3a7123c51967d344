// Every command that there is. Each is loaded only when it is called: together they take most of a second.

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
    summary:
      'Look at two tables, say what stands in the way of a replication, and write ferry.json.',
    load: async () => (await import('./init.ts')).initCommand,
  },
  {
    name: 'local',
    summary: 'Replicate a workload between two embedded DynamoDB Regions, then compare the tables.',
    load: async () => (await import('./local.ts')).local,
  },
  {
    name: 'status',
    summary: 'Tell whether the twin is behind, by how much, why, and what to do.',
    load: async () => (await import('./status.ts')).statusCommand,
  },
  {
    name: 'backfill',
    summary:
      'Copy the items that the source already has, beside live traffic. Without --apply it only estimates.',
    load: async () => (await import('./backfill.ts')).backfillCommand,
  },
  {
    name: 'verify',
    summary: 'Compare source and destination, and prove every difference by looking twice.',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    name: 'repair',
    summary:
      'Fix what `ferry verify` found, never over anything newer. Without --apply it only looks.',
    load: async () => (await import('./repair.ts')).repairCommand,
  },
  {
    name: 'redrive',
    summary:
      'Put dead letters and given-up batches back, never over anything newer. Without --apply it only looks.',
    load: async () => (await import('./redrive.ts')).redriveCommand,
  },
  {
    name: 'adopt',
    summary:
      'Let the configured stream write to the twin, after the source was changed or the twin made anew. Without --apply it only looks.',
    load: async () => (await import('./adopt.ts')).adoptCommand,
  },
  {
    name: 'pause',
    summary: 'Stop replicating on purpose; changes wait in the stream for up to 24 hours.',
    load: async () => (await import('./pause.ts')).pauseCommand,
  },
  {
    name: 'resume',
    summary: 'Replicate again after a pause, from the oldest change that waits.',
    load: async () => (await import('./resume.ts')).resumeCommand,
  },
  {
    name: 'teardown',
    summary:
      'List what stays when the stacks are deleted, how to import it, and delete it for good.',
    load: async () => (await import('./teardown.ts')).teardownCommand,
  },
  {
    name: 'latency',
    summary: 'Measure the time from a write to its item at the twin, at several write rates.',
    load: async () => (await import('./latency.ts')).latencyCommand,
  },
];
