const KIB = 1024;
const MIB = 1024 * KIB;

/** What a gateway holds at most, of everything that a client could make it hold. */
export interface GatewayLimits {
  /** Kafka's socket.request.max.bytes: one request frame without its size prefix. */
  readonly frameBytesMax: number;
  /**
   * Kafka's queued.max.request.bytes: received and not answered yet, all connections together;
   * Infinity for none.
   */
  readonly requestMemoryBytesMax: number;
  /**
   * Answers that the kernel has not taken yet, all connections together; above it no further fetch
   * starts.
   */
  readonly answerMemoryBytesMax: number;
  /**
   * Answers of one connection that the kernel has not taken yet; above it none of its requests
   * starts.
   */
  readonly connectionAnswerBytesMax: number;
  /** Produce requests of one connection that are in progress at the same time. */
  readonly inFlightRequestsMax: number;
  /** Their bytes; a single larger request still passes. */
  readonly inFlightBytesMax: number;
  /** Kafka's max.connections, all listeners together. */
  readonly connectionsMax: number;
  /** Kafka's max.connections.per.ip. */
  readonly connectionsPerHostMax: number;
  /** Kafka's connections.max.idle.ms. */
  readonly idleMsMax: number;
  /**
   * While memory is short, a connection that holds some of it and does not move for so long is
   * closed.
   */
  readonly stallMsMax: number;
}

export const DEFAULT_GATEWAY_LIMITS: GatewayLimits = {
  frameBytesMax: 100 * MIB,
  requestMemoryBytesMax: 64 * MIB,
  // Five full fetches of 50 MiB, the most that common clients ask for.
  answerMemoryBytesMax: 256 * MIB,
  // Enough for the kernel to send from while the next answer is made, little enough to hold for
  // every slow reader.
  connectionAnswerBytesMax: 256 * KIB,
  // Clients pipeline 5 requests by default; a group commit gains little from more than a few dozen.
  inFlightRequestsMax: 64,
  inFlightBytesMax: 32 * MIB,
  connectionsMax: 10_000,
  connectionsPerHostMax: Number.POSITIVE_INFINITY,
  idleMsMax: 600_000,
  // Longer than any hiccup of a healthy network, shorter than the 30 s after which clients give
  // their requests up.
  stallMsMax: 10_000,
};
