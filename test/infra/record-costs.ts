import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { US_EAST_1 } from '../../lib/cost/prices.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import { STAGES } from '../../lib/stacks/stages.ts';

const DOCS = resolve(import.meta.dirname, '../../docs');
const GIB = 2 ** 30;
const MILLION = 1_000_000;
const VALUE_BYTES = 1_000;

/** Computing of one call; the assumption of docs/GATEWAY.md. */
const COMPUTING_MS = 10;

/** A record of 1,000 bytes with its batch header is an item of two write units. */
const ENTRY_WRITE_UNITS = 2;

/** Per record. */
export interface RecordCost {
  readonly way: string;
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly puts: number;
  readonly calls: number;
  readonly dollarsPerMillion: number;
}

/** The cells of the rows of a document that begin with these cells. */
function row(document: string, ...first: string[]): string[] {
  const text = readFileSync(join(DOCS, document), 'utf8');
  const start = `| ${first.join(' | ')} |`;
  const line = text.split('\n').find((one) => one.startsWith(start));
  if (line === undefined) throw new Error(`${document} has no row ${start}`);
  return line.split('|').map((cell) => cell.trim().replaceAll(',', ''));
}

function recordsPerGib(recordsPerBatch: number): number {
  const records = Array.from({ length: recordsPerBatch }, () => ({
    timestamp: 0,
    key: null,
    value: Buffer.alloc(VALUE_BYTES),
  }));
  const { length } = encodeBatch(records, { producerId: 1, producerEpoch: 0, baseSequence: 0 });
  return (GIB * recordsPerBatch) / length;
}

/** What `npm run bench:costs` counted for a GiB, for each record. */
function throughGateway(way: string, rate: string, recordsPerBatch: number): RecordCost {
  const [, , , writeUnits, readUnits, puts, , , , , dollars] = row('COSTS.md', rate, 'default').map(Number);
  const records = recordsPerGib(recordsPerBatch);
  return {
    way,
    writeUnits: writeUnits! / records,
    readUnits: readUnits! / records,
    puts: puts! / records,
    calls: 0,
    dollarsPerMillion: (dollars! * MILLION) / records,
  };
}

/** One record in each call of `produce`, at a rate that PERFORMANCE.md has for one journal. */
function throughFunctions(way: string, base: RecordCost, requestsPerSecond: number, requestPrice: number): RecordCost {
  const [, , , , puts, queries, p50Ms] = row('PERFORMANCE.md', '1', `${requestsPerSecond}`).map(Number);
  const lostWriteUnits = (puts! - 1) * ENTRY_WRITE_UNITS;
  const gbSeconds = ((STAGES.prod.memoryMiB.produce / 1024) * (p50Ms! + COMPUTING_MS)) / 1000;
  const extra =
    lostWriteUnits * US_EAST_1['dynamodb.writeUnit'].usd +
    queries! * US_EAST_1['dynamodb.readUnit'].usd +
    US_EAST_1['lambda.request'].usd +
    gbSeconds * US_EAST_1['lambda.gbSecond'].usd +
    requestPrice;
  return {
    way,
    writeUnits: base.writeUnits + lostWriteUnits,
    readUnits: base.readUnits + queries!,
    puts: base.puts,
    calls: 1,
    dollarsPerMillion: base.dollarsPerMillion + extra * MILLION,
  };
}

/** What a record costs in each way in, from the figures of COSTS.md and PERFORMANCE.md and the price book. */
export function recordCosts(): RecordCost[] {
  const alone = throughGateway('a gateway, one record a second', '1 KB/s', 1);
  const http = US_EAST_1['httpApi.request'].usd;
  return [
    throughGateway('a gateway, 10 MB/s, 16 records in a batch', '10 MB/s', 16),
    throughGateway('a gateway, 100 records/s, each in its own batch', '100 KB/s', 1),
    alone,
    throughFunctions('`lambda:` or function URL, 5 requests/s of one record', alone, 5, 0),
    throughFunctions('HTTP API, 5 requests/s of one record', alone, 5, http),
    throughFunctions('`lambda:` or function URL, 60 requests/s of one record on one journal', alone, 60, 0),
    throughFunctions('HTTP API, 60 requests/s of one record on one journal', alone, 60, http),
  ];
}

/** The table of docs/DEPLOY.md. */
export function recordTable(costs: readonly RecordCost[]): string[] {
  const short = (value: number) => (value === 0 ? '0' : value >= 0.1 ? value.toFixed(1) : value.toPrecision(1));
  const dollars = (value: number) => `$${value >= 0.1 ? value.toFixed(2) : value.toFixed(4)}`;
  return [
    '| way in | write units | read units | PUTs | calls | a million |',
    '|---|--:|--:|--:|--:|--:|',
    ...costs.map(
      ({ way, writeUnits, readUnits, puts, calls, dollarsPerMillion }) =>
        `| ${way} | ${short(writeUnits)} | ${short(readUnits)} | ${short(puts)} | ${calls} | ${dollars(dollarsPerMillion)} |`,
    ),
  ];
}
