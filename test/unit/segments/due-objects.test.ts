import { expect, it } from 'vitest';
import { storeObject } from '../../../lib/segments/due-objects.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { createWorld, HOUR } from '../journal/world.ts';
import { dueNames, endingOf, objectKeys } from './ending-world.ts';

const KEY = 'segment/topic/0/0000000000000001-nonce';

it('an object is not stored long after its due item, which is looked at meanwhile', async () => {
  const world = await createWorld();
  const process = world.process();
  await world.run(process.open());
  // The process stands still between the answer to its due item and the object.
  process.faults = ({ store, operation }) =>
    store === 'state' && operation === 'put' ? { delayAfterMs: HOUR } : undefined;
  const storing = storeObject(endingOf(process).due, process.stores, KEY, [Buffer.from('x')]);
  await expect(world.run(storing)).rejects.toThrow(StoreUnavailableError);
  expect(objectKeys(world)).toEqual([]);
  expect(dueNames(world)).toEqual([`object/${KEY}`]);
});

it('an object is stored after its due item', async () => {
  const world = await createWorld();
  const process = world.process();
  await world.run(process.open());
  await world.run(storeObject(endingOf(process).due, process.stores, KEY, [Buffer.from('x')]));
  expect(objectKeys(world)).toEqual([KEY]);
  expect(dueNames(world)).toEqual([`object/${KEY}`]);
});
