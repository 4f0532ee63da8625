/** Work that may still be done before the event loop goes on; counted in bytes that are worked through. */
export interface Work {
  left: number;
}

/** Waits for the next share of work; undefined when nobody needs the result any more. */
export type NextWork = () => Promise<Work | undefined>;

/** What all that is small may do in one turn of the event loop: a few milliseconds. */
const TURN_BYTES = 2 * 1024 * 1024;

/** What one large job does in a turn: about a millisecond. */
const SLICE_BYTES = 256 * 1024;

/** Large jobs under way at once. Each holds memory (a decoder's window), and each takes a slice of every turn. */
const JOBS_MAX = 4;

/**
 * Divides the event loop's time between long computations and everything else. Small pieces of work are done at once while
 * `thisTurn` lasts; what is larger runs as a job, a slice per turn.
 */
export class Turns {
  readonly #thisTurn: Work = { left: TURN_BYTES };
  #resetting = false;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** What is left for small work in this turn; whoever works takes from it what it has done. */
  get thisTurn(): Work {
    if (!this.#resetting) {
      this.#resetting = true;
      setImmediate(() => {
        this.#resetting = false;
        this.#thisTurn.left = TURN_BYTES;
      });
    }
    return this.#thisTurn;
  }

  /** Whether a job would begin at once. */
  get hasRoom(): boolean {
    return this.#running < JOBS_MAX;
  }

  /**
   * Runs a job once there is room for it. `next` gives what is left of this turn first, then a slice each time that the
   * event loop has come round.
   */
  async run<T>(job: (next: () => Promise<Work>) => Promise<T>): Promise<T> {
    if (this.hasRoom) this.#running += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let begun = false;
    const next = () => {
      const first = !begun && this.#thisTurn.left > 0;
      begun = true;
      return first ? Promise.resolve(this.thisTurn) : nextSlice();
    };
    try {
      return await job(next);
    } finally {
      // The place goes from hand to hand, so that nobody slips in between.
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#running -= 1;
      else waiting();
    }
  }
}

function nextSlice(): Promise<Work> {
  return new Promise((resolve) => setImmediate(() => resolve({ left: SLICE_BYTES })));
}
