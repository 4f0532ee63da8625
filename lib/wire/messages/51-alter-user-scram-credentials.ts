import { api } from '../api.ts';
import { array, bytes, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Sets or removes SCRAM credentials; passwords arrive salted and hashed. */
export const AlterUserScramCredentialsRequest = message('AlterUserScramCredentialsRequest', '0', '0+', {
  deletions: array({ name: string(), mechanism: int8() }),
  upsertions: array({
    name: string(),
    mechanism: int8(),
    iterations: int32(),
    salt: bytes(),
    saltedPassword: bytes(),
  }),
});

export const AlterUserScramCredentialsResponse = message('AlterUserScramCredentialsResponse', '0', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  results: array({ user: string(), errorCode: int16(), errorMessage: string({ clipped: true, nullable: true }) }),
});

export const AlterUserScramCredentials = api(
  'AlterUserScramCredentials',
  AlterUserScramCredentialsRequest,
  AlterUserScramCredentialsResponse,
);
