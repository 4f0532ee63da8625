import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * A word count of Kafka Streams, with a topic for repartitioning and one for the changes of its store:
 * `WordCount BOOTSTRAP setup`, `... produce LINES`, `... counts TOTAL` (prints the counts once they add up to so many, and
 * how often a count did not follow on the one before), `... run STATE_FOLDER` (until it is ended by a signal). Settings of
 * the client may follow, as `NAME=VALUE`; those that begin with `changelog.` are configs of the store's topic.
 */
public class WordCount {
  static final int PARTITIONS = 3;
  static final long PATIENCE_MS = 60_000;
  static final String CHANGELOG = "changelog.";

  public static void main(String[] args) throws Exception {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[0]);
    Map<String, String> changelog = new HashMap<>();
    for (String arg : args) {
      String[] setting = arg.split("=", 2);
      if (setting.length < 2) continue;
      if (setting[0].startsWith(CHANGELOG)) changelog.put(setting[0].substring(CHANGELOG.length()), setting[1]);
      else config.put(setting[0], setting[1]);
    }
    switch (args[1]) {
      case "setup" -> setup(config);
      case "produce" -> produce(config, Integer.parseInt(args[2]));
      case "counts" -> counts(config, Long.parseLong(args[2]));
      case "run" -> run(config, args[2], changelog);
      default -> throw new IllegalArgumentException(args[1]);
    }
  }

  static void setup(Properties config) throws Exception {
    try (Admin admin = Admin.create(config)) {
      var lines = new NewTopic("lines", PARTITIONS, (short) 1);
      admin.createTopics(List.of(lines, new NewTopic("counts", PARTITIONS, (short) 1))).all().get();
    }
  }

  static void produce(Properties config, int lines) {
    try (var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
      for (int i = 0; i < lines; i++) {
        producer.send(new ProducerRecord<>("lines", "line " + i, "the word" + i % 4));
      }
    }
  }

  static void counts(Properties config, long total) {
    Set<TopicPartition> all = new HashSet<>();
    for (int i = 0; i < PARTITIONS; i++) all.add(new TopicPartition("counts", i));
    Map<String, Long> counts = new TreeMap<>();
    int jumps = 0;
    long giveUpAt = System.currentTimeMillis() + PATIENCE_MS;
    try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new LongDeserializer())) {
      consumer.assign(all);
      consumer.seekToBeginning(all);
      while (sum(counts) < total && System.currentTimeMillis() < giveUpAt) {
        for (ConsumerRecord<String, Long> found : consumer.poll(Duration.ofMillis(200))) {
          Long before = counts.put(found.key(), found.value());
          if (found.value() != (before == null ? 0 : before) + 1) jumps++;
        }
      }
    }
    System.out.println(counts);
    System.out.println("jumps " + jumps);
  }

  static long sum(Map<String, Long> counts) {
    return counts.values().stream().mapToLong(Long::longValue).sum();
  }

  static void run(Properties config, String stateFolder, Map<String, String> changelog) throws Exception {
    config.put("application.id", "word-count");
    config.put("state.dir", stateFolder);
    config.put("num.stream.threads", "2");
    config.put("commit.interval.ms", "500");
    // Streams does not leave its group when it is closed, so the next one waits for the end of these.
    config.put("session.timeout.ms", "6000");
    config.put("heartbeat.interval.ms", "1000");
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream("lines", Consumed.with(Serdes.String(), Serdes.String()))
        .flatMapValues(line -> Arrays.asList(line.split(" ")))
        .groupBy((key, word) -> word, Grouped.with("words", Serdes.String(), Serdes.String()))
        .count(Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("store")
            .withLoggingEnabled(changelog)
            .withKeySerde(Serdes.String())
            .withValueSerde(Serdes.Long()))
        .toStream()
        .to("counts", Produced.with(Serdes.String(), Serdes.Long()));
    KafkaStreams streams = new KafkaStreams(builder.build(), config);
    streams.setUncaughtExceptionHandler(error -> {
      System.out.println("failed with " + error);
      return StreamThreadExceptionResponse.REPLACE_THREAD;
    });
    streams.setStateListener((now, before) -> System.out.println("state " + now));
    streams.setGlobalStateRestoreListener(new Restored());
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
    Thread.sleep(Long.MAX_VALUE);
  }

  /** Prints of each partition of the store how much was read back. */
  static class Restored implements StateRestoreListener {
    @Override
    public void onRestoreStart(TopicPartition partition, String store, long from, long end) {}

    @Override
    public void onBatchRestored(TopicPartition partition, String store, long end, long count) {}

    @Override
    public void onRestoreEnd(TopicPartition partition, String store, long total) {
      System.out.println("restored " + partition + " " + total);
    }
  }
}
