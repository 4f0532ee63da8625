/** A file of a partition's folder that cannot be read as what its name says. */
export class CorruptFileError extends Error {
  override readonly name = 'CorruptFileError';
  readonly file: string;
  /** The first byte that does not fit; of a batch that does not fit, its first byte. */
  readonly position: number;
  readonly reason: string;

  constructor(file: string, position: number, reason: string) {
    super(`file ${file}, byte ${position}: ${reason}`);
    this.file = file;
    this.position = position;
    this.reason = reason;
  }
}
