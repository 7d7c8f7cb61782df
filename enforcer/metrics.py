"""What an enforcer says about itself (Prometheus, base units)."""

from prometheus_client import Counter, Gauge, Histogram

received = Counter(
    "lictor_enforcer_received_total", "Records read from the partition that this node's orders are in."
)
lag = Gauge(
    "lictor_enforcer_lag_records",
    "Records of the same partition that wait to be read, as of the last health record.",
)
outcomes = Counter("lictor_enforcer_outcomes_total", "What became of orders for this node.", ["result"])
repeats = Counter("lictor_enforcer_repeats_total", "Orders that had been carried out before.")
dead_letters = Counter(
    "lictor_enforcer_dead_letters_total", "Order records put aside, by reason.", ["reason"]
)
policy_waits = Counter(
    "lictor_enforcer_policy_waits_total",
    "Orders judged by newer policies than were known here, by whether those came in time.",
    ["came"],
)
uncommitted = Gauge("lictor_enforcer_orders_uncommitted", "Orders read whose outcome is not stored yet.")
signaller_up = Gauge("lictor_enforcer_signaller_up", "1 while the signaller is connected, else 0.")
exec_to_kill_seconds = Histogram(
    "lictor_enforcer_exec_to_kill_seconds",
    "From the exec of a denied program to the signal.",
    buckets=(0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
)
order_seconds = Histogram(
    "lictor_enforcer_order_seconds",
    "From an order's arrival to the request for the signal or the refusal.",
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1),
)
