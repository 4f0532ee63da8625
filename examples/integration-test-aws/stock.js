/** What is to be tested: code of yours that reads from Kafka and knows nothing of Tidelog. */
export class Stock {
  #consumer;
  #left = new Map();

  /** @param {import('kafkajs').Kafka} kafka */
  constructor(kafka) {
    this.#consumer = kafka.consumer({ groupId: 'stock', maxWaitTimeInMs: 200 });
  }

  /** Follows the deliveries and sales that are written to the topic. */
  async follow(topic) {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topic, fromBeginning: true });
    await this.#consumer.run({
      eachMessage: async ({ message }) => {
        const item = String(message.key);
        this.#left.set(item, this.left(item) + Number(message.value));
      },
    });
  }

  /** How many of an item there are. */
  left(item) {
    return this.#left.get(item) ?? 0;
  }

  async close() {
    await this.#consumer.disconnect();
  }
}
