import type { OffsetSettings } from '../offsets/environment.ts';
import type { Settings } from '../settings/settings.ts';

const MS_PER_MINUTE = 60_000;

export function offsetSettings({ offsetsRetentionMinutes, offsetMetadataMaxBytes }: Settings): OffsetSettings {
  return { retentionMs: offsetsRetentionMinutes * MS_PER_MINUTE, metadataMax: offsetMetadataMaxBytes };
}
