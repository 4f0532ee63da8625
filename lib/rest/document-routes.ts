import * as v from 'valibot';
import { ok } from './answer.ts';
import { HTML_TYPE, JSON_TYPE, V2_TYPE } from './media-type.ts';
import { routesPage } from './page.ts';
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
    accesses: () => [],
    async handle(_rest, { answerType }) {
      if (answerType === V2_TYPE) return ok({});
      return { kind: 'text', contentType: 'text/html; charset=utf-8', text: routesPage(all) };
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
      // Few ask for it, and a function's cold start is longer by what it loads.
      const { openApiDocument } = await import('./openapi.ts');
      return ok(openApiDocument(all));
    },
  });
  const all: readonly AnyRoute[] = [page, document, ...routes];
  return [page, document];
}
