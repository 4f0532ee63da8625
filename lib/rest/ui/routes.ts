import * as v from 'valibot';
import { topicAccesses } from '../../auth/authorize.ts';
import { isRefusal } from '../answer.ts';
import { describedTopic } from '../find-topic.ts';
import { HTML_TYPE } from '../media-type.ts';
import { defineRoute } from '../route.ts';
import { readStart } from '../stream/start.ts';
import { TAIL_FROM } from './tail-from.ts';

/** GET /ui/topics/{topic_name}: a page that shows the records of a topic as they come. */
export const tailRoute = defineRoute({
  method: 'GET',
  path: '/ui/topics/{topic_name}',
  summary: 'A page that shows the records of a topic as they come',
  tag: 'Tidelog',
  query: v.object({ from: v.optional(v.string(), TAIL_FROM) }),
  consumes: [],
  produces: [HTML_TYPE],
  success: { status: 200, schema: v.string() },
  accesses: ({ parameters }) => topicAccesses('DESCRIBE', [parameters.topic_name]),
  async handle(rest, { parameters, query, decisions }) {
    const topic = await describedTopic(rest, decisions, parameters.topic_name);
    if (isRefusal(topic)) return topic;
    const start = readStart(query.from);
    if (isRefusal(start)) return start;
    // Few ask for it, and a function's cold start is longer by what it loads.
    const { TAIL_POLICY, tailPage } = await import('./tail-page.ts');
    return {
      kind: 'text',
      contentType: 'text/html; charset=utf-8',
      text: tailPage(rest.clusterId, topic.record.name, query.from),
      headers: { 'Content-Security-Policy': TAIL_POLICY, 'X-Content-Type-Options': 'nosniff' },
    };
  },
});
