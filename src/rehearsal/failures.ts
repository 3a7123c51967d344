// The failures of a rehearsal, as data: what each one does, what must fire, what `ferry status` must show, and how the
// replication comes back.

import type { FailureName, RehearsalPlace } from './ports.ts';

export interface Failure {
  readonly name: FailureName;
  /** In a sentence. */
  readonly does: string;
  /** Last parts of the names of the alarms that must fire. */
  readonly fires: readonly string[];
  /** What to do where they do not exist. */
  readonly otherwise?: string;
  /** Anchor of the runbook's entry that `ferry status` must name. */
  readonly shows: string;
  /** In minutes of the alarms, from the failure on. */
  readonly firesWithin: number;
  readonly recovery: string;
  /** What an operator types, without `--replication`. */
  readonly commands: readonly string[];
}

export interface NotRehearsed {
  readonly name: FailureName;
  readonly why: string;
}

export interface Plan {
  readonly failures: readonly Failure[];
  readonly notRehearsed: readonly NotRehearsed[];
}

const STATUS = 'ferry status';

/** In their order: a switch is the last, because another table is active for part of it. */
export function planOf({
  hasHeartbeat,
  isSwitched,
}: Pick<RehearsalPlace, 'hasHeartbeat' | 'isSwitched'>): Plan {
  const why = 'the replication has no "switching"';
  const switches = switchFailures(hasHeartbeat);
  return {
    failures: [...FAILURES, ...(isSwitched ? switches : [])],
    notRehearsed: isSwitched ? [] : switches.map(({ name }) => ({ name, why })),
  };
}

const FAILURES: readonly Failure[] = [
  {
    name: 'destination-denied',
    does: 'The function loses the permission to write to the twin.',
    fires: ['destination-denied'],
    shows: 'destination-denied',
    firesWithin: 15,
    recovery: 'The permission is restored.',
    commands: [STATUS],
  },
  {
    name: 'destination-throttled',
    does: 'The twin takes fewer writes than come.',
    fires: ['destination-throttled'],
    shows: 'destination-throttled',
    firesWithin: 25,
    recovery: 'The twin takes all writes again.',
    commands: [STATUS],
  },
  {
    name: 'function-disabled',
    does: 'The event source mapping is disabled.',
    fires: ['heartbeat-missing'],
    otherwise:
      'Configure "heartbeat": without it, no alarm fires before records have waited for an hour.',
    shows: 'records-waiting',
    firesWithin: 20,
    recovery: 'The event source mapping is enabled.',
    commands: [STATUS],
  },
  {
    name: 'poison-records',
    does: 'The twin rejects some items in every attempt.',
    fires: ['dead-letters'],
    shows: 'dead-letters',
    firesWithin: 15,
    recovery: 'The twin takes the items, and the dead letters are redriven.',
    commands: [STATUS, 'ferry redrive', 'ferry redrive --apply'],
  },
];

function switchFailures(hasHeartbeat: boolean): readonly Failure[] {
  return [
    {
      name: 'source-lost',
      does: 'The Regions are cut off from each other. The operator switches without the source.',
      // The heartbeat of either Region fails, also where nothing is written any more.
      fires: [hasHeartbeat ? 'heartbeat-failing' : 'control-unreadable'],
      shows: 'region-lost',
      firesWithin: 25,
      recovery: 'The Regions reach each other again, and the lost one rejoins.',
      commands: [STATUS, 'ferry failover --source-lost --apply', 'ferry rejoin --apply'],
    },
    {
      name: 'planned-switch',
      does: 'The operator switches to the other Region, and back.',
      fires: [],
      shows: 'planned-evacuation',
      firesWithin: 0,
      recovery: 'Each switch ends with a proof.',
      commands: ['ferry failover --apply', STATUS, 'ferry failback --apply'],
    },
  ];
}
