"""eBPF programs and the way of what they see to Kafka.

The way of an event: the programs (`programs/`, loaded by `kernel`, fitted to the running kernel by `btf`
and checked by `self_check`) write records into a ring; `ring_records` reads them; `assembly` makes
events of them, with what the `process_table` (begun by the `inventory`) and the `boot_clock` know and
without what `redaction` takes out; `batches` collects them by workload; `publisher` hands them to Kafka
and counts what became of them; `health` reports the balance. `pipeline` is one step of all that, `service`
runs it on a tick, and `in_memory` has twins of the kernel and the broker.

(Faust calls its own instrumentation "sensors" too; nothing here has to do with it.)
"""
