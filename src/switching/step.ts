// What an operator asks of a switch, what each bounded piece of it answers, and how it ends. The commands, the switch
// function and local mode call `nextStep(state, ports)` of next-step.ts until an answer has a `result`.

import type { Item } from '../ports.ts';
import type { OpenLetter } from './ports.ts';
import type { SwitchProof } from './proof.ts';

export interface SwitchRequest {
  /** `switch`: failover or failback, by the target of the ports. */
  readonly kind: 'drain' | 'switch' | 'cancel' | 'lost' | 'rejoin';
  /** Without it, nothing is changed: the answer says what would be done. */
  readonly apply: boolean;
  /** Who asks, for people. */
  readonly by: string;
  /** Sequence numbers of dead letters that are accepted: they excuse their own records. */
  readonly accepted: readonly string[];
  /** `full` compares the tables, too. A switch without markers does so in any case. */
  readonly proof: 'tail' | 'full';
  /** With a fence of the application: for how long no record may come behind the markers. @default 10 s */
  readonly quietMs?: number | undefined;
  /** From the fence on: when it has passed, the switch is cancelled. @default no limit */
  readonly timeoutMs?: number | undefined;
  /** Of a lost Region: go on although its DynamoDB answers. */
  readonly evenIfReachable?: boolean | undefined;
  /** Of a lost Region: go on although a switch to it was closed on both sides, and may have opened it. */
  readonly evenIfHalfOpen?: boolean | undefined;
}

/** Of a planned switch, in their order; the numbers are those of docs/switching.md. */
export type SwitchPhase =
  /** Looks at both copies, and decides what there is to do. */
  | 'checking'
  /** 0: audits beside the traffic. */
  | 'ahead'
  /** 1 */
  | 'claiming'
  /** 2: changes the policy, and then probes it. */
  | 'fencing'
  | 'probing'
  /** 3 */
  | 'auditing'
  /** Compares the tables. */
  | 'comparing'
  /** 4: asks for letters, and then closes both copies. */
  | 'letters'
  | 'closing'
  /** 5 */
  | 'waiting'
  | 'looking-again'
  /** Something was found: opens both copies again, and audits once more. */
  | 'reopening'
  /** 6: opens, and then lets the target be written. */
  | 'opening'
  | 'admitting'
  /** 7: tells the other copy, repairs what the letters excused, and lets the record go. */
  | 'telling'
  | 'repairing'
  | 'releasing'
  /** Opens the copies again, and then takes the fence away. */
  | 'cancelling'
  | 'unfencing'
  /** Of a lost Region: reads when its newest changes have arrived. */
  | 'measuring'
  /** Of its rejoin: waits for the way back, classes what differed, and repairs from the active side. */
  | 'catching-up'
  | 'classing'
  | 'done';

export interface SwitchCounts {
  readonly shards: number;
  /** Of the epoch that is drained. */
  readonly records: number;
  /** That these are about. */
  readonly keys: number;
  /** Of these, those whose last record has not been seen on the other side. */
  readonly behind: number;
  /** Records that the switch has applied by itself. */
  readonly applied: number;
  /** Of a rejoin: items of the lost Region that were saved, classed, put and deleted. */
  readonly rejoin?: RejoinCounts | undefined;
}

export interface RejoinCounts {
  /** Items of either side that were compared. */
  items: number;
  saved: number;
  classed: number;
  put: number;
  deleted: number;
}

/** The answer of a piece of work. */
export interface StepResult {
  /** What comes next. */
  readonly phase: SwitchPhase;
  readonly counts: SwitchCounts;
  /** How long to wait before the next call; 0 to go on at once. */
  readonly waitMs: number;
  /** At the end. */
  readonly result?: SwitchResult | undefined;
}

export type SwitchResult =
  /** Nothing had to be done. */
  | { readonly kind: 'already'; readonly active: string; readonly epoch: number }
  | { readonly kind: 'preview'; readonly preview: SwitchPreview }
  /** `fenced` stays as it is until the switch goes on, or is cancelled. */
  | { readonly kind: 'drained'; readonly proof: SwitchProof }
  | { readonly kind: 'switched'; readonly proof: SwitchProof; readonly left: readonly LeftItem[] }
  /** Opened by an earlier run, whose proof is in the ledger. */
  | { readonly kind: 'finished'; readonly active: string; readonly epoch: number }
  | { readonly kind: 'cancelled'; readonly why: string; readonly active: string }
  /** The fence stays, if it was raised. */
  /** Of a lost Region: what a switch would do, and what is known of its last changes. */
  | {
      readonly kind: 'lost-preview';
      readonly from: string;
      readonly to: string;
      readonly newest: readonly NewestArrival[];
      /** The lost Region may have been opened: it may have accepted writes since this side was fenced. */
      readonly halfOpen?: { readonly sinceMs: number | undefined };
    }
  | {
      readonly kind: 'rejoin-preview';
      readonly region: string;
      readonly epoch: number;
      readonly lostSinceMs: number;
    }
  | {
      readonly kind: 'rejoined';
      readonly counts: RejoinCounts;
      readonly undecided: number;
      /** Not equal: what cannot be read, and keys of accepted letters that cannot be repaired. */
      readonly left: readonly LeftItem[];
    }
  | { readonly kind: 'unproven'; readonly why: string; readonly open: OpenWork };

/** Of a shard of the stream of the active side: when the newest change was made that had come from the lost Region. */
export interface NewestArrival {
  readonly shardId: string;
  /** Epoch milliseconds; undefined where it has none. */
  readonly atMs: number | undefined;
  /** The shard has been read to its tip: there is no newer one. */
  readonly isWhole: boolean;
}

/** What stands in the way of a proof. */
export interface OpenWork {
  /** Not accepted. */
  readonly letters: readonly OpenLetter[];
  readonly batches: number;
  readonly lost: number;
  readonly backfill: boolean;
  /** Stranded writes of a lost Region without a decision. @default none */
  readonly stranded?: number | undefined;
  /** What could not be applied, and why; the first of them. */
  readonly rejected: readonly LeftItem[];
}

export interface LeftItem {
  readonly key: Item;
  readonly why: string;
}

export interface SwitchPreview {
  readonly from: string;
  readonly to: string;
  /** Whether another run holds the record, and what it was at. */
  readonly takesOver?: string | undefined;
  readonly counts: SwitchCounts;
  readonly open: OpenWork;
  /** Age of the oldest record that has not been seen on the other side, milliseconds. */
  readonly lagMs: number;
  /** For how long writes will be refused, about. */
  readonly expectedOutageMs: number;
}

/** 0 done, 3 not proven or cancelled. */
export function exitCodeOf({ result, asked }: { result: SwitchResult; asked: SwitchRequest }) {
  if (result.kind === 'cancelled') return asked.kind === 'cancel' ? 0 : 3;
  if (result.kind === 'preview') return isClear(result.preview.open) ? 0 : 3;
  if (result.kind === 'rejoined') return result.left.length === 0 ? 0 : 3;
  return result.kind === 'unproven' ? 3 : 0;
}

export function isClear({
  letters,
  batches,
  lost,
  backfill,
  rejected,
  stranded = 0,
}: OpenWork): boolean {
  return letters.length + batches + lost + rejected.length + stranded === 0 && !backfill;
}
