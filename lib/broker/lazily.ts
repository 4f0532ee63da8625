/**
 * An array that is never there as a whole: the encoder asks for its length and for its elements in order, and nothing else may be
 * asked of it. For answers of which a few bytes of a request can ask any number of times.
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
