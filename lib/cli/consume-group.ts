import { Consumer, type MessagesStream } from '@platformatic/kafka';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Record as KafkaRecord } from '../protocol/records/record.ts';
import { showAddress } from './client/addresses.ts';
import { CLIENT_NAME, connectionOf } from './client/connect.ts';
import { connectionProblem, isConnectionProblem } from './client/connection-problem.ts';
import type { CommandIo } from './command.ts';
import { CommandError } from './failure.ts';
import { untilAborted } from './interruption.ts';
import type { CommonFlags } from './program.ts';

export interface GroupReading {
  readonly flags: CommonFlags;
  readonly io: CommandIo;
  readonly topic: string;
  readonly group: string;
  /** Where to begin in partitions that the group has no offset of. */
  readonly fromBeginning: boolean;
  readonly committed: boolean;
  /** Ends the reading in order. */
  readonly signal: AbortSignal;
  /** Takes a record; false when no more are wanted. */
  onRecord(record: KafkaRecord, partition: number): boolean;
  /** Resolves when all that was taken is out: only then it is committed. */
  flush(): Promise<void>;
}

/** How often what is out is committed, ms; Kafka's auto.commit.interval.ms. */
const COMMIT_EVERY_MS = 5_000;

/** How long records are gathered before they are written out; ms. */
const FLUSH_AFTER_MS = 50;

type Stream = MessagesStream<Buffer, Buffer, Buffer, Buffer>;

/**
 * Reads a topic as a member of a group: the members share the partitions, and go on where the group has been. A record is
 * committed after it was written out, so that none is lost, and some may come twice after a crash. Throws CommandError.
 */
export async function consumeInGroup(reading: GroupReading): Promise<void> {
  const { flags, io, topic, group, fromBeginning } = reading;
  const connection = connectionOf(flags, io);
  const { config, addresses, trustedAuthorities } = connection;
  const consumer = new Consumer({
    groupId: group,
    clientId: config.clientId ?? CLIENT_NAME,
    bootstrapBrokers: addresses.map(({ host, port }) => ({ host, port })),
    connectTimeout: flags.timeout,
    autocommit: false,
    isolationLevel: reading.committed ? 1 : 0,
    ...(config.sasl !== undefined && { sasl: config.sasl }),
    ...(config.tls && {
      tls: trustedAuthorities === undefined ? {} : { ca: trustedAuthorities },
      tlsServerName: true,
    }),
  });
  try {
    const fallbackMode = fromBeginning ? 'earliest' : 'latest';
    const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode });
    await readStream(consumer, stream, reading, systemClock);
    await stream.close();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if (isConnectionProblem(error)) {
      throw connectionProblem(error, addresses.map(showAddress).join(', '), { timeoutMs: flags.timeout });
    }
    throw new CommandError(`Group ${group} could not read ${topic}: ${reasonOf(error)}.`, { cause: error });
  } finally {
    await Promise.resolve(consumer.close(true)).catch(() => {});
  }
}

async function readStream(consumer: Consumer, stream: Stream, reading: GroupReading, clock: Clock): Promise<void> {
  const { io, topic, onRecord, flush, signal } = reading;
  /** Partition -> the offset behind the last record that was taken. */
  const taken = new Map<number, bigint>();
  const settle = async () => {
    // Records that come while this is being written out are not part of it.
    const offsets = [...taken].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 }));
    taken.clear();
    await flush();
    if (offsets.length === 0) return;
    try {
      await consumer.commit({ offsets });
    } catch (error) {
      // The group has just shared the partitions out anew: whoever has them now reads these records again.
      io.err(`What was read last is not committed: ${reasonOf(error)}.\n`);
    }
  };
  // One thing after the other, so that nothing is committed before it is out.
  let working: Promise<void> = Promise.resolve();
  let failure: unknown;
  const failed = new AbortController();
  const timers = new Map<() => Promise<void>, () => void>();
  const soon = (task: () => Promise<void>, delayMs: number) => {
    if (timers.has(task)) return;
    const cancel = clock.setTimer(delayMs, () => {
      timers.delete(task);
      working = working.then(task).catch((error: unknown) => {
        failure ??= error;
        failed.abort();
      });
    });
    timers.set(task, cancel);
  };
  try {
    for await (const message of untilAborted(stream, AbortSignal.any([signal, failed.signal]))) {
      const more = onRecord(recordOf(message), message.partition);
      taken.set(message.partition, message.offset + 1n);
      soon(flush, FLUSH_AFTER_MS);
      soon(settle, COMMIT_EVERY_MS);
      if (!more) break;
    }
  } finally {
    for (const cancel of timers.values()) cancel();
    await working;
  }
  if (failure !== undefined) throw failure;
  await settle();
}

type StreamMessage = Stream extends AsyncIterable<infer M> ? M : never;

function recordOf({ offset, timestamp, key, value, headers }: StreamMessage): KafkaRecord {
  return {
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: key ?? null,
    value: value ?? null,
    headers: [...headers].map(([name, content]) => ({ key: String(name), value: content })),
  };
}

/** The library wraps what the broker said into several errors; the innermost one tells it. */
function reasonOf(error: unknown): string {
  let inner = error as { message?: string; cause?: unknown; errors?: readonly unknown[] };
  for (let depth = 0; depth < 10; depth++) {
    const next = inner.errors?.[0] ?? inner.cause;
    if (next === undefined || next === null) break;
    inner = next as typeof inner;
  }
  return (inner.message ?? String(inner)).replace(/\.$/, '');
}
