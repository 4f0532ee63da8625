import type { Uuid } from '../core/uuid.ts';
import { GROUPS_PK } from '../storage/items/group-keys.ts';
import type { TopicRecord } from '../storage/items/topic.ts';
import type { ItemStore } from '../storage/ports.ts';
import { OFFSETS_TOPIC } from './topic-name.ts';

/**
 * The topic id. It is the same in every cluster, so that no item has to store it; 16 bytes of the
 * SHA-256 of a text.
 */
const OFFSETS_TOPIC_ID: Uuid = 'f3foivDNvPdys2qHWXDxdw';

/** Kafka's default of offsets.topic.num.partitions. */
const PARTITIONS_DEFAULT = 50;

/**
 * `__consumer_offsets` as clients see it: a topic without items, journals and records, with the
 * configs that Kafka gives it (GroupCoordinatorService.groupMetadataTopicConfigs). The data that
 * Kafka keeps in it is in the groups' own items (docs/decisions/0010-internal-topics.md).
 */
export class OffsetsTopic {
  readonly record: TopicRecord;
  readonly #state: ItemStore;
  #groupsSeen = false;

  /** @param partitions offsets.topic.num.partitions */
  constructor(state: ItemStore, partitions = PARTITIONS_DEFAULT) {
    this.#state = state;
    this.record = {
      id: OFFSETS_TOPIC_ID,
      name: OFFSETS_TOPIC,
      partitions,
      journals: 1,
      replicationFactor: 1,
      configs: { 'cleanup.policy': 'compact', 'compression.type': 'producer', 'segment.bytes': '104857600' },
      createdAt: 0,
    };
  }

  /**
   * Whether lists of all topics include it: once a group has existed, as in Kafka. Reads at most
   * one item, and none after a group was seen. Throws StoreUnavailableError.
   */
  async isListed(): Promise<boolean> {
    if (!this.#groupsSeen) {
      const { items } = await this.#state.query({ pk: GROUPS_PK, limit: 1, consistent: true });
      this.#groupsSeen = items.length > 0;
    }
    return this.#groupsSeen;
  }
}
