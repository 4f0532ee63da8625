import type { FunctionName } from '../../lib/run/function-name.ts';
import { maintainFunction } from '../../lib/run/functions/maintain.ts';
import { restFunction } from '../../lib/run/functions/rest.ts';
import { sealFunction } from '../../lib/run/functions/seal.ts';
import type { CallKind } from '../../lib/storage/ports.ts';
import { DEFINITIONS } from './functions.ts';

const ALL = [...Object.values(DEFINITIONS), restFunction, maintainFunction, sealFunction];

/** The store calls that each function may make. */
export const FUNCTION_RIGHTS = Object.fromEntries(ALL.map(({ name, rights }) => [name, rights])) as Readonly<
  Record<FunctionName, readonly CallKind[]>
>;
