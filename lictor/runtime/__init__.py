"""The local runtime: a real Kafka broker and a real Elasticsearch as children, and nothing left over.

The way of things::

    system_packages  what apt installs, before there is a virtual environment
    setup            system user, artifacts (Maven, checksums), class_archive; `clean` takes it back
    java             a JDK that fits each server
    state            the state folder: lock, keys, sockets, logs, what is live now; ports, account
    kafka,           settings, command and readiness of one server
    elasticsearch
    servers          both together
    child            what a supervisor keeps up: command, probe, needs, restarts; and its changes
    supervisor       starts children in order, restarts them, stops them in reverse
    leashed          the supervisor's side of one command
    leash            the guardian process between the two, which ends the whole tree when either ends
    interrupt        runs all of it until SIGINT, SIGTERM or SIGHUP
    errors           what can go wrong; every message says what to do

``python -m lictor.runtime`` runs both servers in the foreground. The sensor, the streams, the enforcer and
the sink run under the same supervisor, as children whose command is ``python -m lictor ...``.
"""
