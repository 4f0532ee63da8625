import type { Offset } from '../../core/offset.ts';
import type { Uuid } from '../../core/uuid.ts';

/**
 * Where a stream is, as the `id` of its events: a client that sends it back as `Last-Event-ID` goes
 * on behind the event that it had last. It is all that a process needs, so that any process can go
 * on: `TOPIC-ID/PARTITION=OFFSET,...`, and for a group `/MEMBER-ID.EPOCH`.
 */
export interface StreamPlace {
  /** Offsets of a topic that was deleted mean nothing to one that was created again. */
  readonly topicId: Uuid;
  /** The next offset to read, by partition. */
  readonly positions: ReadonlyMap<number, Offset>;
  /** The group's member that the stream stands for. */
  readonly member?: StreamMember | undefined;
}

export interface StreamMember {
  readonly memberId: string;
  readonly memberEpoch: number;
}

export function encodePlace({ topicId, positions, member }: StreamPlace): string {
  const offsets = [...positions].map(([partition, offset]) => `${partition}=${offset}`).join(',');
  const suffix = member === undefined ? '' : `/${member.memberId}.${member.memberEpoch}`;
  return `${topicId}/${offsets}${suffix}`;
}

const PLACE = /^([\w-]{22})\/((?:\d{1,7}=\d{1,16},)*\d{1,7}=\d{1,16})?(?:\/([\w-]{1,64})\.(\d{1,10}))?$/;

/** Undefined for a text that encodePlace does not write. */
export function decodePlace(text: string): StreamPlace | undefined {
  const [, topicId, offsets = '', memberId, memberEpoch] = PLACE.exec(text) ?? [];
  if (topicId === undefined) return undefined;
  const positions = new Map<number, Offset>();
  for (const one of offsets === '' ? [] : offsets.split(',')) {
    const [partition, offset] = one.split('=').map(Number);
    if (!Number.isSafeInteger(offset) || positions.has(partition!)) return undefined;
    positions.set(partition!, offset!);
  }
  const member = memberId === undefined ? undefined : { memberId, memberEpoch: Number(memberEpoch) };
  return { topicId, positions, member };
}
