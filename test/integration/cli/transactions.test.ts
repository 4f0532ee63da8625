import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { TcpClient } from '../../support/kafka-client.ts';
import { RawTransactor } from '../../support/raw-transactor.ts';
import { createTopic, type TopicName } from '../../support/requests.ts';
import { cliOf, startMemoryTidelog } from './cli-run.ts';

let tidelog: Tidelog;
let client: TcpClient;
let orders: TopicName;
const cli = cliOf(() => tidelog.bootstrapServers);
const run = (line: string) => cli(['transactions', ...line.split(' ')]);

beforeAll(async () => {
  tidelog = await startMemoryTidelog();
  const [host, port] = tidelog.bootstrapServers.split(':');
  client = await TcpClient.connect({ host: host!, port: Number(port) });
  orders = await createTopic(client, 'orders', { partitions: 2 });
});
afterAll(async () => {
  client.close();
  await tidelog.close();
});

async function open(id: string): Promise<RawTransactor> {
  const transactor = new RawTransactor(client, id);
  expect(await transactor.init()).toBe(0);
  for (const partition of [0, 1]) expect((await transactor.send(orders, ['v'], partition)).errorCode).toBe(0);
  return transactor;
}

describe('tidelog transactions', () => {
  it('lists ids, filtered by state, producer, age and pattern', async () => {
    const { producerId } = await open('listed-1');
    const done = await open('listed-2');
    await done.commit();
    expect((await run('list --pattern listed-.*')).out).toMatch(
      /^TRANSACTIONAL-ID +COORDINATOR +PRODUCER-ID +STATE\nlisted-1 +0 +\d+ +Ongoing\nlisted-2 +0 +\d+ +CompleteCommit\n$/,
    );
    const ids = async (flags: string) =>
      JSON.parse((await run(`list --pattern listed-.* ${flags} --json`)).out).map(
        ({ transactionalId }: { transactionalId: string }) => transactionalId,
      );
    expect(await ids('--state Ongoing')).toEqual(['listed-1']);
    expect(await ids(`--producer-id ${producerId}`)).toEqual(['listed-1']);
    expect(await ids('--longer-than 1h')).toEqual([]);
  });

  it('describes ids', async () => {
    const { producerId } = await open('described');
    const { out } = await run('describe described');
    expect(out.split('\n')[0]).toMatch(
      /^TRANSACTIONAL-ID +COORDINATOR +PRODUCER-ID +EPOCH +STATE +TIMEOUT +BEGAN +PARTITIONS$/,
    );
    expect(out).toMatch(/\ndescribed +0 +\d+ +0 +Ongoing +1 min 00 s +\d\.\d s ago +orders-0,orders-1\n$/);
    expect(JSON.parse((await run('describe described --json')).out)).toEqual([
      {
        ...{ transactionalId: 'described', coordinator: 0, producerId, producerEpoch: 0, state: 'Ongoing' },
        ...{ timeoutMs: 60_000, startedAt: expect.stringMatching(/^\d{4}-.*Z$/) },
        partitions: [{ topic: 'orders', partitions: [0, 1] }],
      },
    ]);
  });

  it('aborts the transaction of an id, whose producer is fenced then', async () => {
    const zombie = await open('aborted');
    expect(await run('abort aborted')).toEqual({
      ...{ exitCode: 0, err: '' },
      out: 'aborted has no open transaction any more, and its producer is fenced.\n',
    });
    expect((await run('describe aborted')).out).toMatch(/ Empty +1 min 00 s +- +-\n$/);
    expect(await zombie.commit()).not.toBe(0);
    expect(JSON.parse((await run('abort aborted --json')).out)).toEqual({ aborted: ['aborted'] });
  });

  it('shows only what no coordinator ends as hanging', async () => {
    await open('not-hanging');
    expect(JSON.parse((await run('list --hanging --longer-than 1ms --json')).out)).toEqual([]);
    expect((await run('list --hanging --topic orders')).out).toBe(
      'TOPIC  PARTITION  PRODUCER-ID  EPOCH  START-OFFSET  SILENT-FOR\n',
    );
  });

  it.each([
    ['describe missing', 1, /^There is no transactional id missing \(TRANSACTIONAL_ID_NOT_FOUND\)/],
    ['abort missing', 1, /^There is no transactional id missing/],
    ['abort -t orders -p 0 --start-offset 7000', 1, /^No transaction that is open in orders-0 begins at offset 7000\./],
    ['abort -t orders -p 9 --start-offset 7', 1, /^Topic orders has no partition 9, only 0 to 1/],
    ['abort -t oders -p 0 --start-offset 7', 1, /^There is no topic oders .* Did you mean orders\?/],
    ['list --state Open', 1, /^There is no state Open: Empty, Ongoing,/],
    ['list --pattern (', 1, /^The transactions are not known: INVALID_REGULAR_EXPRESSION/],
    ['abort', 2, /^Name transactional ids, or a hanging transaction by/],
    ['abort a -t orders', 2, /^Name transactional ids, or a hanging transaction by/],
    ['abort -t orders', 2, /^A hanging transaction is named by --topic, --partition and --start-offset together/],
    ['list --topic orders', 2, /^--topic needs --hanging\./],
    ['list --hanging --state Ongoing', 2, /^--hanging takes --topic and --longer-than only\./],
    ['describe', 2, /^Missing required argument 'ids'/],
  ] as const)('%s is told in a sentence', async (line, code, message) => {
    expect(await run(line)).toEqual({ exitCode: code, out: '', err: expect.stringMatching(message) });
  });
});
