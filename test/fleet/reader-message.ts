/** What the process of a reader tells: a record, or that it has begun to read. */
export type ReaderMessage = { readonly partition: number; readonly offset: number; readonly value: string } | 'reading';

/** How long a member of a group may be silent; ms. */
export const READER_SESSION_MS = 10_000;
