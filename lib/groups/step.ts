import type { StoreTime } from '../storage/ports.ts';
import type { GroupConfig } from './config.ts';
import type { Facts, Needs } from './facts.ts';
import type { Group } from './group.ts';

/** The inputs of a decision besides the group. */
export interface StepContext {
  readonly groupId: string;
  /** Store time; decisions use no other clock. */
  readonly now: StoreTime;
  readonly config: GroupConfig;
  /** When the group was created; `now` for a group that this step creates. */
  readonly since: StoreTime;
  /** The sweep will drop the group unless it is written again (see unused-groups.ts). */
  readonly isUnused: boolean;
  /** The facts loaded for this round: at least those that `needs` named. */
  readonly facts: Facts;
  /** The group body that has already taken in `facts.topics`; undefined if none has. */
  readonly takenInBy: object | undefined;
  /**
   * A new unique member id: `<prefix>-<UUID>`, as Kafka makes them (ClassicGroup.generateMemberId).
   */
  newMemberId(prefix: string): string;
}

/**
 * One request to a group, as a pure decision. The coordinator processes a round in this order:
 * - It loads the group and advances it to the present (GroupProtocol.advance).
 * - It loads what the steps need besides the group.
 * - It calls the steps one after the other, each with the group that the previous one returned.
 * - It puts the last group by one conditional put.
 * - It sends the replies.
 *
 * After a conflict it calls all steps again with the group that won. Therefore `decide` must not
 * keep state: what a waiting step has to remember is in its `next`.
 */
export interface Step<Reply> {
  /** What `decide` needs besides this group. A step without needs omits the method. */
  needs?(group: Group | undefined): Needs;
  /** `group` is undefined if the group does not exist. */
  decide(group: Group | undefined, context: StepContext): StepResult<Reply>;
  /** The reply if the resulting group does not fit into its items (see GROUP_BYTES_MAX). */
  readonly tooLarge: Reply;
}

/**
 * `group`: the group after the step. The same reference if nothing changed; undefined deletes the
 * group with its offsets. `alive`: the member that showed a sign of life. If its lease is due, it
 * is renewed before the reply leaves.
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
  /** No reply yet. `next` decides each time the group changes. */
  | {
      readonly kind: 'wait';
      readonly group: Group | undefined;
      readonly next: Step<Reply>;
      readonly alive?: string;
      /**
       * The token with which another process can continue the wait, together with the request.
       * Absent if the request cannot be sent away.
       */
      readonly again?: string;
    };
