import { errorCode } from '../../../lib/core/errors.ts';
import { randomInt } from '../../../lib/core/random.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { Caller } from '../caller.ts';
import type { Cluster } from '../cluster.ts';
import { partitionKey } from '../groups/stored-group.ts';
import type { TransactionalScene } from './transactional-producer.ts';

const THINK_MS = 250;

/** Asks for stable offsets (KIP-447) while transactions are under way. */
export class OffsetWatcher extends Caller {
  readonly #scene: TransactionalScene;

  constructor(cluster: Cluster, name: string, scene: TransactionalScene) {
    super(cluster, name);
    this.#scene = scene;
  }

  async run(mayStop: () => boolean): Promise<void> {
    const { world } = this.cluster;
    while (!mayStop() && world.violations.length === 0) {
      await this.sleep(2 * THINK_MS * this.random.next());
      if (this.random.next() < 0.3) this.leave();
      await this.#ask();
    }
  }

  async #ask(): Promise<void> {
    const { world } = this.cluster;
    const { input, groups } = this.#scene;
    const groupId = groups[randomInt(this.random, 0, groups.length)]!;
    const partitionIndexes = Array.from({ length: input.partitions }, (_, index) => index);
    const topics = [{ name: input.name, partitionIndexes }];
    const sentAt = world.clock.monotonic();
    const answer = await this.ask(ApiKey.OffsetFetch, 7, { groupId, topics, requireStable: true });
    if (answer === 'closed' || answer.errorCode !== 0) return;
    for (const { partitionIndex, errorCode: code, committedOffset: offset, metadata } of answer.topics[0]!.partitions) {
      if (code !== errorCode('NONE')) continue;
      const key = partitionKey(input.id, partitionIndex);
      world.groups.fetched(groupId, key, { offset, metadata: metadata ?? '' }, sentAt);
      world.transactions.toldStable(groupId, key, sentAt);
    }
  }
}
