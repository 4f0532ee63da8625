import * as v from 'valibot';
import { ANY_TOPIC, type Decisions, topicResource } from '../auth/authorize.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { ok } from './answer.ts';
import type { RestEnvironment } from './environment.ts';
import { HTML_TYPE, JSON_TYPE, V2_TYPE } from './media-type.ts';
import { type AnyRoute, defineRoute } from './route.ts';

/** The routes that describe the others: the page at `/`, which is `{}` to a client of v2, and the document. */
export function documentRoutes(routes: readonly AnyRoute[]): readonly AnyRoute[] {
  const page: AnyRoute = defineRoute({
    method: 'GET',
    path: '/',
    summary: 'A page that lists the routes',
    tag: 'Tidelog',
    consumes: [],
    produces: [HTML_TYPE, V2_TYPE],
    success: { status: 200 },
    accesses: () => [{ operation: 'DESCRIBE', resource: ANY_TOPIC }],
    async handle(rest, { answerType, decisions }) {
      if (answerType === V2_TYPE) return ok({});
      const topics = await topicNames(rest, decisions);
      // Few ask for these, and a function's cold start is longer by what it loads.
      const { routesPage } = await import('./page.ts');
      return { kind: 'text', contentType: 'text/html; charset=utf-8', text: routesPage(all, topics) };
    },
  });
  const document: AnyRoute = defineRoute({
    method: 'GET',
    path: '/openapi.json',
    summary: 'The OpenAPI document of the routes',
    tag: 'Tidelog',
    consumes: [],
    produces: [JSON_TYPE],
    success: { status: 200, schema: v.looseObject({ openapi: v.string() }) },
    accesses: () => [],
    async handle() {
      const { openApiDocument } = await import('./openapi.ts');
      return ok(openApiDocument(all));
    },
  });
  const all: readonly AnyRoute[] = [page, document, ...routes];
  return [page, document];
}

/** The topics that the client may describe; none if the store does not answer, as the page is of use without. */
async function topicNames({ admin }: RestEnvironment, decisions: Decisions): Promise<readonly string[]> {
  try {
    const names = (await admin.topics.list()).map(({ record }) => record.name);
    return names.filter((name) => decisions.allows('DESCRIBE', topicResource(name))).sort();
  } catch (error) {
    if (error instanceof StoreUnavailableError) return [];
    throw error;
  }
}
