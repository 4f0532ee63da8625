/** What is to be tested: code of yours that writes to Kafka and knows nothing of Tidelog. */
export class Orders {
  #producer;

  /** @param {import('kafkajs').Kafka} kafka */
  constructor(kafka) {
    this.#producer = kafka.producer();
  }

  async open() {
    await this.#producer.connect();
  }

  /** Writes an order; all orders of a customer stay in order. */
  async place(order) {
    const message = { key: order.customer, value: JSON.stringify(order) };
    await this.#producer.send({ topic: 'orders', messages: [message] });
  }

  async close() {
    await this.#producer.disconnect();
  }
}
