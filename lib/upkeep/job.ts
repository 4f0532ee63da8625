/** What a step of a job came to. */
export interface JobStep {
  /** Where the next step goes on; undefined: at the beginning. */
  readonly cursor: string | undefined;
  /** Whether this step got to the end. */
  readonly isComplete: boolean;
  /** What was looked at and done, by name. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Something that nobody comes by to do, in pieces. */
export interface UpkeepJob {
  /** Part of a stored key: small letters and dashes. */
  readonly name: string;
  /**
   * Works on from `cursor` (undefined: from the beginning) until `deadline` (Clock.monotonic()) or the end. Repeatable: the cursor
   * of a process that died is an old one. An item that cannot be handled is passed over. Throws StoreUnavailableError.
   */
  step(cursor: string | undefined, deadline: number): Promise<JobStep>;
}
