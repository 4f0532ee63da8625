import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Reads orders, writes an invoice for each of them. Invoices and the offsets of their orders are one transaction, so that
 * after any crash each order has exactly one invoice, for readers with isolation.level=read_committed.
 *
 *   java -cp 'kafka-clients/*' ConsumeTransformProduce.java localhost:9092 orders invoices billing billing-1
 *
 * Start as many as there is work for, each with a transactional id of its own, and start each again when it has ended. An
 * id that starts again aborts at once what it left open; else the transaction's time-out does so.
 */
public class ConsumeTransformProduce {
  public static void main(String[] args) {
    String bootstrap = args[0], from = args[1], to = args[2], group = args[3], transactionalId = args[4];
    try (var consumer = consumer(bootstrap, group)) {
      consumer.subscribe(List.of(from));
      while (true) {
        // Its first request ends what a producer of this id has left open, and fences that producer.
        try (var producer = producer(bootstrap, transactionalId)) {
          producer.initTransactions();
          goBack(consumer);
          while (true) {
            var orders = consumer.poll(Duration.ofMillis(500));
            if (!orders.isEmpty()) invoice(orders, to, consumer, producer);
          }
        } catch (ProducerFencedException fenced) {
          throw fenced; // Another process has this id by now.
        } catch (KafkaException failed) {
          // Whether the transaction took place is not known here. The group's offsets tell, once a new producer has begun.
          System.err.println("begins again after " + failed);
        }
      }
    }
  }

  static void invoice(
      ConsumerRecords<String, String> orders,
      String to,
      KafkaConsumer<String, String> consumer,
      KafkaProducer<String, String> producer) {
    producer.beginTransaction();
    Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
    for (var order : orders) {
      producer.send(new ProducerRecord<>(to, order.key(), "invoice-" + order.value()));
      next.put(new TopicPartition(order.topic(), order.partition()), new OffsetAndMetadata(order.offset() + 1));
    }
    // The group's metadata make this fail if the partitions have another owner by now.
    producer.sendOffsetsToTransaction(next, consumer.groupMetadata());
    producer.commitTransaction();
    System.out.println(orders.count() + " invoices");
  }

  /** Goes on at the committed offsets. */
  static void goBack(KafkaConsumer<String, String> consumer) {
    var owned = consumer.assignment();
    var committed = consumer.committed(owned);
    for (TopicPartition partition : owned) {
      if (committed.get(partition) == null) consumer.seekToBeginning(List.of(partition));
      else consumer.seek(partition, committed.get(partition).offset());
    }
  }

  static KafkaConsumer<String, String> consumer(String bootstrap, String group) {
    Properties config = new Properties();
    config.put("bootstrap.servers", bootstrap);
    config.put("group.id", group);
    config.put("auto.offset.reset", "earliest");
    config.put("enable.auto.commit", "false");
    // If the orders come out of transactions themselves, the aborted ones are none.
    config.put("isolation.level", "read_committed");
    // So long do others wait for a process that was killed.
    config.put("session.timeout.ms", "6000");
    config.put("heartbeat.interval.ms", "1000");
    return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
  }

  static KafkaProducer<String, String> producer(String bootstrap, String transactionalId) {
    Properties config = new Properties();
    config.put("bootstrap.servers", bootstrap);
    config.put("transactional.id", transactionalId);
    config.put("transaction.timeout.ms", "10000");
    return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
  }
}
