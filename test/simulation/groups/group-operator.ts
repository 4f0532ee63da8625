import { errorCode } from '../../../lib/core/errors.ts';
import { randomInt } from '../../../lib/core/random.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { Caller } from '../caller.ts';
import { NOBODY } from './group-ledger.ts';
import { commitRequest, fetchRequest } from './group-member.ts';
import type { GroupPlan } from './scenario.ts';
import type { SimGroup } from './sim-group.ts';
import { partitionKey } from './stored-group.ts';

const THINK_MS = 2_500;
const RESTLESS_THINK_MS = 400;
/** A request whose connection closed may be carried out for so long; ms. */
const CLOSED_GOES_ON_MS = 30_000;
/** How long members stay away while the group is redeployed, at most; ms. */
const PAUSE_MS = 14_000;

const NONE = errorCode('NONE');
const NOT_NOW = new Set([
  errorCode('COORDINATOR_NOT_AVAILABLE'),
  errorCode('UNKNOWN_MEMBER_ID'),
  errorCode('NON_EMPTY_GROUP'),
  errorCode('GROUP_ID_NOT_FOUND'),
]);

/** Describes groups, has their members stopped and started, resets their offsets meanwhile, deletes them. */
export class GroupOperator extends Caller {
  readonly group: SimGroup;
  readonly #deletes: boolean;
  readonly #restless: boolean;

  constructor(group: SimGroup, name: string, { deletes, restless = false }: NonNullable<GroupPlan['operator']>) {
    super(group.cluster, name);
    this.group = group;
    this.#deletes = deletes;
    this.#restless = restless;
  }

  async run(): Promise<void> {
    const { world } = this.cluster;
    await this.sleep(this.random.next() * 500);
    while (world.troubles.on && world.violations.length === 0) {
      this.leave();
      const chance = this.#restless ? 0.65 + this.random.next() : this.random.next();
      if (chance < 0.25) await this.#describe();
      else if (chance < 0.5) await this.#offsets();
      else if (chance < 0.7) await this.#reset();
      else await this.#redeploy();
      await this.sleep(2 * (this.#restless ? RESTLESS_THINK_MS : THINK_MS) * this.random.next());
    }
  }

  /** Has all members stop, works on the group while it has none, and has them start again. */
  async #redeploy(): Promise<void> {
    const { world } = this.cluster;
    const { group } = this;
    group.pausedUntil = world.clock.monotonic() + PAUSE_MS;
    world.note('groupPause', group.id, group.pausedUntil);
    while (world.troubles.on && world.clock.monotonic() < group.pausedUntil) {
      await this.sleep(1_000);
      if ((group.record.stored?.members.size ?? 0) > 0 && this.random.next() < 0.8) continue;
      if (this.#deletes && this.random.next() < (this.#restless ? 0.9 : 0.5)) await this.#delete();
      else await this.#reset();
      if (this.random.next() < 0.5) break;
    }
    group.pausedUntil = 0;
  }

  async #describe(): Promise<void> {
    const groups = [this.group.id];
    const answer = await this.ask(ApiKey.DescribeGroups, 6, { groups });
    if (answer !== 'closed') this.#expect('DescribeGroups', answer.groups[0]!.errorCode);
    const described = await this.ask(ApiKey.ConsumerGroupDescribe, 1, {
      groupIds: groups,
      includeAuthorizedOperations: false,
    });
    if (described !== 'closed') this.#expect('ConsumerGroupDescribe', described.groups[0]!.errorCode);
  }

  async #offsets(): Promise<void> {
    const { group } = this;
    const sentAt = this.cluster.world.clock.monotonic();
    const answer = await this.ask(ApiKey.OffsetFetch, 9, fetchRequest(group, group.keys, NOBODY, 9));
    if (answer === 'closed') return;
    const [told] = answer.groups;
    this.#expect('OffsetFetch', told!.errorCode);
    for (const { name, partitions } of told!.topics) {
      const topic = group.topics.find((one) => one.name === name)!;
      for (const { partitionIndex, committedOffset: offset, metadata, errorCode: code } of partitions) {
        if (code === errorCode('UNSTABLE_OFFSET_COMMIT')) continue;
        const key = partitionKey(topic.id, partitionIndex);
        this.cluster.world.groups.fetched(group.id, key, { offset, metadata: metadata ?? '' }, sentAt);
      }
    }
  }

  /** Sets offsets back, or on; refused while the group has members. */
  async #reset(): Promise<void> {
    const { groups, clock } = this.cluster.world;
    const { group } = this;
    const commits = group.keys.map((key) => {
      const { start, end } = group.bounds(key);
      return groups.commit(group.id, NOBODY, key, randomInt(this.random, start, end + 1));
    });
    const sentAt = clock.monotonic();
    const answer = await this.ask(ApiKey.OffsetCommit, 9, commitRequest(group, commits, NOBODY));
    if (answer === 'closed') return;
    for (const { name, partitions } of answer.topics) {
      const { id } = group.topics.find((one) => one.name === name)!;
      for (const { partitionIndex, errorCode: code } of partitions) {
        const commit = commits.find(({ key }) => key === partitionKey(id, partitionIndex))!;
        if (code === NONE) groups.committed(commit, sentAt);
        else this.#expect('OffsetCommit', code);
      }
    }
  }

  async #delete(): Promise<void> {
    const { record } = this.group;
    record.deletions++;
    record.deletedUntil = Number.POSITIVE_INFINITY;
    const answer = await this.ask(ApiKey.DeleteGroups, 2, { groupsNames: [this.group.id] });
    const now = this.cluster.world.clock.monotonic();
    record.deletedUntil = answer === 'closed' ? now + CLOSED_GOES_ON_MS : now;
    if (answer !== 'closed') this.#expect('DeleteGroups', answer.results[0]!.errorCode);
  }

  #expect(what: string, code: number): void {
    if (code === NONE || NOT_NOW.has(code)) return;
    this.cluster.world.report('unexpectedError', `${this.name} was answered ${code} to ${what}`);
  }
}
