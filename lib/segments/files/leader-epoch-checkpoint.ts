import type { EpochStart } from '../../journal/view.ts';
import { CorruptFileError } from './corrupt-file.ts';

/**
 * Kafka's text file of a partition's leader epochs (LeaderEpochCheckpointFile, CheckpointFile): the
 * version, the number of epochs, then a line `<epoch> <start offset>` for each.
 */
const VERSION = 0;

const WHOLE = /^\d{1,16}$/;

export function encodeLeaderEpochs(epochs: readonly EpochStart[]): string {
  const lines = [VERSION, epochs.length, ...epochs.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`)];
  return lines.map((line) => `${line}\n`).join('');
}

/** An empty file has no epochs, as in Kafka. Throws CorruptFileError. */
export function parseLeaderEpochs(file: string, text: string): EpochStart[] {
  if (text === '') return [];
  let position = 0;
  const lines = text.split('\n').map((line) => {
    const at = position;
    position += line.length + 1;
    return { at, text: line.replace(/\r$/, '') };
  });
  if (lines.at(-1)!.text === '') lines.pop();
  const [version, count, ...rows] = lines;
  if (version?.text !== String(VERSION))
    throw new CorruptFileError(file, 0, `version ${version?.text}, expected ${VERSION}`);
  if (count === undefined || !WHOLE.test(count.text)) {
    throw new CorruptFileError(file, count?.at ?? text.length, 'no number of epochs');
  }
  const epochs: EpochStart[] = [];
  for (const { at, text: row } of rows) {
    const [epoch, startOffset, ...others] = row.trim().split(/\s+/);
    if (!WHOLE.test(epoch ?? '') || !WHOLE.test(startOffset ?? '') || others.length > 0) {
      throw new CorruptFileError(file, at, `no epoch with its start offset: ${JSON.stringify(row)}`);
    }
    const next = { epoch: Number(epoch), startOffset: Number(startOffset) };
    const before = epochs.at(-1) ?? { epoch: -1, startOffset: -1 };
    if (next.epoch <= before.epoch || next.startOffset <= before.startOffset) {
      throw new CorruptFileError(file, at, `epoch ${next.epoch} from offset ${next.startOffset} is out of order`);
    }
    epochs.push(next);
  }
  if (epochs.length !== Number(count.text)) {
    throw new CorruptFileError(file, text.length, `${epochs.length} epochs, expected ${count.text}`);
  }
  return epochs;
}
