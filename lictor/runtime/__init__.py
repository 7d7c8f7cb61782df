"""The local runtime: a real Kafka broker and a real Elasticsearch as children, and nothing left over.

The way of things::

    setup          system_packages, artifacts (Maven, checksums), class archive, the system user; undone by
    clean java           a JDK that fits each server state          the state folder: lock, keys, sockets,
    logs, what is live now; ports, account kafka,         settings, command and readiness of one server
    elasticsearch servers        both together supervisor     starts children in order, restarts, stops in
    reverse; tells every change leashed        the supervisor's side of one command leash          the
    guardian process between the supervisor and the command: ends its whole tree when either ends

``python -m lictor.runtime`` runs both servers in the foreground. The sensor, the streams, the enforcer and
the sink run under the same supervisor, as children whose command is ``python -m lictor ...``.
"""
