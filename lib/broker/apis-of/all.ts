import { adminApis } from './admin.ts';
import { coordinateApis } from './coordinate.ts';
import { fetchApis } from './fetch.ts';
import { produceApis } from './produce.ts';

/** All served APIs, for a process that serves every one of them. */
export const allApis = { ...produceApis, ...fetchApis, ...coordinateApis, ...adminApis };
