import { api } from '../api.ts';
import { array, bool, float64, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Sets or removes quotas. */
export const AlterClientQuotasRequest = message('AlterClientQuotasRequest', '0-1', '1+', {
  entries: array({
    entity: array({ entityType: string(), entityName: string({ nullable: true }) }),
    ops: array({ key: string(), value: float64(), remove: bool() }),
  }),
  validateOnly: bool(),
});

export const AlterClientQuotasResponse = message('AlterClientQuotasResponse', '0-1', '1+', {
  throttleTimeMs: int32({ default: 0 }),
  entries: array({
    errorCode: int16(),
    errorMessage: string({ clipped: true, nullable: true }),
    entity: array({ entityType: string(), entityName: string({ nullable: true }) }),
  }),
});

export const AlterClientQuotas = api('AlterClientQuotas', AlterClientQuotasRequest, AlterClientQuotasResponse);
