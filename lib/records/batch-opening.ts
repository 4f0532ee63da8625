import type { NextWork, Work } from '../kit/turns.ts';
import {
  BATCH_OVERHEAD_BYTES,
  type BatchHeader,
  compressionCodec,
  readBatchHeader,
  withMaxTimestamp,
} from './batch.ts';
import { compressAside } from './compression/aside.ts';
import { Codec, type CodecId, compress } from './compression/codec.ts';
import { CorruptRecordError } from './error.ts';
import { type InvalidRecords, invalid, type ProduceRules, type ValidatedRecords } from './produce-rules.ts';
import { withPayload } from './recompress.ts';
import { MAX_UNCOMPRESSED_BYTES } from './record.ts';
import { RecordCheck } from './record-check.ts';
import { renumbered, renumberedInTurns } from './renumber.ts';
import { Unpacking } from './unpack.ts';

/**
 * One batch of a Produce request while its records are checked. Keeps the records if they are to be
 * stored in another compression.
 */
export class BatchOpening {
  readonly #header: BatchHeader;
  readonly #batch: Buffer;
  readonly #rules: ProduceRules;
  readonly #check: RecordCheck;
  readonly #unpacking: Unpacking;
  /** The compression of the batch as sent, and as it is to be stored. */
  readonly #codec: number;
  readonly #target: CodecId | undefined;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  readonly #keptBytesMax: number;

  /** Throws CorruptRecordError, as all methods do. */
  constructor(header: BatchHeader, batch: Buffer, rules: ProduceRules) {
    this.#header = header;
    this.#batch = batch;
    this.#rules = rules;
    this.#check = new RecordCheck(header, rules);
    this.#unpacking = new Unpacking(batch, header);
    this.#codec = compressionCodec(header.attributes);
    this.#target = rules.codec === this.#codec ? undefined : rules.codec;
    const { maxMessageBytes } = rules;
    this.#keptBytesMax = this.#target === Codec.none ? maxMessageBytes - BATCH_OVERHEAD_BYTES : MAX_UNCOMPRESSED_BYTES;
  }

  /** As Unpacking.atOnce. */
  atOnce(work: Work): boolean {
    return this.#unpacking.atOnce(work, this.#take);
  }

  /** As Unpacking.rest. */
  rest(next: NextWork): Promise<boolean> {
    return this.#unpacking.rest(next, this.#take);
  }

  readonly #take = (piece: Buffer): boolean => {
    this.#check.scan.feed(piece);
    if (this.#target === undefined) return true;
    this.#keptBytes += piece.length;
    if (this.#keptBytes > this.#keptBytesMax) return false;
    this.#kept.push(Buffer.from(piece));
    return true;
  };

  /** The result, once there are no more pieces. */
  result(): ValidatedRecords {
    const refused = this.#refusal();
    if (refused !== undefined) return refused;
    const records = this.#records();
    if (records === undefined) return this.#inPlace();
    const payload = this.#check.inOrder ? records : renumbered(records, this.#header);
    return this.#stored(compress(this.#storedCodec, payload));
  }

  /** As `result`, without blocking the event loop; undefined if `next` gave up. */
  async resultOfLarge(next: NextWork): Promise<ValidatedRecords | undefined> {
    const refused = this.#refusal();
    if (refused !== undefined) return refused;
    const records = this.#records();
    if (records === undefined) return this.#inPlace();
    const payload = this.#check.inOrder ? records : await renumberedInTurns(records, this.#header, next);
    if (payload === undefined) return undefined;
    const stored = await compressAside(this.#storedCodec, payload, next);
    return stored === undefined ? undefined : this.#stored(stored);
  }

  #refusal(): InvalidRecords | undefined {
    const { scan, errors, timestampRefused, inOrder } = this.#check;
    if (this.#keptBytes > this.#keptBytesMax) return tooLarge(`more than ${this.#keptBytesMax}`, this.#rules);
    scan.finish();
    if (errors.length > 0) {
      const reason = timestampRefused ? 'INVALID_TIMESTAMP' : 'INVALID_RECORD';
      return invalid(reason, `one or more records have been rejected: ${errors[0]!.message}`, errors);
    }
    if (!inOrder && this.#codec !== Codec.none && this.#target === undefined) {
      throw new CorruptRecordError('the offset deltas of the records are not 0, 1, 2 and so on');
    }
    return undefined;
  }

  get #storedCodec(): CodecId {
    return this.#target ?? Codec.none;
  }

  /** The uncompressed records, if they are to be stored in another form. */
  #records(): Buffer | undefined {
    if (this.#target !== undefined) return Buffer.concat(this.#kept, this.#keptBytes);
    return this.#check.inOrder ? undefined : this.#batch.subarray(BATCH_OVERHEAD_BYTES);
  }

  #inPlace(): ValidatedRecords {
    const { maxTimestamp } = this.#check;
    if (maxTimestamp === this.#header.maxTimestamp) {
      return { kind: 'valid', header: this.#header, batch: this.#batch };
    }
    const corrected = withMaxTimestamp(this.#batch, maxTimestamp);
    return { kind: 'valid', header: readBatchHeader(corrected), batch: corrected };
  }

  #stored(payload: Buffer): ValidatedRecords {
    const bytes = BATCH_OVERHEAD_BYTES + payload.length;
    // An uncompressed batch that stays so was measured as sent, as in Kafka.
    if (this.#target !== undefined && bytes > this.#rules.maxMessageBytes) return tooLarge(String(bytes), this.#rules);
    const batch = withPayload(this.#batch, payload, this.#storedCodec, this.#check.maxTimestamp);
    return { kind: 'valid', header: readBatchHeader(batch), batch };
  }
}

function tooLarge(bytes: string, { maxMessageBytes }: ProduceRules): InvalidRecords {
  const message = `the record batch has ${bytes} bytes in the topic's compression, and ${maxMessageBytes} are allowed`;
  return invalid('MESSAGE_TOO_LARGE', message);
}
