"""The whole way on one machine: servers, topics and services as supervised children.

`stack` brings it up in order, `services` says how each service is run, `playback` feeds it with a
recording, `feed` hands what comes out to whoever watches.
"""
