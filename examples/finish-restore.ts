/**
 * Brings the bucket and two restored tables of a Tidelog together, after both tables were restored
 * from point-in-time recovery to the same time. docs/OPERATIONS.md ("Restoring from a backup") has
 * the steps before and after. Without --apply it changes nothing and prints what it would do.
 *
 *   npx tsx examples/finish-restore.ts JOURNAL_TABLE STATE_TABLE BUCKET 2026-11-29T12:00:00Z [--apply]
 *
 * It may be run again at any time before the first process uses the tables. Exit code 1: the two
 * tables do not fit together.
 */
import {
  type AttributeValue,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateScan,
} from '@aws-sdk/client-dynamodb';
import { DeleteObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';

/** S3 and DynamoDB may disagree about the time by less than this; ms. */
const MARGIN_MS = 60_000;

/** More producer ids than were handed out since the time of the restore. There are 2^53. */
const SKIPPED_PRODUCER_IDS = 1_000_000_000;

type Attributes = Record<string, AttributeValue>;

const [journalTable, stateTable, bucket, at, apply] = process.argv.slice(2);
const restoredAt = Date.parse(at ?? '');
if (journalTable === undefined || stateTable === undefined || bucket === undefined || Number.isNaN(restoredAt)) {
  process.stderr.write('usage: finish-restore.ts JOURNAL_TABLE STATE_TABLE BUCKET TIME [--apply]\n');
  process.exit(2);
}
const isApplied = apply === '--apply';
const since = restoredAt - MARGIN_MS;
const dynamo = new DynamoDBClient({});
const s3 = new S3Client({ forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined });

const say = (text: string) => process.stdout.write(`${text}\n`);

const broken = await brokenJournals();
for (const text of broken) say(text);
if (broken.length > 0) {
  say('The tables do not fit together. Restore them again, to another time; see docs/OPERATIONS.md.');
  process.exit(1);
}
const objects = await undeleteObjects();
await lookAtObjects(objects);
await skipProducerIds();
say(isApplied ? 'done' : 'Nothing was changed. Run it again with --apply.');

/**
 * The two restores may show moments that are a little apart. A journal that the state table shows at
 * a slot that the journal table does not have would lose its place: its checkpoint is newer than its
 * entries, or entries that the checkpoint does not cover are deleted already.
 */
async function brokenJournals(): Promise<string[]> {
  const slots = new Map<string, number>();
  const checkpoints = new Map<string, number>();
  for await (const { Items = [] } of paginateScan(
    { client: dynamo },
    { TableName: stateTable!, ConsistentRead: true },
  )) {
    for (const item of Items) {
      const pk = item.pk?.S ?? '';
      if (pk === 'topics') {
        const topic = json(item) as { id: string; journals: number; deletedAt?: number | null };
        // Whatever is left of a deleted topic is not read any more.
        if (typeof topic.deletedAt === 'number') continue;
        for (let journal = 0; journal < topic.journals; journal++) slots.set(`${topic.id}/${journal}`, 0);
      }
      if (pk.startsWith('checkpoint/')) checkpoints.set(pk.slice('checkpoint/'.length), Number(item.v?.N));
    }
  }
  const found: string[] = [];
  for (const journal of slots.keys()) {
    const slot = checkpoints.get(journal) ?? 0;
    const key = { pk: { S: `journal/${journal}` }, sk: { S: String(slot).padStart(16, '0') } };
    const { Item } = await dynamo.send(new GetItemCommand({ TableName: journalTable, Key: key, ConsistentRead: true }));
    if (Item === undefined) found.push(`journal ${journal}: slot ${slot} is missing`);
  }
  say(`${slots.size} journals: ${found.length} do not fit`);
  return found;
}

/**
 * Removes the delete markers of what was deleted since. Returns the keys of the segment objects that
 * the restored tables may not know: they were written since, or had been deleted shortly before.
 */
async function undeleteObjects(): Promise<string[]> {
  const keys = new Set<string>();
  let undeleted = 0;
  for await (const page of pagesOfVersions()) {
    for (const { Key = '', LastModified, IsLatest } of page.Versions ?? []) {
      if (IsLatest && isSince(LastModified) && Key.startsWith('segment/')) keys.add(Key);
    }
    for (const { Key = '', VersionId, LastModified, IsLatest } of page.DeleteMarkers ?? []) {
      if (!IsLatest || !isSince(LastModified)) continue;
      undeleted++;
      if (Key.startsWith('segment/')) keys.add(Key);
      if (isApplied) await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId }));
    }
  }
  say(`${undeleted} deleted objects: brought back`);
  return [...keys];
}

async function* pagesOfVersions() {
  for (let from = {}; ; ) {
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, ...from }));
    yield page;
    if (!page.IsTruncated) return;
    from = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
  }
}

function isSince(time: Date | undefined): boolean {
  return time !== undefined && time.getTime() >= since;
}

/** Puts objects on the due list: Tidelog deletes them if nothing in the restored tables names them. */
async function lookAtObjects(keys: readonly string[]): Promise<void> {
  const now = Date.now();
  for (const key of keys) {
    if (isApplied) await put('due', `${String(now).padStart(15, '0')}/object/${key}`, now, Buffer.of(1), undefined);
  }
  say(`${keys.length} objects of segments: put on the due list`);
}

/**
 * Ids that were handed out since are in use by producers that are still running. The next ones must
 * not be the same: a producer's records would be taken for repeated ones of another.
 */
async function skipProducerIds(): Promise<void> {
  const Key = { pk: { S: 'producer-ids' }, sk: { S: 'next' } };
  const { Item } = await dynamo.send(new GetItemCommand({ TableName: stateTable, Key, ConsistentRead: true }));
  const before = Item === undefined ? 0 : (json(Item) as { next: number }).next;
  const next = before + SKIPPED_PRODUCER_IDS;
  const version = Number(Item?.v?.N ?? 0);
  const body = Buffer.concat([Buffer.of(1), Buffer.from(JSON.stringify({ next }))]);
  if (isApplied) await put('producer-ids', 'next', version + 1, body, Item === undefined ? undefined : version);
  say(`producer ids: from ${next} on`);
}

/** The body of an item: a format byte, then JSON. */
function json(item: Attributes): unknown {
  return JSON.parse(Buffer.from(item.b!.B!).toString('utf8', 1));
}

async function put(pk: string, sk: string, v: number, b: Buffer, over: number | undefined): Promise<void> {
  await dynamo.send(
    new PutItemCommand({
      TableName: stateTable,
      Item: { pk: { S: pk }, sk: { S: sk }, v: { N: String(v) }, n: { S: 'finish-restore' }, b: { B: b } },
      ...(over === undefined
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : { ConditionExpression: 'v = :v', ExpressionAttributeValues: { ':v': { N: String(over) } } }),
    }),
  );
}
