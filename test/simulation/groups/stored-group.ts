import { inflateRawSync } from 'node:zlib';

/** A member as it stands in the group's items. */
export interface StoredMember {
  readonly id: string;
  readonly instanceId: string | undefined;
  /** Of the consumer protocol; the group's generation otherwise. */
  readonly epoch: number;
  /** Whether it has, at the group's epoch, all that it is to have. */
  readonly settled: boolean;
  /** Whether it was asked to give something up, and has not said that it did. */
  readonly revoking: boolean;
  /** Partitions of the consumer protocol that it was told to have: topic id, '/', partition. */
  readonly assigned: ReadonlySet<string>;
}

/** A group as it stands in the store. */
export interface StoredGroup {
  readonly type: string;
  readonly since: number;
  /** Generation or group epoch. */
  readonly generation: number;
  /** Stable as its protocol has it: everybody has been assigned to. */
  readonly stable: boolean;
  readonly members: ReadonlyMap<string, StoredMember>;
  /** Member ids that were given out and have not joined. */
  readonly pending: ReadonlySet<string>;
}

export type ReadHead =
  | { readonly kind: 'group'; readonly group: StoredGroup }
  | { readonly kind: 'deleting' }
  | { readonly kind: 'bodyMissing'; readonly sk: string };

/** Beside the JSON every item has a format byte. */
const FORMAT_BYTES = 1;

interface HeadJson {
  readonly deleting?: boolean;
  readonly deleted?: boolean;
  readonly type: string;
  readonly since: number;
  readonly head: {
    readonly state?: string;
    readonly generation?: number;
    readonly groupEpoch?: number;
    readonly assignmentEpoch?: number;
    readonly pendingJoin?: readonly (readonly [id: string, voidAt: number])[];
  };
  readonly body?: unknown;
  readonly deflatedBody?: string;
  readonly bodyKey?: string;
}

interface MemberJson {
  readonly id: string;
  readonly instanceId?: string;
  readonly epoch?: number;
  readonly state?: string;
  readonly assigned?: readonly (readonly [topicId: string, ...ranges: number[]])[];
}

/** Reads a group's head by the layout alone (docs/DATA_LAYOUT.md), without the engine's code. Throws what JSON.parse throws. */
export function readHead(item: Buffer, bodyOf: (sk: string) => Buffer | undefined): ReadHead {
  const json = JSON.parse(item.toString('utf8', FORMAT_BYTES)) as HeadJson;
  if (json.deleting === true || json.deleted === true) return { kind: 'deleting' };
  let body = json.body;
  if (json.deflatedBody !== undefined) body = inflated(Buffer.from(json.deflatedBody, 'base64'));
  if (json.bodyKey !== undefined) {
    const bytes = bodyOf(json.bodyKey);
    if (bytes === undefined) return { kind: 'bodyMissing', sk: json.bodyKey };
    body = inflated(bytes.subarray(FORMAT_BYTES));
  }
  return { kind: 'group', group: json.type === 'classic' ? classic(json, body) : consumer(json, body) };
}

function inflated(bytes: Buffer): unknown {
  return JSON.parse(inflateRawSync(bytes).toString('utf8'));
}

function classic({ type, since, head }: HeadJson, body: unknown): StoredGroup {
  const generation = head.generation!;
  const stable = head.state === 'Stable';
  const members = (body as readonly MemberJson[]).map(({ id, instanceId }): [string, StoredMember] => [
    id,
    { id, instanceId, epoch: generation, settled: stable, revoking: false, assigned: new Set() },
  ]);
  const pending = new Set((head.pendingJoin ?? []).map(([id]) => id));
  return { type, since, generation, stable, members: new Map(members), pending };
}

function consumer({ type, since, head }: HeadJson, body: unknown): StoredGroup {
  const generation = head.groupEpoch!;
  const { members: stored } = body as { readonly members: readonly MemberJson[] };
  const members = stored.map(({ id, instanceId, epoch, state, assigned }): [string, StoredMember] => [
    id,
    {
      id,
      instanceId,
      epoch: epoch!,
      settled: state === 'stable' && epoch === generation,
      revoking: state === 'unrevoked',
      assigned: new Set(assigned!.flatMap(([topicId, ...ranges]) => inRanges(topicId, ranges))),
    },
  ]);
  const stable = head.assignmentEpoch === generation && members.every(([, { settled }]) => settled);
  return { type, since, generation, stable, members: new Map(members), pending: new Set() };
}

function inRanges(topicId: string, ranges: readonly number[]): string[] {
  const keys: string[] = [];
  for (let at = 0; at < ranges.length; at += 2) {
    for (let more = 0; more < ranges[at + 1]!; more++) keys.push(partitionKey(topicId, ranges[at]! + more));
  }
  return keys;
}

/** How partitions are told from each other here. */
export function partitionKey(topicId: string, partition: number): string {
  return `${topicId}/${partition}`;
}

export function parsePartitionKey(key: string): { readonly topicId: string; readonly partition: number } {
  const slash = key.lastIndexOf('/');
  return { topicId: key.slice(0, slash), partition: Number(key.slice(slash + 1)) };
}

/** One row of committed offsets as it is stored. */
export interface StoredOffset {
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string;
}

export interface StoredBlock {
  readonly topicId: string;
  readonly since: number;
  readonly offsets: readonly StoredOffset[];
}

/** Reads an item of committed offsets by the layout alone. */
export function readBlock(sk: string, item: Buffer): StoredBlock {
  const json = JSON.parse(item.toString('utf8', FORMAT_BYTES)) as {
    readonly since: number;
    readonly offsets: readonly (readonly [
      partition: number,
      offset: number,
      epoch: number,
      at: number,
      text?: string,
    ])[];
  };
  const offsets = json.offsets.map(([partition, offset, , , metadata = '']) => ({ partition, offset, metadata }));
  return { topicId: sk.slice(0, sk.lastIndexOf('/')), since: json.since, offsets };
}
