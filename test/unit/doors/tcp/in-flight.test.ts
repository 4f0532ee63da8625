import { beforeEach, describe, expect, it } from 'vitest';
import type { FrameOutcome } from '../../../../lib/broker/frame-handler.ts';
import { AnswerMemory } from '../../../../lib/doors/tcp/answer-memory.ts';
import { InFlight } from '../../../../lib/doors/tcp/in-flight.ts';
import { RequestMemory } from '../../../../lib/doors/tcp/request-memory.ts';
import { type ReceivedFrame, receiveFrame } from '../../../../lib/wire/frame.ts';

const PRODUCE = 0;
const FETCH = 1;
const HEARTBEAT = 12;

const NONE: FrameOutcome = { kind: 'none' };

let requestMemory: RequestMemory;
let answerMemory: AnswerMemory;
let isAllRead: boolean;
let admitted: number;
let inFlight: InFlight;

beforeEach(() => {
  requestMemory = new RequestMemory(1_000_000);
  answerMemory = new AnswerMemory(1_000);
  isAllRead = true;
  admitted = 0;
  inFlight = new InFlight({
    limits: { inFlightRequestsMax: 3, inFlightBytesMax: 100 },
    requestMemory,
    answerMemory,
    isAllRead: () => isAllRead,
    onAdmitted: () => admitted++,
  });
});

/** A complete request of an API that takes so many bytes of memory; the memory has received them. */
function received(apiKey: number, bytes = 20): ReceivedFrame {
  const frame = Buffer.alloc(bytes - 4);
  frame.writeInt16BE(apiKey);
  requestMemory.received(bytes);
  return receiveFrame(frame);
}

/** Starts a request that may start. */
function start(frame: ReceivedFrame) {
  expect(inFlight.mayStart(frame)).toBe(true);
  return inFlight.start(frame, 0);
}

describe('requests of one connection', () => {
  it('start one after the other', () => {
    const first = start(received(HEARTBEAT));
    const next = received(HEARTBEAT);
    expect(inFlight.mayStart(next)).toBe(false);
    expect(inFlight.held).toBe(next);
    inFlight.settle(first, NONE);
    inFlight.answered(inFlight.nextSettled()!, undefined);
    expect(inFlight.isEmpty).toBe(true);
    start(next);
    expect(inFlight.held).toBeUndefined();
  });

  it('overlap if they are Produce, up to the limits', () => {
    start(received(PRODUCE));
    start(received(PRODUCE));
    expect(inFlight.mayStart(received(HEARTBEAT))).toBe(false);
  });

  it.each([
    ['bytes', 90, 1],
    ['requests', 10 + 4, 3],
  ])('overlap up to a number of %s', (_, bytes, startable) => {
    for (let count = 0; count < startable; count++) start(received(PRODUCE, bytes));
    expect(inFlight.mayStart(received(PRODUCE, bytes))).toBe(false);
  });

  it('are passed on in the order of their arrival', () => {
    const [first, second] = [start(received(PRODUCE)), start(received(PRODUCE))];
    inFlight.settle(second, NONE);
    expect(inFlight.nextSettled()).toBeUndefined();
    inFlight.settle(first, NONE);
    expect([inFlight.nextSettled(), inFlight.nextSettled(), inFlight.nextSettled()]).toEqual([
      first,
      second,
      undefined,
    ]);
  });

  it('hold their memory until they are answered', () => {
    const request = start(received(HEARTBEAT, 50));
    inFlight.settle(request, NONE);
    const settled = inFlight.nextSettled()!;
    expect(requestMemory.bytes).toBe(50);
    inFlight.answered(settled, 10);
    expect(requestMemory.bytes).toBe(0);
  });
});

describe('a fetch', () => {
  it('waits while the memory for answers is full, and holds what it is admitted with', () => {
    isAllRead = false;
    answerMemory.add(2_000);
    const fetch = received(FETCH);
    expect(inFlight.mayStart(fetch)).toBe(false);
    expect(admitted).toBe(0);
    answerMemory.release(2_000);
    expect(admitted).toBe(1);
    const request = start(fetch);
    expect(request.reservedBytes).toBe(inFlight.expectedAnswerBytes);
    inFlight.settle(request, NONE);
    // Nothing is reserved any more: another one of any size may be admitted at once.
    let others = 0;
    void answerMemory.reserve(10_000).then(() => others++);
    return expect.poll(() => others).toBe(1);
  });

  it('is expected to answer with as much as the last one', () => {
    const request = start(received(FETCH));
    inFlight.settle(request, NONE);
    inFlight.answered(inFlight.nextSettled()!, 123);
    expect([inFlight.expectedAnswerBytes, inFlight.asksLittle]).toEqual([123, true]);
    isAllRead = false;
    expect(inFlight.asksLittle).toBe(false);
    const other = start(received(HEARTBEAT));
    inFlight.settle(other, NONE);
    inFlight.answered(inFlight.nextSettled()!, 999_999);
    expect(inFlight.expectedAnswerBytes).toBe(123);
  });

  it('that is dropped gives back its memory and its place', () => {
    isAllRead = false;
    answerMemory.add(2_000);
    inFlight.mayStart(received(FETCH, 50));
    inFlight.dropHeld();
    expect([inFlight.held, requestMemory.bytes]).toEqual([undefined, 0]);
    answerMemory.release(2_000);
    expect(admitted).toBe(0);
  });
});
