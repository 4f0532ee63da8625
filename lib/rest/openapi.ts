import { toJsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { VERSION } from '../core/version.ts';
import { errorTypeOf } from './media-type.ts';
import type { AnyRoute } from './route.ts';

const errorSchema = v.object({ error_code: v.number(), message: v.string() });

/** An OpenAPI document, as far as its form is fixed. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  /** By path and method. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

/** The OpenAPI document of routes, from their own schemas. */
export function openApiDocument(routes: readonly AnyRoute[]): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tidelog REST',
      version: VERSION,
      description: "The interface of Confluent's REST Proxy, v3 and v2, over Tidelog's log.",
    },
    paths,
    components: { schemas: { Error: schemaOf(errorSchema) } },
  };
}

function operationOf({ summary, tag, path, query, body, consumes, produces, success }: AnyRoute) {
  const { status, schema } = success;
  const pathParameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  return {
    summary,
    tags: [tag],
    parameters: [...pathParameters, ...queryParameters(query)],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.kind === 'stream' || body.isOptional !== true,
            content: contentOf(consumes, body.schema),
          },
        }),
    responses: {
      [status]: { description: summary, ...(schema === undefined ? {} : { content: contentOf(produces, schema) }) },
      default: {
        description: 'The request failed.',
        content: { [errorTypeOf(path)]: { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}

function queryParameters(query: AnyRoute['query']) {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(query);
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

function contentOf(types: readonly string[], schema: v.GenericSchema) {
  return Object.fromEntries(types.map((type) => [type, { schema: schemaOf(schema) }]));
}

/** Checks that JSON Schema cannot express are left out. */
function schemaOf(schema: v.GenericSchema) {
  const { $schema: _, ...rest } = toJsonSchema(schema, { errorMode: 'ignore' });
  return rest;
}
