// What a sufficient number of worlds must have been through; a simulation in which nothing happens proves
// nothing. In each, how many of a thousand worlds have it at the least.

/** Far below what is usual, so that chance alone does not make a test fail. */
const PER_THOUSAND: Readonly<Record<string, number>> = {
  // Lambda and the stream.
  'partial answer': 100,
  'invocation failed': 100,
  'invocation out of time': 1,
  bisected: 10,
  'answer lost': 50,
  'answer lost with its poller': 10,
  'delivered again from an old checkpoint': 50,
  'given up: RecordAgeExceeded': 5,
  'given up: RetryAttemptsExhausted': 20,
  'lost: its batch was lost': 1,
  'shard split': 100,
  'stream re-created': 30,
  'lost: the stream has forgotten it': 5,
  'lost: no stream was on': 10,
  'lost: the mapping was deleted': 3,
  'poller replaced beside an invocation': 120,
  'replay from the oldest record': 60,
  'mapping made again beside an invocation': 25,
  'parallelization factor changed': 40,
  'two mappings': 25,
  'settings changed under way': 40,
  'event of another table': 12,
  // Control rows, and tables that are others than before.
  'first adoption': 900,
  'epoch opened': 20,
  'batch held': 30,
  'source re-pointed': 20,
  'state table made anew': 15,
  'twin table made anew': 15,
  'adopt ended': 40,
  'adopt killed': 7,
  'adopt failed': 2,
  // Deletes that are looked at again.
  'delete announced': 300,
  'announcement comes again': 25,
  'announcement of an ended epoch': 1,
  'announcement delivered to two': 5,
  'look-up without capacity': 10,
  'revenant counted': 2,
  // Requests and processes.
  ThrottlingException: 100,
  ProvisionedThroughputExceededException: 10,
  TransactionConflictException: 20,
  ECONNREFUSED: 10,
  AccessDeniedException: 10,
  'request timed out': 100,
  'answer reset': 50,
  'request is very late': 30,
  'landed after it was given up': 100,
  'landed after its sender died': 50,
  'crash before a request': 20,
  'crash with a request under way': 20,
  'crash after a request': 20,
  'outage of more than a day': 10,
  'clock is off': 50,
  'clock jumps under a process': 3,
  'transaction cancelled for one part': 5,
  'empty page': 100,
  'tampered with': 20,
  // Outcomes.
  'outcome applied': 900,
  'outcome coalesced': 100,
  'outcome skipped': 5,
  'outcome dead-lettered': 50,
  'outcome redelivery': 100,
  'outcome newer': 10,
  'outcome deleted': 2,
  'malformed record': 10,
  // Commands.
  'foreign batch left where it is': 12,
  'redrive ended': 200,
  'redrive killed': 10,
  'redrive failed': 10,
  'redrive of a part': 3,
  'redrive read from the source': 5,
  'message delivered to two': 1,
  'backfill ended': 100,
  'backfill killed': 10,
  'backfill goes on': 3,
  'bulk run succeeded': 40,
  'bulk run failed': 0.5,
  'bulk run followed by another command': 0.3,
  'bulk worker further': 20,
  'bulk worker killed': 6,
  'bulk worker failed': 1,
  'copy refused by a tombstone': 0.2,
  'copy refused by an item': 50,
  'copy rejected': 2,
  'repair ended': 100,
  'repair killed': 10,
  'verify killed': 5,
  copied: 10,
  repaired: 50,
  'repair needed in the end': 10,
  // What the guarantees name as exceptions.
  'catching up': 5,
  'back for a while': 15,
  'gone again': 15,
  'letter sent again': 40,
  'different: kept': 3,
  'outcome unversioned': 3,
  // Memory that ends.
  'ledger row expired': 5,
  'lost: its letter expired': 5,
};

/** Situations that came up in too few of so many worlds. */
export function missingSituations(
  worldsWith: ReadonlyMap<string, number>,
  worlds: number,
): string[] {
  return Object.entries(PER_THOUSAND).flatMap(([situation, perThousand]) => {
    const seen = worldsWith.get(situation) ?? 0;
    const wanted = Math.floor((perThousand * worlds) / 1000);
    return seen < wanted ? [`${situation}: in ${seen} of ${worlds} worlds, not ${wanted}`] : [];
  });
}
