import { MalformedBytesError } from '../core/bytes.ts';
import type { GroupFacts, MemberClaim } from '../offsets/environment.ts';
import type { StoreTime } from '../storage/ports.ts';
import { classicProtocol } from './classic/protocol.ts';
import { consumerProtocol } from './consumer/protocol.ts';
import type { Group } from './group.ts';
import type { GroupProtocol } from './protocol.ts';

/** The group protocols, by the `type` in the stored items. */
const PROTOCOLS: ReadonlyMap<string, GroupProtocol<Group>> = new Map<string, GroupProtocol<Group>>([
  [classicProtocol.type, classicProtocol as unknown as GroupProtocol<Group>],
  [consumerProtocol.type, consumerProtocol as unknown as GroupProtocol<Group>],
]);

/** The protocol of a group. */
export function protocolOf(group: Group): GroupProtocol<Group> {
  return PROTOCOLS.get(group.type)!;
}

/** The protocol of a stored type. Throws MalformedBytesError for an unknown type. */
export function protocolOfType(type: string): GroupProtocol<Group> {
  const protocol = PROTOCOLS.get(type);
  if (protocol === undefined) throw new MalformedBytesError(`group type ${type} is unknown to this program`);
  return protocol;
}

/**
 * The facts that decisions about a group's offsets need. `since`: when the group was created.
 * `claim`: of the request.
 */
export function offsetFactsOf(group: Group, since: StoreTime, claim: MemberClaim): GroupFacts {
  const protocol = protocolOf(group);
  const isSubscribedTo = (topic: string) => protocol.isSubscribedTo(group, topic);
  return { since, isSubscribedTo, ...protocol.offsetFacts(group, claim) };
}
