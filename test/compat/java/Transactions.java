import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Kafka's Java clients for the tests of transactions, driven by test/support/transaction-clients.ts: carries out a line of
 * words on stdin after the other, and answers each with a line: `ok WORD...`, or `error NAME` and what the client said. No
 * word has a space in it. `Transactions BOOTSTRAP`.
 */
public class Transactions {
  static final long PATIENCE_MS = 60_000;
  static String bootstrap;
  static KafkaProducer<String, String> producer;
  static KafkaProducer<String, String> plain;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    var lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      System.out.println(answer(line.split(" ")));
    }
    // What a fenced producer has in hand would hold its closing up.
    Runtime.getRuntime().halt(0);
  }

  static String answer(String[] words) {
    try {
      List<String> found = List.of();
      switch (words[0]) {
        case "init" -> init(words[1], words[2]);
        case "begin" -> producer.beginTransaction();
        case "send" -> send(words[1], Integer.parseInt(words[2]), Arrays.asList(words).subList(3, words.length));
        case "offsets" -> offsets(words[1], partition(words[2], words[3]), Long.parseLong(words[4]));
        case "commit" -> producer.commitTransaction();
        case "abort" -> producer.abortTransaction();
        case "write" -> write(words[1], words[2], Arrays.asList(words).subList(3, words.length));
        case "read" -> found = read(words[1], words[2]);
        case "committed" -> found = List.of(committed(words[1], partition(words[2], words[3])));
        default -> throw new IllegalArgumentException(words[0]);
      }
      return (found.isEmpty() ? "ok" : "ok " + String.join(" ", found));
    } catch (Exception error) {
      Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
      return "error " + cause.getClass().getSimpleName() + " " + String.valueOf(cause).replace("\n", " ");
    }
  }

  static void init(String transactionalId, String timeoutMs) {
    Properties config = common();
    config.put("transactional.id", transactionalId);
    config.put("transaction.timeout.ms", timeoutMs);
    producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    producer.initTransactions();
  }

  static void send(String topic, int partition, List<String> values) throws Exception {
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (String value : values) sent.add(producer.send(new ProducerRecord<>(topic, partition, null, value)));
    producer.flush();
    for (var one : sent) one.get();
  }

  /** Outside of any transaction, one value to each of the first partitions in turn, each exactly once. */
  static void write(String topic, String partitions, List<String> values) throws Exception {
    if (plain == null) plain = new KafkaProducer<>(common(), new StringSerializer(), new StringSerializer());
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (int i = 0; i < values.size(); i++) {
      int partition = i % Integer.parseInt(partitions);
      sent.add(plain.send(new ProducerRecord<>(topic, partition, null, values.get(i))));
    }
    for (var one : sent) one.get();
  }

  static void offsets(String group, TopicPartition partition, long offset) {
    producer.sendOffsetsToTransaction(
        Map.of(partition, new OffsetAndMetadata(offset)), new ConsumerGroupMetadata(group));
  }

  /** All values up to the end for this isolation level, as `PARTITION:VALUE`. */
  static List<String> read(String topic, String isolation) {
    Map<Integer, List<String>> values = new TreeMap<>();
    try (var consumer = consumer(Map.of("isolation.level", "read_" + isolation))) {
      Set<TopicPartition> all = new HashSet<>();
      for (var info : consumer.partitionsFor(topic)) all.add(new TopicPartition(topic, info.partition()));
      consumer.assign(all);
      consumer.seekToBeginning(all);
      var ends = consumer.endOffsets(all);
      long giveUpAt = System.currentTimeMillis() + PATIENCE_MS;
      do {
        if (System.currentTimeMillis() > giveUpAt) throw new IllegalStateException("nothing is read any more");
        // At least once, as long as a fetch that waits takes.
        for (var found : consumer.poll(Duration.ofMillis(600))) {
          values.computeIfAbsent(found.partition(), key -> new ArrayList<>()).add(found.value());
        }
      } while (!all.stream().allMatch(one -> consumer.position(one) >= ends.get(one)));
    }
    List<String> told = new ArrayList<>();
    values.forEach((partition, some) -> some.forEach(value -> told.add(partition + ":" + value)));
    return told;
  }

  static String committed(String group, TopicPartition partition) {
    try (var consumer = consumer(Map.of("group.id", group))) {
      var found = consumer.committed(Set.of(partition)).get(partition);
      return found == null ? "-1" : String.valueOf(found.offset());
    }
  }

  static TopicPartition partition(String topic, String partition) {
    return new TopicPartition(topic, Integer.parseInt(partition));
  }

  static KafkaConsumer<String, String> consumer(Map<String, String> more) {
    Properties config = common();
    config.putAll(new HashMap<>(more));
    return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
  }

  static Properties common() {
    Properties config = new Properties();
    config.put("bootstrap.servers", bootstrap);
    return config;
  }
}
