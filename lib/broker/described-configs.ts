import { CONFIG_TYPES } from '../topics/configs/config-value.ts';
import { CONFIG_SOURCES, type DescribedConfig } from '../topics/configs/described-config.ts';

/** The fields of a config that CreateTopics and DescribeConfigs share. */
export function configFields({ name, value, readOnly, source, sensitive }: DescribedConfig) {
  return { name, value, readOnly, configSource: CONFIG_SOURCES[source], isSensitive: sensitive };
}

/** A config in the answer to DescribeConfigs. */
export function describedConfig(config: DescribedConfig, withSynonyms: boolean, withDocumentation: boolean) {
  const synonyms = withSynonyms ? config.synonyms : [];
  return {
    ...configFields(config),
    synonyms: synonyms.map(({ name, value, source }) => ({ name, value, source: CONFIG_SOURCES[source] })),
    configType: CONFIG_TYPES[config.type],
    documentation: withDocumentation ? config.documentation : null,
  };
}
