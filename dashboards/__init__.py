"""What people read: Elasticsearch documents and templates, and the sink that writes them.

The way: `source` reads records, `conversion` makes them documents (`documents`, `event_documents`,
`health_documents`; shaped by `ecs` and the other `*_fields`, which `mapping` and `template` make index
templates of), `writer` stores them by the `bulk` protocol with `backoff`, `dead_letters` takes what cannot be
stored, and `progress` says what may be committed. `sink` is the loop, `service` puts it all together.
`install`, `access`, `kibana_import` and `search` serve the commands; `kibana` says what Kibana shows.
"""
