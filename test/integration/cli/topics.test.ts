import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { cliOf, startMemoryTidelog } from './cli-run.ts';

let tidelog: Tidelog;
const cli = cliOf(() => tidelog.bootstrapServers);

beforeAll(async () => {
  tidelog = await startMemoryTidelog();
});
afterAll(() => tidelog.close());

describe('topics create', () => {
  it('creates a topic with partitions and configs', async () => {
    const args = ['topics', 'create', 'orders', '-p', '3', '-c', 'retention.ms=1000', '-c', 'cleanup.policy=compact'];
    expect(await cli(args)).toEqual({ exitCode: 0, out: 'Created topic orders with 3 partitions.\n', err: '' });
    const [described] = JSON.parse((await cli(['topics', 'describe', 'orders', '--json'])).out);
    expect(described.partitions.map(({ partition }: { partition: number }) => partition)).toEqual([0, 1, 2]);
    expect(described.configs).toEqual({ 'cleanup.policy': 'compact', 'retention.ms': '1000' });
  });

  it('refuses a name that is taken, unless that is fine', async () => {
    await cli(['topics', 'create', 'taken']);
    const again = await cli(['topics', 'create', 'taken']);
    expect(again.exitCode).toBe(1);
    expect(again.err).toMatch(/^Topic taken was not created: .*\(TOPIC_ALREADY_EXISTS\)\. .*--if-not-exists.*\n$/);
    const fine = await cli(['topics', 'create', 'taken', '--if-not-exists', '--json']);
    expect([fine.exitCode, JSON.parse(fine.out)]).toEqual([0, { name: 'taken', created: false }]);
  });

  it("gives the broker's reason for names and configs that are wrong", async () => {
    const name = await cli(['topics', 'create', 'a b']);
    expect([name.exitCode, name.err]).toEqual([1, expect.stringContaining('(INVALID_TOPIC_EXCEPTION)')]);
    const config = await cli(['topics', 'create', 'fine', '-c', 'retention.ms=soon']);
    expect([config.exitCode, config.err]).toEqual([1, expect.stringContaining('(INVALID_CONFIG)')]);
    expect(config.err).toContain('retention.ms');
  });
});

describe('topics list and describe', () => {
  it('list names alone, and more as JSON', async () => {
    await cli(['topics', 'create', 'listed', '-p', '2']);
    expect((await cli(['topics', 'list'])).out.split('\n')).toContain('listed');
    const topics = JSON.parse((await cli(['topics', 'list', '--json'])).out) as { name: string; partitions: number }[];
    expect(topics.find(({ name }) => name === 'listed')).toMatchObject({ partitions: 2, internal: false });
  });

  it('show offsets', async () => {
    await cli(['topics', 'create', 'counted']);
    await cli(['produce', 'counted'], { input: 'a\nb\nc\n' });
    const { out } = await cli(['topics', 'describe', 'counted']);
    expect(out).toMatch(/^Topic {14}counted\nId {17}\S+\nReplicationFactor {2}1\nConfigs {12}none set\n\n/);
    expect(out).toMatch(/PARTITION {2}LEADER {2}START {2}END {2}OFFSETS\n +0 +\d+ +0 +3 +3\n$/);
  });

  it('show the bytes of the record batches with --storage', async () => {
    await cli(['topics', 'create', 'sized', '-p', '2']);
    expect((await cli(['topics', 'describe', 'sized', '--storage'])).out).toMatch(/^Bytes {14}0$/m);
    await cli(['produce', 'sized', '--partition', '1'], { input: 'a\nb\nc\n' });
    const [described] = JSON.parse((await cli(['topics', 'describe', 'sized', '--storage', '--json'])).out);
    const [empty, filled] = described.partitions.map(({ bytes }: { bytes: number }) => bytes);
    expect(empty).toBe(0);
    // A batch has 61 bytes and its records.
    expect(filled).toBeGreaterThan(61);
    const { out } = await cli(['topics', 'describe', 'sized', '--storage']);
    expect(out).toMatch(new RegExp(`^Bytes {14}${filled}$`, 'm'));
    expect(out).toMatch(new RegExp(`OFFSETS +BYTES\\n[^\\n]* 0\\n[^\\n]* ${filled}\\n$`));
    expect((await cli(['topics', 'describe', 'sized'])).out).not.toContain('BYTES');
  });

  it('name the topic that was probably meant', async () => {
    await cli(['topics', 'create', 'payments']);
    const { exitCode, err } = await cli(['topics', 'describe', 'paymetns']);
    expect(exitCode).toBe(1);
    expect(err).toBe('There is no topic paymetns (UNKNOWN_TOPIC_OR_PARTITION). Did you mean payments?\n');
  });
});

describe('topics alter', () => {
  it('adds partitions and changes configs', async () => {
    await cli(['topics', 'create', 'grown', '-c', 'retention.ms=1000']);
    const args = ['topics', 'alter', 'grown', '-p', '4', '-c', 'segment.ms=5000', '--delete-config', 'retention.ms'];
    expect(await cli(args)).toMatchObject({ exitCode: 0, err: '' });
    const [described] = JSON.parse((await cli(['topics', 'describe', 'grown', '--json'])).out);
    expect(described.partitions).toHaveLength(4);
    expect(described.configs).toEqual({ 'segment.ms': '5000' });
  });

  it('says why there cannot be fewer partitions, and what to do', async () => {
    await cli(['topics', 'create', 'wide', '-p', '3']);
    const { exitCode, err } = await cli(['topics', 'alter', 'wide', '-p', '2', '--json']);
    expect(exitCode).toBe(1);
    expect(JSON.parse(err)).toEqual({
      error: { message: expect.stringContaining('has 3 partitions and cannot have fewer'), name: 'INVALID_PARTITIONS' },
    });
    const same = await cli(['topics', 'alter', 'wide', '-p', '3']);
    expect([same.exitCode, same.err]).toEqual([1, expect.stringContaining('(INVALID_PARTITIONS)')]);
  });

  it('wants something to change', async () => {
    const { exitCode, err } = await cli(['topics', 'alter', 'wide']);
    expect([exitCode, err]).toEqual([2, expect.stringContaining('Nothing to change')]);
  });
});

describe('topics add-partitions', () => {
  it('adds to what each topic has', async () => {
    await cli(['topics', 'create', 'more-a', '-p', '2']);
    await cli(['topics', 'create', 'more-b', '-p', '1']);
    expect(await cli(['topics', 'add-partitions', 'more-a', 'more-b', '-n', '3'])).toEqual({
      exitCode: 0,
      out: 'Topic more-a has 5 partitions now.\nTopic more-b has 4 partitions now.\n',
      err: '',
    });
    const { out } = await cli(['topics', 'add-partitions', 'more-a', '--num', '1', '--json']);
    expect(JSON.parse(out)).toEqual([{ name: 'more-a', partitions: 6 }]);
    const topics = JSON.parse((await cli(['topics', 'list', '--json'])).out) as { name: string; partitions: number }[];
    expect(topics.filter(({ name }) => name.startsWith('more-')).map(({ partitions }) => partitions)).toEqual([6, 4]);
  });

  it('says which topic is not there, and changes none then', async () => {
    await cli(['topics', 'create', 'steady']);
    const { exitCode, err } = await cli(['topics', 'add-partitions', 'steady', 'staedy', '-n', '1']);
    expect([exitCode, err]).toEqual([1, expect.stringContaining('There is no topic staedy')]);
    expect((await cli(['topics', 'add-partitions', 'steady'])).err).toContain("'-n, --num <n>' not specified");
    const [described] = JSON.parse((await cli(['topics', 'describe', 'steady', '--json'])).out);
    expect(described.partitions).toHaveLength(1);
  });
});

describe('topics delete-records', () => {
  const starts = async (name: string): Promise<number[]> => {
    const [described] = JSON.parse((await cli(['topics', 'describe', name, '--json'])).out);
    return described.partitions.map(({ startOffset }: { startOffset: number }) => startOffset);
  };

  it('deletes below an offset, or everything, in one partition or in all', async () => {
    await cli(['topics', 'create', 'shrunk', '-p', '2']);
    for (const partition of ['0', '1']) await cli(['produce', 'shrunk', '-p', partition], { input: 'a\nb\nc\n' });
    const args = ['topics', 'delete-records', 'shrunk', '--before-offset'];
    expect(await cli([...args, '2', '--partition', '1'])).toEqual({
      exitCode: 0,
      out: 'shrunk-1 starts at offset 2.\n',
      err: '',
    });
    expect(await starts('shrunk')).toEqual([0, 2]);
    expect(JSON.parse((await cli([...args, 'end', '--json'])).out)).toEqual({
      name: 'shrunk',
      partitions: [
        { partition: 0, startOffset: 3 },
        { partition: 1, startOffset: 3 },
      ],
    });
    expect(await starts('shrunk')).toEqual([3, 3]);
  });

  it('says what is wrong with the offset, the partition, the topic or its policy', async () => {
    await cli(['topics', 'create', 'short']);
    await cli(['topics', 'create', 'latest-only', '-c', 'cleanup.policy=compact']);
    const run = async (name: string, offset: string, ...more: string[]) => {
      const { exitCode, err } = await cli(['topics', 'delete-records', name, '--before-offset', offset, ...more]);
      return [exitCode, err];
    };
    const refused = 'Records of short-0 were not deleted: OFFSET_OUT_OF_RANGE. The partition ends';
    expect(await run('short', '1')).toEqual([1, expect.stringContaining(refused)]);
    expect(await run('latest-only', 'end')).toEqual([1, expect.stringContaining('POLICY_VIOLATION')]);
    expect(await run('short', '0', '-p', '4')).toEqual([1, expect.stringContaining('no partition 4')]);
    expect(await run('shotr', '0')).toEqual([1, expect.stringContaining('Did you mean short?')]);
    expect(await run('short', '-1')).toEqual([2, expect.stringContaining('It takes an offset, or end.')]);
    expect((await cli(['topics', 'delete-records', 'short'])).err).toContain("--before-offset <offset>' not specified");
  });
});

describe('topics delete', () => {
  it('deletes several, and tells which were not there', async () => {
    await cli(['topics', 'create', 'old-1']);
    await cli(['topics', 'create', 'old-2']);
    const { exitCode, out, err } = await cli(['topics', 'delete', 'old-1', 'odl-3', 'old-2']);
    expect([exitCode, out.split('\n').sort()]).toEqual([1, ['', 'Deleted topic old-1.', 'Deleted topic old-2.']]);
    expect(err).toContain('There is no topic odl-3');
    expect(await cli(['topics', 'delete', 'odl-3', '--if-exists'])).toMatchObject({ exitCode: 0, err: '' });
    expect((await cli(['topics', 'list'])).out).not.toMatch(/^old-/m);
  });
});
