// What the live page receives once a second: counts, times and names, never an item. The browser imports
// this file, too.

/** The outcomes of records that are drawn over time, from the bottom of a bar to its top. */
export const DRAWN_OUTCOMES = [
  'applied',
  'coalesced',
  'superseded',
  'retried',
  'deadLettered',
] as const;

type DrawnOutcome = (typeof DRAWN_OUTCOMES)[number];

export const FAULT_NAMES = ['throttle', 'outage', 'poison'] as const;

export type FaultName = (typeof FAULT_NAMES)[number];

/** `bad` needs a person, `busy` passes by itself. */
export type Tone = 'good' | 'busy' | 'bad';

export interface Sentence {
  /** Stays while only the figures in the text change, so that screen readers read it out once. */
  readonly kind: string;
  readonly tone: Tone;
  readonly text: string;
}

export interface Point {
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** Of the records applied in this second; null if there was none. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** For how long the oldest change has waited; null where none waits. */
  readonly waitedMs: number | null;
  /** Records per second. */
  readonly rates: Readonly<Record<DrawnOutcome, number>>;
}

export interface ControlsView {
  /** Whether the buttons do anything now. */
  readonly open: boolean;
  readonly faults: Readonly<Record<FaultName, boolean>>;
  readonly redriving: boolean;
  /** What the latest redrive did; empty before the first. */
  readonly redriveResult: string;
}

/** Undefined while they are not known. */
export interface WatchedCounts {
  readonly waitingLetters?: number | undefined;
  readonly sourceItems?: number | undefined;
  /** Of those, items that the projection leaves out, where it does. */
  readonly leftOutItems?: number | undefined;
  readonly destinationItems?: number | undefined;
}

export type Figures = ReadonlyArray<readonly [name: string, value: string]>;

/** A list of figures with its title. Without figures, it is not shown. */
export interface TitledFigures {
  readonly title: string;
  readonly figures: Figures;
}

/** Of a run with both directions: one whose direction is switched, or one that goes both ways. */
export interface StoryView {
  /** Regions, as they are configured. */
  readonly source: string;
  readonly destination: string;
  readonly route: string;
  /** What is going on, in a sentence that stays while only figures change. */
  readonly step: string;
  readonly first: TitledFigures;
  readonly second: TitledFigures;
}

export interface PageView extends WatchedCounts {
  readonly verdict: Sentence;
  /** What the comparison of the tables has shown, where replication goes on after it. */
  readonly note: string;
  readonly route: string;
  readonly points: readonly Point[];
  readonly totals: Readonly<Record<DrawnOutcome | 'writes', number>>;
  readonly controls: ControlsView;
  readonly story?: StoryView | undefined;
  /** Nothing comes after it. */
  readonly ended: boolean;
}
