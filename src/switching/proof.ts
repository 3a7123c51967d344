// The proof of a switch: what was read, compared and accepted before another Region was opened. Kept in the ledger of
// the Region that was opened, and printed.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { Item } from '../model/attribute-value.ts';
import type { LedgerRules } from '../model/rules.ts';
import type { WriteRequest } from '../model/write-request.ts';

export const PROOF_FORMAT = 1;

/** Times are ISO 8601, in UTC. */
export interface SwitchProof {
  readonly format: typeof PROOF_FORMAT;
  readonly replication: string;
  readonly from: string;
  readonly to: string;
  /** `opened` is absent of a drain, which opens none. */
  readonly epochs: { readonly ended: number; readonly opened?: number };
  readonly shards: number;
  readonly records: number;
  readonly keys: number;
  readonly applied: number;
  /** Sequence numbers. */
  readonly lettersAccepted: readonly string[];
  /** `to` is absent of a drain, after which they still are. */
  readonly writesRefused: { readonly from: string; readonly to?: string };
  /** `seconds` is null where it is not known: of a lost Region. */
  readonly rpo: { readonly seconds: number | null; readonly proven: boolean };
  readonly rtoSeconds?: number;
  readonly lookedAgain: { readonly keys: number; readonly differences: number };
  /** Of a lost Region, with a tally: its rows, and the items of the target that lack a write. */
  readonly tally?: { readonly rows: number; readonly quarantined: number };
  /** Items of either table, where the tables were compared. */
  readonly compared?: { readonly items: number; readonly destinationItems: number };
  readonly fence: 'policy' | 'application';
  readonly switch: string;
  readonly by: string;
}

/** In the ledger beside the target. */
export function proofKey(replication: string, epoch: number): Item {
  return { [LEDGER_ATTRIBUTES.id]: { S: `${replication}#proof#${epoch}` } };
}

/** Of a switch, the epoch that it opens; of a drain, the one that it would end. */
export function putProof(
  proof: SwitchProof,
  { stateTable }: Pick<LedgerRules, 'stateTable'>,
): WriteRequest {
  const { replication, epochs } = proof;
  const key = proofKey(replication, epochs.opened ?? epochs.ended);
  const Item = { ...key, proof: { S: JSON.stringify(proof) } };
  return { operation: 'PutItem', input: { TableName: stateTable, Item } };
}

export function proofIn(row: Item | undefined): SwitchProof | undefined {
  const text = row?.['proof']?.S;
  return text === undefined ? undefined : (JSON.parse(text) as SwitchProof);
}
