import { describe, expect, it } from 'vitest';
import type { BodyParts, ConsumerGroupBody } from '../../../../lib/groups/consumer/state.ts';
import { refreshTopics } from '../../../../lib/groups/consumer/subscription.ts';
import type { SubscribedTopic, TopicLook } from '../../../../lib/groups/facts.ts';
import { ConsumerGroupModel } from '../../../support/consumer-group-model.ts';

const topic = (name: string, partitions: number, topicId = `${name}-id`): SubscribedTopic => ({
  name,
  topicId,
  partitions,
});

function bodyOf(names: readonly string[], pattern: string, seen: Partial<BodyParts>): ConsumerGroupBody {
  const model = new ConsumerGroupModel();
  model.heartbeat(model.addClient({ names, pattern }));
  return model.group!.body.with(seen);
}

const look = (at: number, named: readonly SubscribedTopic[], rest: Partial<TopicLook> = {}): TopicLook => ({
  at,
  named: new Map(named.map((one) => [one.name, one])),
  ...rest,
});

const startsWith = (pattern: string, name: string) => name.startsWith(pattern);

describe('what a look at the topics changes', () => {
  const body = bodyOf(['orders'], '', { topics: [topic('orders', 3)], topicsAt: 1000 });

  it('is nothing where it shows the same', () => {
    expect(refreshTopics(body, look(2000, [topic('orders', 3)]), startsWith)).toBe(body);
  });

  it('are partitions, ids and topics that are gone', () => {
    for (const after of [topic('orders', 4), topic('orders', 3, 'another')]) {
      expect(refreshTopics(body, look(2000, [after]), startsWith)).toMatchObject({ topics: [after], topicsAt: 2000 });
    }
    const gone = { at: 2000, named: new Map([['orders', undefined]]) };
    expect(refreshTopics(body, gone, startsWith).topics).toEqual([]);
  });

  it('is nothing of a topic that another process has seen later', () => {
    expect(refreshTopics(body, look(999, [topic('orders', 2)]), startsWith)).toBe(body);
  });

  it('is nothing that the look does not speak of', () => {
    expect(refreshTopics(body, look(2000, []), startsWith)).toBe(body);
  });

  it('are the topics of a pattern, where the list of all topics is at hand', () => {
    const seen = { topics: [topic('stock', 1)], topicsAt: 1000, patterns: [{ pattern: 'stock', topics: ['stock'] }] };
    const patterned = bodyOf([], 'stock', seen);
    const all = [topic('orders', 1), topic('stock', 1), topic('stock-eu', 2)];
    const list = (at: number) => ({ list: { at, topics: new Map(all.map((one) => [one.name, one])) } });
    expect(refreshTopics(patterned, look(2000, []), startsWith)).toBe(patterned);
    expect(refreshTopics(patterned, look(2000, [], list(2000)), startsWith)).toMatchObject({
      topics: [topic('stock', 1), topic('stock-eu', 2)],
      patterns: [{ pattern: 'stock', topics: ['stock', 'stock-eu'] }],
    });
    expect(refreshTopics(patterned, look(999, [], list(999)), startsWith)).toBe(patterned);
    expect(refreshTopics(patterned.with({ patterns: [] }), look(999, [], list(999)), startsWith).patterns).toEqual([
      { pattern: 'stock', topics: ['stock', 'stock-eu'] },
    ]);
  });
});
