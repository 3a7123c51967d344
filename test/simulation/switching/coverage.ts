// What must come up in worlds that are switched, in how many of a thousand: where it does not, nothing was tested.

const PER_THOUSAND: Readonly<Record<string, number>> = {
  'opened west, drained': 700,
  'opened east, drained': 200,
  'switch killed': 100,
  'switch failed switching.taken': 100,
  'cancel cancelled': 40,
  'switch failed switching.clock': 60,
  'clock jumps under a process': 5,
  'opened west, lost': 100,
  'opened east, lost': 2,
  'stranded write replayed': 2,
  'stranded write dropped': 1,
  'phase reopening': 20,
  'phase comparing': 50,
  'the fence leaks': 40,
  'application refused by the fence': 300,
  'judged as own': 200,
  'judged as stray': 40,
  'judged as ended': 20,
  'batch held': 200,
  'copy unreadable': 20,
  'disturbance split': 100,
  'disturbance roll-over': 60,
  'disturbance replay': 60,
  'disturbance partition': 20,
  'disturbance down': 20,
  'empty page before records': 100,
  'landed after it was given up': 100,
  'poller replaced beside an invocation': 60,
  letter: 20,
  'redrive ended': 20,
  'backfill ended': 30,
};

export function missingInSwitches(
  worldsWith: ReadonlyMap<string, number>,
  worlds: number,
): string[] {
  return Object.entries(PER_THOUSAND).flatMap(([situation, least]) => {
    const found = ((worldsWith.get(situation) ?? 0) * 1_000) / worlds;
    return found >= least ? [] : [`${situation}: in ${found.toFixed(1)} of 1,000, not in ${least}`];
  });
}
