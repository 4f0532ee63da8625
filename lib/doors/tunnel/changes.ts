import type { Clock } from '../../core/clock.ts';
import { boundedMap } from '../../kit/bounded-map.ts';

/** Topics and groups whose last change through this tunnel is remembered. */
const CHANGES_MAX = 10_000;

/** A place in the order of questions and changes, and its time (Clock.monotonic(), ms). */
export interface Moment {
  readonly order: number;
  readonly at: number;
}

/**
 * What has changed through this tunnel: a topic by a Produce request, a group by one of its members.
 * Subjects are those of Advice.
 */
export class Changes {
  readonly #clock: Clock;
  readonly #listeners = new Set<(changed: ReadonlySet<string>) => void>();
  readonly #last = boundedMap<string, Moment>(CHANGES_MAX);
  #order = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  onChange(listener: (changed: ReadonlySet<string>) => void): void {
    this.#listeners.add(listener);
  }

  tell(subjects: Iterable<string>): void {
    const changed = new Set(subjects);
    if (changed.size === 0) return;
    const moment = this.moment();
    for (const subject of changed) this.#last.set(subject, moment);
    for (const listener of this.#listeners) listener(changed);
  }

  /** The present: later than all changes so far, and earlier than all to come. */
  moment(): Moment {
    return { order: this.#order++, at: this.#clock.monotonic() };
  }

  /** The last change of any of the subjects. */
  lastOf(subjects: readonly string[]): Moment | undefined {
    let last: Moment | undefined;
    for (const subject of subjects) {
      const moment = this.#last.peek(subject);
      if (moment !== undefined && (last === undefined || moment.order > last.order)) last = moment;
    }
    return last;
  }

  /** Whether any of the subjects has changed after that moment. */
  haveChanged(subjects: readonly string[], since: Moment): boolean {
    return (this.lastOf(subjects)?.order ?? -1) > since.order;
  }
}

/** Whether one of the subjects is among those that changed. */
export function concerns(about: readonly string[], changed: ReadonlySet<string>): boolean {
  return about.some((subject) => changed.has(subject));
}
