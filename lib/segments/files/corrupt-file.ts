/** A file of a partition's folder that cannot be read as what its name says. */
export class CorruptFileError extends Error {
  override readonly name = 'CorruptFileError';
  readonly file: string;
  /** The first byte that does not fit; of a batch that does not fit, its first byte. */
  readonly position: number;
  readonly reason: string;
  /** The file ends before the batch at `position` does. */
  readonly isCutOff: boolean;

  constructor(file: string, position: number, reason: string, { isCutOff = false } = {}) {
    super(`file ${file}, byte ${position}: ${reason}`);
    this.isCutOff = isCutOff;
    this.file = file;
    this.position = position;
    this.reason = reason;
  }
}
