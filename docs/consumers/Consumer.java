// Prints every verdict of Lictor once: java -cp "<folder of jars>/*" Consumer.java
// Needs kafka-clients and jackson-databind; docs/consumers.md says what it may rely on.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class Consumer {
    public static void main(String[] arguments) throws Exception {
        ObjectMapper json = new ObjectMapper();
        Set<String> seen = Collections.newSetFromMap(new LinkedHashMap<>() {
            protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) { return size() > 100_000; }
        });
        var consumer = new KafkaConsumer<>(config(), new ByteArrayDeserializer(), new ByteArrayDeserializer());
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumer.wakeup();
            try { main.join(10_000); } catch (InterruptedException ended) { main.interrupt(); }
        }));
        try (consumer) {
            consumer.subscribe(List.of(environment("LICTOR_TOPIC_PREFIX", "lictor") + ".verdicts.v1"));
            while (true) {
                for (ConsumerRecord<byte[], byte[]> message : consumer.poll(Duration.ofSeconds(1))) {
                    JsonNode record = json.readTree(message.value());
                    String id = record.path("id").asText();
                    if (seen.add(id)) {
                        JsonNode verdict = record.path("verdict");
                        System.out.println(id + " " + verdict.path("decision").asText()
                            + " " + verdict.path("sentence").asText());
                    }
                }
                consumer.commitSync(); // what the last poll gave is processed
            }
        } catch (WakeupException asked) {
            // Ctrl-C, or the process is asked to end.
        }
    }

    private static Properties config() {
        Properties config = new Properties();
        config.put("bootstrap.servers", environment("LICTOR_BOOTSTRAP", "127.0.0.1:9092"));
        config.put("group.id", "consumer-java");
        config.put("auto.offset.reset", "earliest");
        config.put("enable.auto.commit", "false");
        String protocol = environment("LICTOR_KAFKA_PROTOCOL", "plaintext");
        config.put("security.protocol", protocol.toUpperCase());
        if (protocol.startsWith("sasl")) {
            String mechanism = environment("LICTOR_KAFKA_MECHANISM", "SCRAM-SHA-512");
            String module = mechanism.equals("PLAIN") ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
            config.put("sasl.mechanism", mechanism);
            config.put("sasl.jaas.config", "org.apache.kafka.common.security." + module + " required username="
                + quoted(environment("LICTOR_KAFKA_USER", "")) + " password="
                + quoted(environment("LICTOR_KAFKA_PASSWORD", "")) + ";");
        }
        if (System.getenv("LICTOR_KAFKA_CA") != null) {
            config.put("ssl.truststore.type", "PEM");
            config.put("ssl.truststore.location", System.getenv("LICTOR_KAFKA_CA"));
        }
        return config;
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    private static String environment(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }
}
