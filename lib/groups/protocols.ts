import { MalformedBytesError } from '../core/bytes.ts';
import type { GroupFacts, MemberClaim } from '../offsets/environment.ts';
import type { StoreTime } from '../storage/ports.ts';
import { classicProtocol } from './classic/protocol.ts';
import { consumerProtocol } from './consumer/protocol.ts';
import type { Group } from './group.ts';
import type { GroupProtocol } from './protocol.ts';

/** The protocols that groups may speak, by the `type` in their items. */
const PROTOCOLS: ReadonlyMap<string, GroupProtocol<Group>> = new Map<string, GroupProtocol<Group>>([
  [classicProtocol.type, classicProtocol as unknown as GroupProtocol<Group>],
  [consumerProtocol.type, consumerProtocol as unknown as GroupProtocol<Group>],
]);

/** The functions for a group's type. */
export function protocolOf(group: Group): GroupProtocol<Group> {
  return PROTOCOLS.get(group.type)!;
}

/** The functions for a stored type. Throws MalformedBytesError for one that this program does not know. */
export function protocolOfType(type: string): GroupProtocol<Group> {
  const protocol = PROTOCOLS.get(type);
  if (protocol === undefined) throw new MalformedBytesError(`group type ${type} is unknown to this program`);
  return protocol;
}

/** What offsets depend on in a group. `since`: when the group was made. `claim`: of the request that asks. */
export function offsetFactsOf(group: Group, since: StoreTime, claim: MemberClaim): GroupFacts {
  const protocol = protocolOf(group);
  const isSubscribedTo = (topic: string) => protocol.isSubscribedTo(group, topic);
  return { since, isSubscribedTo, ...protocol.offsetFacts(group, claim) };
}
