import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { assert } from '../../core/assert.ts';
import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { failedWrite } from '../aws/failures.ts';
import { Requests } from '../aws/requests.ts';
import { DATE_GRANULARITY_MS, StaleSignatureError, watchWire } from '../aws/wire.ts';
import { isBlobKey } from '../item-rules.ts';
import type { BlobInfo, BlobPutOutcome, BlobRange, BlobStore, PutOptions, StoreTime } from '../ports.ts';
import { StoreClock } from '../store-clock.ts';

/**
 * Concurrent requests. A process writes at most eight objects at once; the rest is for the reads of
 * fetches.
 */
export const BUCKET_REQUESTS_MAX = 128;

/**
 * Time-out for an object of 64 MiB over a slow link; ms. S3 itself answers in tens of milliseconds.
 */
const TRANSFER_TIMEOUT_MS = 60_000;

/** What S3 returns at most in one page of a list. */
const MAX_LIST_PAGE = 1000;

export interface S3BlobsOptions {
  /** Made by `s3Client`. */
  readonly client: S3Client;
  readonly bucket: string;
  /** Put before every key: '' or a path that ends with '/'. */
  readonly prefix: string;
  readonly clock: Clock;
  /** Jitter between attempts of reads. */
  readonly random: Random;
}

/** Opens a bucket, or a prefix of one. Does not check that it exists. */
export function openS3Blobs(options: S3BlobsOptions): BlobStore {
  return new S3Blobs(options);
}

class S3Blobs implements BlobStore {
  readonly #options: S3BlobsOptions;
  readonly #requests: Requests;
  readonly #storeClock: StoreClock;

  constructor(options: S3BlobsOptions) {
    this.#options = options;
    this.#requests = new Requests(options.clock, options.random, BUCKET_REQUESTS_MAX);
    this.#storeClock = new StoreClock(options.clock, DATE_GRANULARITY_MS);
  }

  now(): StoreTime {
    return this.#storeClock.now();
  }

  async put(key: string, chunks: readonly Buffer[], options?: Pick<PutOptions, 'signBefore'>): Promise<BlobPutOutcome> {
    if (!isBlobKey(key)) return { kind: 'refused', reason: 'rejected', message: `not a key for an object: ${key}` };
    const { client } = this.#options;
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const command = new PutObjectCommand({ ...this.#object(key), Body: body });
    const wire = watchWire(command, this.#storeClock, options?.signBefore);
    try {
      await this.#requests.once(TRANSFER_TIMEOUT_MS, (abortSignal) => client.send(command, { abortSignal }));
      return { kind: 'stored', storeTime: wire.storeTime };
    } catch (error) {
      if (error instanceof StaleSignatureError) return { kind: 'refused', reason: 'stale', message: error.message };
      return failedWrite(error);
    }
  }

  async getRange(key: string, start: number, end: number): Promise<BlobRange> {
    const range = end > start ? await this.#read(key, `bytes=${start}-${end - 1}`) : 'outside';
    if (range !== 'outside') return range;
    // HTTP has no empty range, but the call must still find out what the object is.
    const first = await this.#read(key, 'bytes=0-0');
    const any = first === 'outside' ? await this.get(key) : first;
    return any.kind === 'missing' ? any : { ...any, bytes: Buffer.alloc(0) };
  }

  async get(key: string): Promise<BlobRange> {
    const whole = await this.#read(key, undefined);
    assert(whole !== 'outside', 'a request without a range is answered as if it had one');
    return whole;
  }

  async delete(key: string): Promise<void> {
    const { client } = this.#options;
    // Deletion is idempotent, so it may be repeated like a read.
    await this.#requests.read(async (abortSignal) => {
      const command = new DeleteObjectCommand(this.#object(key));
      watchWire(command, this.#storeClock, undefined);
      await client.send(command, { abortSignal });
    });
  }

  async list(prefix: string, after: string | undefined, limit: number): Promise<readonly BlobInfo[]> {
    const { client, bucket, prefix: own } = this.#options;
    const found: BlobInfo[] = [];
    let token: string | undefined;
    do {
      const page = await this.#requests.read((abortSignal) => {
        const command = new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: own + prefix,
          MaxKeys: Math.min(limit - found.length, MAX_LIST_PAGE),
          ...(token === undefined ? {} : { ContinuationToken: token }),
          ...(after === undefined ? {} : { StartAfter: own + after }),
        });
        watchWire(command, this.#storeClock, undefined);
        return client.send(command, { abortSignal });
      });
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        found.push({ key: Key.slice(own.length), size: Size, modified: LastModified?.getTime() ?? Number.NaN });
      }
      token = page.NextContinuationToken;
    } while (token !== undefined && found.length < limit);
    return found;
  }

  /** `outside`: the range begins at or behind the object's end. */
  #read(key: string, range: string | undefined): Promise<BlobRange | 'outside'> {
    const { client } = this.#options;
    const attempt = async (abortSignal: AbortSignal): Promise<BlobRange | 'outside'> => {
      const command = new GetObjectCommand({ ...this.#object(key), ...(range === undefined ? {} : { Range: range }) });
      const wire = watchWire(command, this.#storeClock, undefined);
      try {
        const { Body, ContentRange, LastModified } = await client.send(command, { abortSignal });
        const bytes = await Body!.transformToByteArray();
        return {
          kind: 'found',
          bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
          size: ContentRange === undefined ? bytes.length : Number(ContentRange.split('/')[1]),
          modified: LastModified?.getTime() ?? Number.NaN,
          storeTime: wire.storeTime,
        };
      } catch (error) {
        const name = (error as Error).name;
        if (name === 'NoSuchKey') return { kind: 'missing', storeTime: wire.storeTime };
        if (name === 'InvalidRange') return 'outside';
        throw error;
      }
    };
    return this.#requests.read(attempt, TRANSFER_TIMEOUT_MS);
  }

  #object(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#options.bucket, Key: this.#options.prefix + key };
  }
}
