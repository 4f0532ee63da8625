/** The result of one step of a job. */
export interface JobStep {
  /** Where the next step continues; undefined for the beginning. */
  readonly cursor: string | undefined;
  /** True if this step reached the end. */
  readonly isComplete: boolean;
  /** Counts of what was examined and done, by name. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Work that no request triggers, divided into steps. */
export interface UpkeepJob {
  /** Part of a stored key: lower-case letters and dashes. */
  readonly name: string;
  /**
   * Continues from `cursor` (undefined: from the beginning) until `deadline` (Clock.monotonic(),
   * ms) or the end. Steps must be repeatable: after a crash the cursor is an old one. An item that
   * cannot be processed is skipped. Throws StoreUnavailableError.
   */
  step(cursor: string | undefined, deadline: number): Promise<JobStep>;
}
