import type { OpenJournal } from '../../lib/journal/open-journal.ts';
import type { EntryMaker } from '../../lib/journal/writer/work.ts';
import { appendBatch } from '../../lib/log/append-batch.ts';
import { readProducedBatch } from '../../lib/records/validate.ts';
import { StoreUnavailableError } from '../../lib/storage/ports.ts';
import type { Caller } from './caller.ts';
import type { Instance } from './instance.ts';
import type { Sent } from './ledger.ts';
import type { SimTopic } from './topics.ts';

/** How long whoever calls a process directly waits for it; ms. */
const PATIENCE_MS = 5_000;

/** What there is no request for (yet) is done on the engine itself, in one of the processes; 'failed' if it cannot or does not answer. */
export async function onJournal<T>(
  caller: Caller,
  topic: SimTopic,
  partition: number,
  work: (open: OpenJournal, instance: Instance, deadline: number) => Promise<T>,
): Promise<T | 'failed'> {
  const { world } = caller.cluster;
  const instance = caller.cluster.pick(caller.random);
  const done = (async () => {
    try {
      const open = await instance.open(topic.name, partition);
      if (open === undefined) return 'failed' as const;
      const result = await work(open, instance, instance.process.clock.monotonic() + PATIENCE_MS);
      await instance.process.pass();
      return result;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return 'failed' as const;
    }
  })();
  return new Promise((resolve, reject) => {
    const cancel = world.clock.setTimer(PATIENCE_MS, () => resolve('failed'));
    done.then(resolve, reject).finally(cancel);
  });
}

/** Appends a batch of a transaction that a coordinator has vouched for: its offset, or the error. */
export function appendVerified(caller: Caller, topic: SimTopic, batch: Sent) {
  return onJournal(caller, topic, batch.partition, async (open, instance, deadline) => {
    const known = await instance.engine.broker.admin.topics.get(topic.name);
    if (known === undefined) return 'failed' as const;
    batch.sends++;
    return appendBatch({
      open,
      partition: batch.partition,
      config: known.config,
      produced: readProducedBatch(Buffer.from(batch.bytes)),
      allowsZstd: true,
      deadline,
      transactionVerified: true,
    });
  });
}

/** Appends a control entry; tries until it is known to be there, or not to be needed. */
export async function insistOnEntry(
  caller: Caller,
  topic: SimTopic,
  partition: number,
  make: EntryMaker,
): Promise<'written' | 'nothing'> {
  for (;;) {
    const outcome = await onJournal(caller, topic, partition, (open, _instance, deadline) =>
      open.writer.appendEntry(make, deadline),
    );
    if (outcome === 'written' || outcome === 'nothing') return outcome;
    await caller.pause();
  }
}
