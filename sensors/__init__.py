"""eBPF programs and the way of what they see to Kafka.

(Faust calls its own instrumentation "sensors" too; nothing here has to do with it.)
"""
