/**
 * An array whose elements are created one at a time, when the encoder reads them. It has only a
 * length and an iterator. For answers that can be far larger than their request.
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
