import type { StoreTime } from '../storage/ports.ts';
import type { GroupConfig } from './config.ts';
import type { Facts, Needs } from './facts.ts';
import type { Group } from './group.ts';

/** What a step may know beside the group. */
export interface StepContext {
  readonly groupId: string;
  /** Store time; the only `now` there is. */
  readonly now: StoreTime;
  readonly config: GroupConfig;
  /** When the group was made; `now` for a group that this step makes. */
  readonly since: StoreTime;
  /** The sweep is about to drop the group, unless it is written anew (see unused-groups.ts). */
  readonly isUnused: boolean;
  /** What was loaded for this round: at least what `needs` named. */
  readonly facts: Facts;
  /** The body of the group that has taken in `facts.topics` already; undefined where none has. */
  readonly takenInBy: object | undefined;
  /** A member id that nobody has: `<prefix>-<UUID>`, as Kafka makes them (ClassicGroup.generateMemberId). */
  newMemberId(prefix: string): string;
}

/**
 * One request to a group, as a pure decision. The coordinator loads the group, moves it on to the present
 * (GroupProtocol.advance), loads what the steps need beside it, asks all steps one after the other, each over the group that
 * the one before left, makes one conditional put of the last, and only then sends the replies. After a conflict all are
 * asked again over the group that won, so `decide` must not keep anything: what a waiting step has to remember is in its
 * `next`.
 */
export interface Step<Reply> {
  /** What `decide` needs beside this group; left out by a step that never needs anything. */
  needs?(group: Group | undefined): Needs;
  /** `group` is undefined where there is no such group. */
  decide(group: Group | undefined, context: StepContext): StepResult<Reply>;
  /** The reply when the group that it decided does not fit its items (see GROUP_BYTES_MAX). */
  readonly tooLarge: Reply;
}

/**
 * `group`: the group afterwards; the same reference if nothing changed, undefined to delete it with its offsets.
 * `alive`: the member that has shown a sign of life; its lease is renewed if need be before the reply leaves.
 */
export type StepResult<Reply> =
  | {
      readonly kind: 'reply';
      readonly group: Group | undefined;
      readonly reply: Reply;
      readonly alive?: string;
      /** The group has taken in `facts.topics`. */
      readonly tookTopicsIn?: boolean;
    }
  /** No reply yet: `next` decides whenever the group has changed. */
  | {
      readonly kind: 'wait';
      readonly group: Group | undefined;
      readonly next: Step<Reply>;
      readonly alive?: string;
      /** What another process needs beside the request to go on waiting; left out where the request cannot be sent away. */
      readonly again?: string;
    };
