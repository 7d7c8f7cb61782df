/* The ring of process events, its balance, and who is left out.
 *
 * Programs at raw tracepoints run with preemption disabled, so what belongs to a cpu is touched by one
 * program at a time. seen = filtered + lost + received, exactly, once the ring is drained. The sequence
 * grows for lost records too, so that a reader sees the gap.
 */

BPF_RINGBUF_OUTPUT(process_ring, RING_PAGES);

struct cpu_counters {
    u64 seen;
    u64 filtered;
    u64 lost;
    u64 sequence;
    u64 unused[4]; /* to a cache line: cpus do not share */
};
BPF_F_TABLE("array", u32, struct cpu_counters, counters, CPUS, BPF_F_MMAPABLE);

struct control {
    u32 only_children_of; /* while the self-check runs: nothing else is looked at, or counted */
    u32 unused;
};
BPF_F_TABLE("array", u32, struct control, control, 1, BPF_F_MMAPABLE);

/* By thread group id: the start time in clock ticks, so that a pid used again is not left out. */
BPF_HASH(own_pids, u32, u64, OWN_PIDS);

INLINE u64 start_of(const void *leader)
{
    return READ(u64, leader, OFFSET_task_struct__start_boottime);
}

/* Counts an event of `leader`'s thread group. NULL: it is not to be reported. */
INLINE struct cpu_counters *admit(const void *leader)
{
    u32 first = 0, cpu = bpf_get_smp_processor_id();
    struct control *settings = control.lookup(&first);
    struct cpu_counters *balance = counters.lookup(&cpu);
    if (!settings || !balance)
        return NULL;
    if (settings->only_children_of) {
        const void *parent = READ_POINTER(leader, OFFSET_task_struct__real_parent);
        if (READ(u32, parent, OFFSET_task_struct__tgid) != settings->only_children_of)
            return NULL;
    }
    balance->seen++;
    u32 pid = READ(u32, leader, OFFSET_task_struct__tgid);
    u64 *own = own_pids.lookup(&pid);
    if (own && *own == start_of(leader) / NS_PER_TICK) {
        balance->filtered++;
        return NULL;
    }
    return balance;
}

INLINE void begin_record(struct record_head *head, struct cpu_counters *balance, const void *leader)
{
    head->cpu = bpf_get_smp_processor_id();
    head->sequence = balance->sequence++;
    head->boot_ns = bpf_ktime_get_boot_ns();
    head->start_ns = start_of(leader);
    head->cgroup_id = bpf_get_current_cgroup_id();
    head->pid = READ(u32, leader, OFFSET_task_struct__tgid);
}
