import type { FrameFunction } from '../broker/apis.ts';

/** All functions of a deployment. */
export type FunctionName = FrameFunction | 'rest' | 'maintain' | 'seal';
