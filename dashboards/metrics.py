"""What the sink says about itself (Prometheus, base units)."""

from prometheus_client import Counter, Gauge, Histogram

records = Counter("lictor_sink_records_total", "Records received, by topic.", ["topic"])
documents = Counter(
    "lictor_sink_documents_total",
    "Documents done with, by result: stored, present (they stood there already), rejected.",
    ["result"],
)
dead_letters = Counter("lictor_sink_dead_letters_total", "Records put aside, by reason.", ["reason"])
tries_again = Counter(
    "lictor_sink_retries_total", "Bulk requests sent again, whole or in part, by reason.", ["reason"]
)
lookups = Counter("lictor_sink_lookups_total", "Documents looked up before they were created.")
batches_waiting = Gauge("lictor_sink_batches_waiting", "Batches read and not yet done with.")
paused = Gauge("lictor_sink_paused", "1 while reading stands still because Elasticsearch does not keep up.")
elasticsearch_up = Gauge("lictor_sink_elasticsearch_up", "1 if the last request was answered well, else 0.")
lag = Gauge(
    "lictor_sink_lag_records",
    "Records of a partition that are not yet done with.",
    ["topic", "partition"],
)
written_to_stored_seconds = Histogram(
    "lictor_sink_written_to_stored_seconds",
    "From the oldest record of a batch being written to its topic until the whole batch is stored.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10, 60, 600),
)
bulk_seconds = Histogram(
    "lictor_sink_bulk_seconds",
    "Time of one bulk request that was answered.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30),
)
bulk_documents = Histogram(
    "lictor_sink_bulk_documents",
    "Documents in one bulk request.",
    buckets=(1, 10, 50, 100, 250, 500, 1000, 5000),
)
