import { api } from '../api.ts';
import { array, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Lists the SCRAM mechanisms of users, never the secrets. Null users mean all. */
export const DescribeUserScramCredentialsRequest = message('DescribeUserScramCredentialsRequest', '0', '0+', {
  users: array({ name: string() }, { nullable: true }),
});

export const DescribeUserScramCredentialsResponse = message('DescribeUserScramCredentialsResponse', '0', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true }),
  results: array({
    user: string(),
    errorCode: int16(),
    errorMessage: string({ clipped: true, nullable: true }),
    credentialInfos: array({ mechanism: int8(), iterations: int32() }),
  }),
});

export const DescribeUserScramCredentials = api(
  'DescribeUserScramCredentials',
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
);
