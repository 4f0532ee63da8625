import { readFileSync } from 'node:fs';
import { BATCH_OVERHEAD_BYTES } from '../../../../lib/records/batch.ts';
import { byCodec } from '../../../unit/records/golden.ts';

const NAMES = ['content-size', 'window-128m', 'two-frames-and-skippable'];
const files = NAMES.map((name) =>
  readFileSync(new URL(`../../../unit/records/compression/golden/${name}.zst`, import.meta.url)),
);

/** Zstd data of two other encoders, for runtimes that cannot encode it. */
export const zstdSamples = [byCodec.zstd.subarray(BATCH_OVERHEAD_BYTES), ...files];
