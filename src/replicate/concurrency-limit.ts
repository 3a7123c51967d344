// How many writes may be under way at once: as many as the destination can use. More of them are tried while
// more get done for it; a destination that throttles gets fewer.

/** How a request ended: the milliseconds to its answer; throttled or never answered; or in another failure. */
export type RequestEnd = number | 'overloaded' | 'failed';

const START = 64;
const LEAST = 8;
/** A limit counts as tried only while nearly as many requests are under way. */
const BUSY_SHARE = 0.8;
/**
 * More are worth it while each takes longer by at most this share of what there are more: of twice as many,
 * each may take 1.6 times as long, and a quarter more get done in the time.
 */
const WORTH_SHARE = 0.6;
/** What a clock of milliseconds cannot tell, even of many. */
const WORTH_MS = 0.5;
const GROWTH = 2;
const BACK_OFF = 0.7;
/** A hot key throttles now and then, however few requests there are; this many are more than that. */
const OVERLOAD_SHARE = 0.05;
/** Rounds of answers before more is tried again where it did not help. */
const RESTING_ROUNDS = 10;

export class ConcurrencyLimit {
  readonly #most: number;
  #limit: number;
  #underWay = 0;
  /** Raised with every change of the limit: requests from before it say nothing about it. */
  #ticket = 0;
  /** Milliseconds of the answers under this limit. */
  #answers: number[] = [];
  /** Requests of the current round that have ended, and those of them that were too many. */
  #round = { ended: 0, overloaded: 0 };
  #restingRounds = 0;
  #proven: { readonly limit: number; readonly ms: number } | undefined;

  /** @param most what sockets and memory allow. */
  constructor(most: number) {
    this.#most = most;
    this.#limit = Math.min(START, most);
  }

  current(): number {
    return this.#limit;
  }

  /** To be called when a request starts. @returns its ticket, to be given back at its end. */
  started(): number {
    this.#underWay += 1;
    return this.#ticket;
  }

  ended(ticket: number | undefined, end: RequestEnd): void {
    const isBusy = this.#underWay >= this.#limit * BUSY_SHARE;
    this.#underWay -= 1;
    if (ticket !== this.#ticket || end === 'failed') return;
    if (this.#isOverloaded(end)) this.#backOff();
    else if (end !== 'overloaded' && isBusy && this.#isInQuestion()) this.#note(end);
  }

  #isOverloaded(end: RequestEnd): boolean {
    if (this.#round.ended >= this.#limit) this.#round = { ended: 0, overloaded: 0 };
    this.#round.ended += 1;
    if (end === 'overloaded') this.#round.overloaded += 1;
    return this.#round.overloaded > Math.max(1, this.#limit * OVERLOAD_SHARE);
  }

  #isInQuestion(): boolean {
    return this.#limit < this.#most || this.#proven?.limit !== this.#limit;
  }

  #backOff(): void {
    this.#proven = undefined;
    this.#restingRounds = RESTING_ROUNDS;
    this.#change(Math.max(LEAST, Math.floor(this.#limit * BACK_OFF)));
  }

  #note(ms: number): void {
    this.#answers.push(ms);
    if (this.#answers.length < 2 * this.#limit) return;
    // The first round opens sockets, which takes longer.
    this.#judge(middle(this.#answers.slice(this.#limit)));
  }

  #judge(ms: number): void {
    if (this.#restingRounds > 0) {
      this.#rest(ms);
    } else if (this.#isWorthIt(ms)) {
      this.#proven = { limit: this.#limit, ms };
      this.#change(this.#limit * GROWTH);
    } else {
      this.#restingRounds = RESTING_ROUNDS;
      this.#change(this.#proven?.limit ?? this.#limit);
    }
  }

  #isWorthIt(ms: number): boolean {
    if (this.#proven === undefined) return true;
    const { limit, ms: before } = this.#proven;
    const ratio = 1 + (this.#limit / limit - 1) * WORTH_SHARE;
    return ms <= before * ratio + WORTH_MS;
  }

  /** The best of these rounds is what more have to compete with: in the others, something else took time. */
  #rest(ms: number): void {
    const isFirst = this.#restingRounds === RESTING_ROUNDS;
    const best = isFirst ? ms : Math.min(ms, this.#proven?.ms ?? ms);
    this.#proven = { limit: this.#limit, ms: best };
    this.#restingRounds -= 1;
    this.#answers = [];
    if (this.#restingRounds === 0) this.#change(this.#limit * GROWTH);
  }

  #change(limit: number): void {
    this.#limit = Math.min(limit, this.#most);
    this.#ticket += 1;
    this.#answers = [];
    this.#round = { ended: 0, overloaded: 0 };
  }
}

/** Mean of the middle half: finer than the clock, and blind to what is out of line. */
function middle(figures: readonly number[]): number {
  const quarter = figures.length >> 2;
  const half = figures.toSorted((a, b) => a - b).slice(quarter, figures.length - quarter);
  return half.reduce((sum, ms) => sum + ms, 0) / half.length;
}
