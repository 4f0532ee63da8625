import { api } from '../api.ts';
import { array, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const coordinator = {
  key: string(),
  nodeId: int32(),
  host: string(),
  port: int32(),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true, ignorable: true }),
};

/**
 * Asks which node coordinates a group (key type 0), a transaction (1, from version 1) or a share
 * group's state (2, from 6). From 4 on, it takes several keys.
 */
export const FindCoordinatorRequest = message('FindCoordinatorRequest', '0-6', '3+', {
  key: string('0-3'),
  keyType: int8('1+', { default: 0 }),
  coordinatorKeys: array(string(), '4+'),
});

export const FindCoordinatorResponse = message('FindCoordinatorResponse', '0-6', '3+', {
  throttleTimeMs: int32('1+', { default: 0, ignorable: true }),
  errorCode: int16('0-3'),
  errorMessage: string('1-3', { clipped: true, nullable: true, ignorable: true }),
  nodeId: int32('0-3'),
  host: string('0-3'),
  port: int32('0-3'),
  coordinators: array(coordinator, '4+'),
});

export const FindCoordinator = api('FindCoordinator', FindCoordinatorRequest, FindCoordinatorResponse);
