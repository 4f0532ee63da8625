import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Kafka's Java clients at work: `ClientsCheck BOOTSTRAP CHECK...` runs the checks side by side and prints what each of them
 * found, as lines of `CHECK: FOUND`. A check may have an argument: `NAME ARG`.
 */
public class ClientsCheck {
  /** Longer than any wait of a check that goes well, also on a busy machine. */
  static final long PATIENCE_MS = 60_000;
  static final Duration POLL = Duration.ofMillis(100);
  static final int RECORDS = 1_000;

  static final ThreadLocal<String> running = new ThreadLocal<>();
  static String bootstrap;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    List<Thread> threads = new ArrayList<>();
    for (String check : Arrays.asList(args).subList(1, args.length)) {
      Thread thread = new Thread(() -> run(check));
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) thread.join();
  }

  static void run(String check) {
    running.set(check);
    String[] words = check.split(" ");
    try {
      switch (words[0]) {
        case "produce" -> produce(words[1]);
        case "seek" -> seek();
        case "commit" -> commit(words[1]);
        case "share" -> share(words[1]);
        case "static" -> staticMember(words[1]);
        case "admin" -> admin();
        default -> throw new IllegalArgumentException(check);
      }
    } catch (Throwable error) {
      say("failed with " + error);
      error.printStackTrace();
    }
  }

  /** Every record comes back with its key, value, headers and timestamp, in order, by the default (idempotent) producer. */
  static void produce(String codec) throws Exception {
    String topic = newTopic("produce-" + codec, 3);
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try (var producer = producer(Map.of("compression.type", codec, "linger.ms", "5"))) {
      for (int i = 0; i < RECORDS; i++) sent.add(producer.send(record(topic, i)));
    }
    Map<Integer, Long> lastSent = new TreeMap<>();
    for (var one : sent) lastSent.merge(one.get().partition(), one.get().offset(), Math::max);
    int same = 0;
    Map<Integer, Long> lastRead = new TreeMap<>();
    try (var consumer = consumer(Map.of())) {
      Set<TopicPartition> all = partitions(topic, 3);
      consumer.assign(all);
      consumer.seekToBeginning(all);
      for (var found : read(consumer, RECORDS)) {
        var expected = record(topic, Integer.parseInt(found.value()));
        boolean follows = lastRead.getOrDefault(found.partition(), -1L) + 1 == found.offset();
        lastRead.put(found.partition(), found.offset());
        boolean equal = expected.key().equals(found.key()) && expected.timestamp() == found.timestamp();
        if (follows && equal && Arrays.equals(expected.headers().toArray(), found.headers().toArray())) same++;
      }
    }
    say("same " + same, "all partitions " + (lastRead.size() == 3), "offsets as told " + lastSent.equals(lastRead));
  }

  /** assign, seek, offsetsForTimes, the ends, pause and resume. */
  static void seek() throws Exception {
    String topic = newTopic("seek", 2);
    var p0 = new TopicPartition(topic, 0);
    var p1 = new TopicPartition(topic, 1);
    try (var producer = producer(Map.of())) {
      for (int i = 0; i < 200; i++) producer.send(new ProducerRecord<>(topic, i % 2, 1000L * i, null, "" + i));
    }
    try (var consumer = consumer(Map.of("max.poll.records", "10"))) {
      consumer.assign(List.of(p0, p1));
      say("beginning " + consumer.beginningOffsets(List.of(p0)).get(p0), "end " + consumer.endOffsets(List.of(p0)).get(p0));
      var times = consumer.offsetsForTimes(Map.of(p0, 99_000L, p1, 1_000_000L));
      say("for times " + times.get(p0).offset() + " " + times.get(p0).timestamp() + " " + times.get(p1));
      consumer.seek(p0, new OffsetAndMetadata(times.get(p0).offset(), times.get(p0).leaderEpoch(), ""));
      consumer.pause(List.of(p1));
      List<String> first = read(consumer, 10).stream().map(ConsumerRecord::value).toList();
      say("from there " + first.get(0) + " to " + first.get(9), "position " + consumer.position(p0));
      Set<Integer> whilePaused = new TreeSet<>();
      for (var found : read(consumer, 40)) whilePaused.add(found.partition());
      consumer.resume(List.of(p1));
      consumer.pause(List.of(p0));
      consumer.seekToEnd(List.of(p1));
      long end = consumer.position(p1);
      consumer.seek(p1, end - 3);
      List<String> last = read(consumer, 3).stream().map(ConsumerRecord::value).toList();
      say("while paused " + whilePaused, "the last " + last, "lag " + consumer.currentLag(p1).orElse(-1));
    }
  }

  /** commitSync and commitAsync with metadata, and what another consumer of the group finds. */
  static void commit(String protocol) throws Exception {
    String topic = newTopic("commit-" + protocol, 2);
    var p0 = new TopicPartition(topic, 0);
    var p1 = new TopicPartition(topic, 1);
    try (var producer = producer(Map.of())) {
      for (int i = 0; i < 20; i++) producer.send(new ProducerRecord<>(topic, i % 2, null, "" + i));
    }
    Map<String, String> config = Map.of("group.id", topic, "group.protocol", protocol, "enable.auto.commit", "false");
    try (var consumer = consumer(config)) {
      consumer.subscribe(List.of(topic));
      read(consumer, 20);
      consumer.commitSync(Map.of(p0, new OffsetAndMetadata(4, "noted")));
      AtomicReference<String> called = new AtomicReference<>();
      consumer.commitAsync(
          Map.of(p1, new OffsetAndMetadata(6)), (offsets, error) -> called.set(offsets.get(p1).offset() + " " + error));
      waitUntil(() -> consumer.poll(POLL), () -> called.get() != null);
      var committed = consumer.committed(Set.of(p0, p1));
      say("async " + called.get(), "committed " + committed.get(p0).offset() + " " + committed.get(p0).metadata());
    }
    try (var consumer = consumer(config)) {
      consumer.subscribe(List.of(topic));
      Map<Integer, Long> begins = new TreeMap<>();
      for (var found : read(consumer, 6 + 4)) begins.merge(found.partition(), found.offset(), Math::min);
      say("goes on at " + begins);
      consumer.commitSync();
      say("then at " + consumer.committed(Set.of(p0)).get(p0).offset());
    }
  }

  /** Two members read everything once; the one that stays takes over from the one that leaves. */
  static void share(String how) throws Exception {
    String topic = newTopic("share-" + how, 4);
    Map<String, String> config = new HashMap<>(Map.of("group.id", topic, "auto.offset.reset", "earliest"));
    switch (how) {
      case "consumer" -> config.put("group.protocol", "consumer");
      case "range" -> config.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor");
      default ->
          config.put(
              "partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
    }
    Map<String, Integer> counts = new HashMap<>();
    try (var producer = producer(Map.of());
        var stays = consumer(config)) {
      var leaves = consumer(config);
      stays.subscribe(List.of(topic));
      leaves.subscribe(List.of(topic));
      waitUntil(
          () -> {
            count(stays, counts);
            count(leaves, counts);
          },
          () -> stays.assignment().size() == 2 && leaves.assignment().size() == 2);
      Set<TopicPartition> both = new HashSet<>(stays.assignment());
      both.addAll(leaves.assignment());
      for (int i = 0; i < 400; i++) producer.send(new ProducerRecord<>(topic, i % 4, null, "" + i));
      producer.flush();
      waitUntil(
          () -> {
            count(stays, counts);
            count(leaves, counts);
          },
          () -> counts.size() == 400);
      leaves.close();
      waitUntil(() -> count(stays, counts), () -> stays.assignment().size() == 4);
      for (int i = 400; i < 800; i++) producer.send(new ProducerRecord<>(topic, i % 4, null, "" + i));
      producer.flush();
      waitUntil(() -> count(stays, counts), () -> counts.size() == 800);
      long twice = counts.values().stream().filter(n -> n > 1).count();
      say("shared " + both.size(), "read " + counts.size(), "twice " + twice);
    }
  }

  /** A static member that comes back within its session has its partitions again, and nobody rebalances. */
  static void staticMember(String protocol) throws Exception {
    String topic = newTopic("static-" + protocol, 4);
    Map<String, String> config =
        Map.of("group.id", topic, "group.protocol", protocol, "auto.offset.reset", "earliest");
    try (var other = consumer(with(config, "group.instance.id", "other"))) {
      var first = consumer(with(config, "group.instance.id", "one"));
      other.subscribe(List.of(topic));
      first.subscribe(List.of(topic));
      waitUntil(
          () -> {
            first.poll(POLL);
            other.poll(POLL);
          },
          () -> first.assignment().size() == 2 && other.assignment().size() == 2);
      var had = first.assignment();
      int generation = other.groupMetadata().generationId();
      first.close();
      var again = consumer(with(config, "group.instance.id", "one"));
      again.subscribe(List.of(topic));
      waitUntil(
          () -> {
            again.poll(POLL);
            other.poll(POLL);
          },
          () -> !again.assignment().isEmpty());
      boolean undisturbed = other.groupMetadata().generationId() == generation && other.assignment().size() == 2;
      say("the same " + had.equals(again.assignment()), "nobody else noticed " + undisturbed);
      again.close();
      try (Admin admin = Admin.create(common())) {
        var members = List.of(new MemberToRemove("one"));
        admin.removeMembersFromConsumerGroup(topic, new RemoveMembersFromConsumerGroupOptions(members)).all().get();
      }
      waitUntil(() -> other.poll(POLL), () -> other.assignment().size() == 4);
      say("removed " + other.assignment().size());
    }
  }

  /** What only the Java AdminClient asks for, or in its own way; the rest is with kafka-topics and its like. */
  static void admin() throws Exception {
    try (Admin admin = Admin.create(common())) {
      String topic = newTopic("admin", 2);
      var p0 = new TopicPartition(topic, 0);
      Uuid id = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).topicId();
      var byId = admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get();
      say("by id " + byId.get(id).partitions().size() + " " + byId.get(id).name().equals(topic));
      var unknown = TopicCollection.ofTopicIds(List.of(Uuid.randomUuid()));
      say("unknown id " + failure(admin.describeTopics(unknown).allTopicIds()));
      try (var producer = producer(Map.of())) {
        for (long time : new long[] {5, 9, 7}) producer.send(new ProducerRecord<>(topic, 0, time, null, "v"));
      }
      Map<String, OffsetSpec> specs = new LinkedHashMap<>();
      specs.put("earliest", OffsetSpec.earliest());
      specs.put("latest", OffsetSpec.latest());
      specs.put("largest", OffsetSpec.maxTimestamp());
      specs.put("at 6", OffsetSpec.forTimestamp(6));
      specs.put("tiered", OffsetSpec.latestTiered());
      StringBuilder offsets = new StringBuilder("offsets");
      for (var spec : specs.entrySet()) {
        var found = admin.listOffsets(Map.of(p0, spec.getValue())).partitionResult(p0).get();
        offsets.append(" ").append(spec.getKey()).append(" ").append(found.offset());
      }
      say(offsets.toString());
      String group = topic + "-group";
      admin.alterConsumerGroupOffsets(group, Map.of(p0, new OffsetAndMetadata(2, "moved"))).all().get();
      var all = new ListConsumerGroupOffsetsSpec();
      var listed = admin.listConsumerGroupOffsets(Map.of(group, all, "none", all)).all().get();
      var set = listed.get(group).get(p0);
      say("set " + set.offset() + " " + set.metadata(), "none " + listed.get("none"));
      admin.deleteConsumerGroupOffsets(group, Set.of(p0)).all().get();
      say("deleted " + admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get());
      admin.deleteConsumerGroups(List.of(group)).all().get();
      say("no group " + failure(admin.describeConsumerGroups(List.of(group)).all()));
      say("quorum led by " + admin.describeMetadataQuorum().quorumInfo().get().leaderId());
      say("not served " + failure(admin.describeClientQuotas(ClientQuotaFilter.all()).entities()));
      admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get();
      say("gone " + failure(admin.describeTopics(List.of(topic)).allTopicNames()));
    }
  }

  static ProducerRecord<String, String> record(String topic, int i) {
    var header = new RecordHeader("h", ("header " + i).getBytes());
    return new ProducerRecord<>(topic, null, 1_700_000_000_000L + i, "key " + i % 100, "" + i, List.of(header));
  }

  static Properties common() {
    Properties config = new Properties();
    config.put("bootstrap.servers", bootstrap);
    return config;
  }

  static KafkaProducer<String, String> producer(Map<String, String> more) {
    Properties config = common();
    config.putAll(more);
    return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
  }

  static KafkaConsumer<String, String> consumer(Map<String, String> more) {
    Properties config = common();
    config.put("auto.offset.reset", "earliest");
    config.putAll(more);
    return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
  }

  static Map<String, String> with(Map<String, String> config, String name, String value) {
    Map<String, String> more = new HashMap<>(config);
    more.put(name, value);
    return more;
  }

  static String newTopic(String name, int partitions) throws Exception {
    try (Admin admin = Admin.create(common())) {
      admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1))).all().get();
    }
    return name;
  }

  static Set<TopicPartition> partitions(String topic, int count) {
    Set<TopicPartition> all = new HashSet<>();
    for (int i = 0; i < count; i++) all.add(new TopicPartition(topic, i));
    return all;
  }

  static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> consumer, int count) {
    List<ConsumerRecord<String, String>> found = new ArrayList<>();
    waitUntil(() -> consumer.poll(POLL).forEach(found::add), () -> found.size() >= count);
    return found;
  }

  static void count(KafkaConsumer<String, String> consumer, Map<String, Integer> counts) {
    for (var found : consumer.poll(POLL)) counts.merge(found.value(), 1, Integer::sum);
  }

  static void waitUntil(Runnable step, java.util.function.BooleanSupplier isDone) {
    long giveUpAt = System.currentTimeMillis() + PATIENCE_MS;
    while (!isDone.getAsBoolean()) {
      if (System.currentTimeMillis() > giveUpAt) throw new IllegalStateException("it takes too long");
      step.run();
    }
  }

  static String failure(KafkaFuture<?> future) throws InterruptedException {
    try {
      return "none: " + future.get();
    } catch (ExecutionException error) {
      return error.getCause().getClass().getSimpleName();
    }
  }

  static void say(String... found) {
    for (String line : found) System.out.println(running.get() + ": " + line);
  }
}
