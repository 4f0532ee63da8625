import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { until } from './waiting.ts';

export interface StreamEvent {
  readonly name: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the form of the data that it asks for
  readonly data: any;
  /** The data as it was sent. */
  readonly text: string;
}

/** Reads the text of server-sent events as a browser does (HTML standard, 9.2.6). */
export class EventParser {
  /** All but those that only say where the stream is. */
  readonly events: StreamEvent[] = [];
  /** What a browser would send as Last-Event-ID; undefined before the first id. */
  lastId: string | undefined;
  retryMs: number | undefined;
  comments = 0;
  #rest = '';
  #name = 'message';
  #id: string | undefined;
  #data: string[] = [];

  push(text: string): void {
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop()!;
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (line === '') this.#dispatch();
    else if (line.startsWith(':')) this.comments++;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id') this.#id = value;
    else if (field === 'event') this.#name = value;
    else if (field === 'retry') this.retryMs = Number(value);
  }

  #dispatch(): void {
    this.lastId = this.#id;
    const data = this.#data.join('\n');
    if (data !== '' && this.#name !== 'place')
      this.events.push({ name: this.#name, id: this.#id ?? '', data: JSON.parse(data), text: data });
    this.#data = [];
    this.#name = 'message';
  }
}

/** One connection to a stream; a client that comes back makes another one with the parser's `lastId`. */
export class StreamConnection {
  readonly parser: EventParser;
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** How the connection ended: `end` in order, `cut` otherwise. */
  ended: 'end' | 'cut' | undefined;
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;

  constructor(request: ClientRequest, response: IncomingMessage, parser: EventParser) {
    this.#request = request;
    this.#response = response;
    this.parser = parser;
    this.status = response.statusCode!;
    this.headers = response.headers;
    response.setEncoding('utf8');
    response.on('data', (text: string) => parser.push(text));
    response.on('error', () => {});
    response.on('close', () => {
      this.ended = response.complete ? 'end' : 'cut';
    });
  }

  get events(): readonly StreamEvent[] {
    return this.parser.events;
  }

  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }

  cut(): void {
    this.#request.destroy();
  }

  /** The events once there are so many. */
  async until(count: number): Promise<readonly StreamEvent[]> {
    await until(() => this.events.length >= count, `${count} events, got ${this.events.length}`);
    return this.events;
  }
}

/** Connects as a browser does: with the last id of the parser, if it has one. */
export async function connectStream(url: string, parser = new EventParser()): Promise<StreamConnection> {
  const id = parser.lastId;
  const headers = { Accept: 'text/event-stream', ...(id === undefined ? {} : { 'Last-Event-ID': id }) };
  const request = get(url, { headers, agent: false });
  request.on('error', () => {});
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return new StreamConnection(request, response, parser);
}
