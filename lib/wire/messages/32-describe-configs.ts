import { api } from '../api.ts';
import { array, bool, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Reads configs of topics, brokers and others. Null keys mean all of them. 3 added documentation
 * and types.
 */
export const DescribeConfigsRequest = message('DescribeConfigsRequest', '1-4', '4+', {
  resources: array({
    resourceType: int8(),
    resourceName: string(),
    configurationKeys: array(string(), { nullable: true }),
  }),
  includeSynonyms: bool({ default: false }),
  includeDocumentation: bool('3+', { default: false }),
});

export const DescribeConfigsResponse = message('DescribeConfigsResponse', '1-4', '4+', {
  throttleTimeMs: int32({ default: 0 }),
  results: array({
    errorCode: int16(),
    errorMessage: string({ clipped: true, nullable: true }),
    resourceType: int8(),
    resourceName: string(),
    configs: array({
      name: string(),
      value: string({ nullable: true }),
      readOnly: bool(),
      configSource: int8({ default: -1, ignorable: true }),
      isSensitive: bool(),
      synonyms: array({ name: string(), value: string({ nullable: true }), source: int8() }, { ignorable: true }),
      configType: int8('3+', { default: 0, ignorable: true }),
      documentation: string('3+', { nullable: true, ignorable: true }),
    }),
  }),
});

export const DescribeConfigs = api('DescribeConfigs', DescribeConfigsRequest, DescribeConfigsResponse);
