import { api } from '../api.ts';
import { array, bool, float64, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const entryData = {
  entity: array({ entityType: string(), entityName: string({ nullable: true }) }),
  values: array({ key: string(), value: float64() }),
};

/** Lists quotas by entity: users, client ids, addresses. */
export const DescribeClientQuotasRequest = message('DescribeClientQuotasRequest', '0-1', '1+', {
  components: array({ entityType: string(), matchType: int8(), match: string({ nullable: true }) }),
  strict: bool(),
});

export const DescribeClientQuotasResponse = message('DescribeClientQuotasResponse', '0-1', '1+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true }),
  entries: array(entryData, { nullable: true }),
});

export const DescribeClientQuotas = api(
  'DescribeClientQuotas',
  DescribeClientQuotasRequest,
  DescribeClientQuotasResponse,
);
