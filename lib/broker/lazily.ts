/**
 * An array whose elements are made one at a time, when the encoder asks for them. It has a length and an iterator, and
 * nothing else. For answers that can be far larger than the request that asks for them.
 */
export function lazily<Element>(length: number, elementAt: (index: number) => Element): readonly Element[] {
  const elements = {
    length,
    *[Symbol.iterator]() {
      for (let index = 0; index < length; index++) yield elementAt(index);
    },
  };
  return elements as unknown as readonly Element[];
}
