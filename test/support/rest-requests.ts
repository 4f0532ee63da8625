import { allRoutes } from '../../lib/rest/routes.ts';

const V2 = 'application/vnd.kafka.v2+json';
const BINARY = 'application/vnd.kafka.binary.v2+json';
const JSON_RECORDS = 'application/vnd.kafka.json.v2+json';
const PARTITIONS = '{"partitions":[{"topic":"fuzz","partition":0}]}';
const OFFSETS = '{"offsets":[{"topic":"fuzz","partition":0,"offset":1}]}';
const RECORD =
  '{"partition_id":0,"key":{"type":"STRING","data":"k"},"value":{"type":"JSON","data":{"a":[1,2.5,"x"]}},' +
  '"headers":[{"name":"h","value":"aGk="}],"timestamp":"2026-02-05T19:14:42Z"}';

/** Bodies by the end of a path. */
const BODIES: readonly (readonly [path: RegExp, type: string, body: string])[] = [
  [/\/records$/, 'application/json', RECORD + RECORD],
  [/records:batch$/, 'application/json', `{"entries":[{"id":"1","value":{"type":"BINARY","data":"AAE="}}]}`],
  [/\/v3\/.*\/topics$/, 'application/json', '{"topic_name":"fuzz","partitions_count":3,"validate_only":true}'],
  [/configs:alter$/, 'application/json', '{"data":[{"name":"retention.ms","value":"60000"}],"validate_only":true}'],
  [/configs\/[^/]+$/, 'application/json', '{"value":"86400000"}'],
  [/\/topics\/[^/]+$/, JSON_RECORDS, '{"records":[{"key":"k","value":{"a":1}},{"value":[1],"partition":0}]}'],
  [/partitions\/\d+$/, BINARY, '{"records":[{"key":"a2V5","value":"AAE="}]}'],
  [/\/consumers\/[^/]+$/, V2, '{"name":"me","format":"json","auto.offset.reset":"earliest"}'],
  [/subscription$/, V2, '{"topics":["fuzz"]}'],
  [/assignments$/, V2, PARTITIONS],
  [/\/offsets$/, V2, OFFSETS],
  [/\/positions$/, V2, OFFSETS],
  [/positions\/(?:beginning|end)$/, V2, PARTITIONS],
];

/** A request of each route as text, for a topic `fuzz` of three partitions, a group `g` and its instance `me`. */
export function restRequests(clusterId: string): readonly string[] {
  const values: Readonly<Record<string, string>> = {
    cluster_id: clusterId,
    topic_name: 'fuzz',
    partition_id: '0',
    group_name: 'g',
    consumer_group_id: 'g',
    instance: 'me',
    name: 'retention.ms',
    broker_id: '0',
  };
  return allRoutes
    .filter(({ method, path }) => !(method === 'DELETE' && path.endsWith('/topics/{topic_name}')))
    .map(({ method, path, body, query, produces }) => {
      const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '0');
      const asked = query === undefined ? filled : `${filled}?timeout=1&from=earliest&group=g`;
      const head = `${method} ${asked} HTTP/1.1\r\nHost: localhost\r\nAccept: ${produces[0]}\r\n`;
      const found = body === undefined ? undefined : BODIES.find(([end]) => end.test(filled));
      if (found === undefined) return `${head}\r\n`;
      const [, type, text] = found;
      return `${head}Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
    });
}
