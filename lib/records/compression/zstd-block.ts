import { tooLarge } from './error.ts';
import type { Output } from './output.ts';
import { Scratch } from './scratch.ts';
import type { ZstdBlock } from './zstd-frame.ts';
import type { HuffmanTable } from './zstd-huffman.ts';
import { readLiterals } from './zstd-literals.ts';
import { newSequenceState, runSequences } from './zstd-sequences.ts';

/**
 * Decodes the blocks of one frame into `output`, one after the other, without the runtime's help.
 */
export class ZstdBlockDecoder {
  readonly #output: Output;
  readonly #sequences = newSequenceState();
  readonly #literals = new Scratch();
  #huffman: HuffmanTable | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Decodes the block whose content begins at `start` in `data`. Throws CompressionError. */
  decode(data: Buffer, type: ZstdBlock['type'], size: number, start: number): void {
    const output = this.#output;
    if (type === 'compressed') {
      const literals = readLiterals(data, start, start + size, this.#huffman, this.#literals);
      this.#huffman = literals.huffman;
      runSequences(data, start + size, literals, this.#sequences, output);
      return;
    }
    if (output.reserve(size) < output.length + size) throw tooLarge('zstd', output.maxBytes);
    if (type === 'raw') data.copy(output.bytes, output.length, start, start + size);
    else output.bytes.fill(data[start]!, output.length, output.length + size);
    output.length += size;
  }
}
