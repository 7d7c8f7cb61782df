"""What people read: Elasticsearch documents and templates, and the sink that writes them.

The way: `source` reads records, `sink` makes them `documents` (shaped by `ecs`, mapped by
`template`), `writer` stores them by the `bulk` protocol with `backoff`, `dead_letters` takes what
cannot be stored, and `progress` says what may be committed. `service` puts it all together;
`install` and `search` serve the commands.
"""
