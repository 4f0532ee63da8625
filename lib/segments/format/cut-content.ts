import type { Offset } from '../../core/offset.ts';
import { lastOffset } from '../../records/batch.ts';
import { splitLog } from './log-batches.ts';
import { fitsPart } from './part-limits.ts';
import type { PartContent } from './segment-set.ts';

/**
 * Cuts a content into parts that fit Kafka's indexes: one, unless its offsets span more than 2^31
 * or its log has more than 2 GiB. Throws MalformedBytesError for buffers that do not consist of
 * whole batches.
 */
export function cutContent(content: PartContent): PartContent[] {
  const cuts: { baseOffset: Offset; logBytes: number; batches: Buffer[] }[] = [];
  let open = { baseOffset: content.baseOffset, logBytes: 0, batches: [] as Buffer[] };
  for (const bytes of content.batches) {
    let start = 0;
    let at = 0;
    for (const { header } of splitLog(bytes, { key: 'of a new segment' }).batches) {
      if (!fitsPart(open, { lastOffset: lastOffset(header), sizeInBytes: header.sizeInBytes })) {
        if (at > start) open.batches.push(bytes.subarray(start, at));
        if (open.logBytes > 0 || header.baseOffset > open.baseOffset) cuts.push(open);
        open = { baseOffset: header.baseOffset, logBytes: 0, batches: [] };
        start = at;
      }
      open.logBytes += header.sizeInBytes;
      at += header.sizeInBytes;
    }
    open.batches.push(bytes.subarray(start));
  }
  cuts.push(open);
  return cuts.map(({ baseOffset, batches }, index) => {
    const nextOffset = cuts[index + 1]?.baseOffset ?? content.nextOffset;
    const aborted = content.aborted.filter(({ lastOffset: marker }) => marker >= baseOffset && marker < nextOffset);
    const epochs = content.epochs?.filter(({ startOffset }, at, all) => {
      const endOffset = all[at + 1]?.startOffset ?? content.nextOffset;
      return startOffset < nextOffset && endOffset > baseOffset;
    });
    return { partition: content.partition, baseOffset, nextOffset, batches, aborted, ...(epochs && { epochs }) };
  });
}
