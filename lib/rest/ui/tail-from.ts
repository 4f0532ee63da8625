/** What the page asks for unless its address says otherwise: a few records of each partition, then the new ones. */
export const TAIL_FROM = 'latest-20';
